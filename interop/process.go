package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stopWait is how long a process may take to end politely; the great hall gives
	// itself 10 s.
	stopWait = 15 * time.Second
	// stderrKept is how much of the end of stderr is kept for failures.
	stderrKept = 64 << 10
)

// process is a script that runs in node. The goroutine that watches it ends
// with it; kill and stop wait for that goroutine.
type process struct {
	script string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr *tail
	root   string // the folder of its configuration, removed after its end

	asked atomic.Bool   // its end was asked for, or waited for
	ended chan struct{} // closed after the end, when all its output was read
	err   error         // of Wait; valid once ended is closed
}

// start runs a script. onLine gets each line of stdout, one at a time; it must
// not keep the slice. Lines that it does not want go to the kept stderr.
func start(script string, args []string, onLine func(line []byte) (wanted bool)) (*process, error) {
	where, err := locate()
	if err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp("", "xbus-interop-")
	if err != nil {
		return nil, fmt.Errorf("interop: %s: %w", script, err)
	}

	p := &process{script: script, root: root, stderr: &tail{size: stderrKept}, ended: make(chan struct{})}
	p.cmd = exec.Command(where.node, append([]string{filepath.Join(where.dir, script), "--root=" + root}, args...)...)
	p.cmd.Env = environment(os.Environ())
	p.cmd.Stdout = &lines{each: func(line []byte) {
		if !onLine(line) {
			fmt.Fprintf(p.stderr, "%s\n", line)
		}
	}}
	p.cmd.Stderr = p.stderr
	p.cmd.WaitDelay = stopWait
	detach(p.cmd)
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		os.RemoveAll(root)
		return nil, fmt.Errorf("interop: %s: %w", script, err)
	}
	go p.watch()
	return p, nil
}

func (p *process) watch() {
	defer close(p.ended)
	p.err = p.cmd.Wait()
	os.RemoveAll(p.root) // a killed process could not
}

// environment leaves out the variables that the scripts take as options: what a
// developer has set for xbus itself must not change the server of a test.
func environment(all []string) []string {
	kept := make([]string, 0, len(all))
	for _, v := range all {
		if !strings.HasPrefix(v, "XBUS_") && !strings.HasPrefix(v, "XCRAFT_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// stop asks the process to end by calling ask, waits, and returns its exit
// code. A process that does not end is killed, which is an error.
func (p *process) stop(ask func() error) (int, error) {
	p.asked.Store(true)
	if p.alive() {
		if err := errors.Join(ask(), resume(p.cmd.Process)); err != nil && p.alive() {
			return p.kill(), fmt.Errorf("interop: %s: %w", p.script, err)
		}
	}
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(stopWait):
		return p.kill(), fmt.Errorf("interop: %s did not end within %v, it was killed", p.script, stopWait)
	}
}

// kill ends the process at once and waits for its end.
func (p *process) kill() int {
	p.asked.Store(true)
	p.cmd.Process.Kill() // fails only for a process that has ended
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

// wait waits for an end that something else brings about.
func (p *process) wait(ctx context.Context) (int, error) {
	p.asked.Store(true)
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("interop: %s still runs: %w", p.script, context.Cause(ctx))
	}
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *process) signal(name string, send func(*os.Process) error) error {
	if err := send(p.cmd.Process); err != nil {
		return fmt.Errorf("interop: %s: cannot %s it: %w", p.script, name, err)
	}
	return nil
}

// explain adds what the process printed to an error.
func (p *process) explain(err error) error {
	if text := strings.TrimSpace(p.stderr.String()); text != "" {
		return fmt.Errorf("%w\n--- stderr of %s ---\n%s", err, p.script, text)
	}
	return err
}

// lines calls each for every complete line that is written to it.
type lines struct {
	each    func([]byte)
	pending []byte
}

func (l *lines) Write(p []byte) (int, error) {
	rest := p
	for {
		line, after, found := bytes.Cut(rest, []byte{'\n'})
		if !found {
			l.pending = append(l.pending, rest...)
			return len(p), nil
		}
		if len(l.pending) > 0 {
			line = append(l.pending, line...)
			l.pending = l.pending[:0]
		}
		l.each(line)
		rest = after
	}
}

// tail keeps the last size bytes that are written to it.
type tail struct {
	size int
	mu   sync.Mutex
	buf  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.size; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
