package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/interop"
)

// freePorts are two ports that nobody listens on.
func freePorts(t *testing.T) (commander, notifier int) {
	t.Helper()
	ports := []*int{&commander, &notifier}
	for _, p := range ports {
		var err error
		if *p, err = interop.FreePort("127.0.0.1"); err != nil {
			t.Fatal(err)
		}
	}
	return commander, notifier
}

func serveAt(t *testing.T, commander, notifier int, flags ...string) (line ready, stop func()) {
	t.Helper()
	args := append([]string{"serve", "--demo", "--exact", "--commander", fmt.Sprint(commander), "--notifier", fmt.Sprint(notifier)}, flags...)
	line, stop, err := startServe(program(args...))
	if err != nil {
		t.Fatal(err)
	}
	return line, stop
}

// A hall that restarts leaves a gap, which is printed as such, and the events go on.
func TestSubShowsGaps(t *testing.T) {
	commander, notifier := freePorts(t)
	hall, stop := serveAt(t, commander, notifier)
	json := program("sub", "demo::clock", "--json", "--url", hall.URL)
	text := program("sub", "demo::clock", "--url", hall.URL)
	lines, words := startFor(t, json, "demo::clock"), startFor(t, text, "demo::clock")
	stop()
	_, stop = serveAt(t, commander, notifier)
	defer stop()
	lines.await(t, `"type":"gap","pattern":"demo::clock"`)
	lines.await(t, `"type":"event"`)
	words.await(t, "-- gap in demo::clock: ")
	for _, p := range []struct {
		out *output
		cmd func() error
	}{{lines, func() error { return json.Process.Signal(os.Interrupt) }}, {words, func() error { return text.Process.Signal(os.Interrupt) }}} {
		if err := p.cmd(); err != nil {
			t.Fatal(err)
		}
	}
	for name, end := range map[string]func() (string, int){
		"json": func() (string, int) { return lines.end(t, json) }, "text": func() (string, int) { return words.end(t, text) },
	} {
		if out, code := end(); code != codeOK || !strings.Contains(out, "1 gap(s)") {
			t.Errorf("%s: code %d\n%s", name, code, out)
		}
	}
}

// A hall that comes back with other commands: the watches print the difference,
// and the way there.
func TestWatchesShowChanges(t *testing.T) {
	commander, notifier := freePorts(t)
	hall, stop, err := startServe(program("serve", "--exact", "--commander", fmt.Sprint(commander), "--notifier", fmt.Sprint(notifier)))
	if err != nil {
		t.Fatal(err)
	}
	text := program("commands", "demo.*", "--watch", "-v", "--url", hall.URL)
	json := program("commands", "--watch", "--json", "--url", hall.URL)
	state := program("state", "--watch", "--json", "--url", hall.URL)
	words, lines := startFor(t, text, "phase=connected"), startFor(t, json, `"type":"command"`)
	states := startFor(t, state, `"phase":"connected","epoch":1`)
	stop()
	_, stop = serveAt(t, commander, notifier)
	defer stop()
	words.await(t, "+ demo.echo")
	lines.await(t, `{"name":"demo.echo","type":"added"}`)
	states.await(t, `"phase":"connected","epoch":2`)
	for _, w := range []struct {
		cmd *exec.Cmd
		out *output
		end string
	}{{text, words, "change(s)"}, {json, lines, "change(s)"}, {state, states, "2 session(s)"}} {
		if err := w.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if out, code := w.out.end(t, w.cmd); code != codeOK || !strings.Contains(out, w.end) {
			t.Errorf("%v: code %d\n%s", w.cmd.Args, code, out)
		}
	}
}

// A hall that says game over ends what runs until it is stopped, with code 3.
func TestGameOverEndsTheWatch(t *testing.T) {
	commander, notifier := freePorts(t)
	hall, stop := serveAt(t, commander, notifier, "--gameover")
	sub, state := program("sub", "demo::*", "--url", hall.URL), program("state", "--watch", "--url", hall.URL)
	subOut, stateOut := startFor(t, sub, "listening"), startFor(t, state, "connected")
	stop()
	if out, code := subOut.end(t, sub); code != codeConnection || !strings.Contains(out, "shut down") {
		t.Errorf("sub: code %d\n%s", code, out)
	}
	if out, code := stateOut.end(t, state); code != codeConnection || !strings.Contains(out, "closed") {
		t.Errorf("state: code %d\n%s", code, out)
	}
}

// A real server is found by its root: by the ports that it really has, which its
// run file tells, and not by those of its etc folder, which were busy.
func TestRealRoot(t *testing.T) {
	interop.Require(t)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir) // where the server makes its root
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	wanted := busy.Addr().(*net.TCPAddr).Port
	_, notifier := freePorts(t)
	hall := interop.StartServerT(t, interop.ServerOptions{Commander: wanted, Notifier: notifier})
	roots, err := filepath.Glob(filepath.Join(dir, "xbus-*"))
	if err != nil || len(roots) != 1 {
		t.Fatalf("roots of the server: %v %v", roots, err)
	}
	out, err := program("doctor", "--root", roots[0]).CombinedOutput()
	real := fmt.Sprint(hall.Ready().CommanderPort)
	if err != nil || real == fmt.Sprint(wanted) {
		t.Fatalf("%v, port %s\n%s", err, real, out)
	}
	for _, part := range []string{"xcraftd.", "; not " + fmt.Sprint(wanted) + " of " + filepath.Join(roots[0], "etc"), "session in"} {
		if !strings.Contains(string(out), part) {
			t.Errorf("the doctor does not tell %q:\n%s", part, out)
		}
	}
	if strings.Contains(string(out), "not known") {
		t.Errorf("keys of the real files are not known:\n%s", out)
	}
}

// await reads on until a line has the part.
func (o *output) await(t *testing.T, part string) {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case line, ok := <-o.lines:
			o.text.WriteString(line + "\n")
			if strings.Contains(line, part) {
				return
			}
			if !ok {
				t.Fatalf("it has ended before %q:\n%s", part, o.text.String())
			}
		case <-limit:
			t.Fatalf("no %q in\n%s", part, o.text.String())
		}
	}
}

// A hall that dies during a call: no connection, and the call may have run.
func TestCallWhoseHallDies(t *testing.T) {
	serve := program("serve", "--demo", "--commander", "0", "--notifier", "0")
	hall, stop, err := startServe(serve)
	if err != nil {
		t.Fatal(err)
	}
	call := program("call", "demo.progress", "n=10000", "--progress", "--json", "--url", hall.URL)
	out := startFor(t, call, `"i":1`)
	if err := serve.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	text, code := out.end(t, call)
	stop()
	if code != codeConnection || !strings.Contains(text, `"verdict":"it may have run"`) || time.Since(began) > patience {
		t.Errorf("code %d after %v\n%s", code, time.Since(began), text)
	}
}
