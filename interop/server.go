package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// testWait bounds what the helpers for tests wait for.
const testWait = 30 * time.Second

// Ready is what a great hall says about itself when it is ready.
type Ready struct {
	PID             int    `json:"pid"`
	Host            string `json:"host"`
	CommanderPort   int    `json:"commanderPort"`
	NotifierPort    int    `json:"notifierPort"`
	CommanderSocket string `json:"commanderSocket"`
	NotifierSocket  string `json:"notifierSocket"`
	UnixSocketID    string `json:"unixSocketId"`
	TLS             bool   `json:"tls"`
	MTLS            bool   `json:"mtls"`
	AppID           string `json:"appId"`
	// Token is the token of the great hall; each start draws a new one.
	Token string `json:"token"`
}

// A Server is a real great hall in a process of its own.
//
// Ready, URL, URLFor, Uncaught and Stderr may be called at any time; the
// methods that start, stop and freeze the process belong to one goroutine.
type Server struct {
	opts ServerOptions

	mu       sync.Mutex
	proc     *process // the last one
	ready    Ready
	uncaught []string
}

// StartServer boots a great hall and waits until it is ready. The context
// bounds this wait only; end the server with Stop or Kill.
func StartServer(ctx context.Context, opts ServerOptions) (*Server, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	if opts.Host == "" {
		opts.Host = "127.0.0.1"
	}
	for _, port := range []*int{&opts.Commander, &opts.Notifier} {
		if *port != 0 {
			continue
		}
		free, err := FreePort(opts.Host)
		if err != nil {
			return nil, err
		}
		*port = free
	}
	s := &Server{opts: opts}
	if err := s.boot(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// StartServerT boots a great hall for a test, which is skipped or failed where
// that is impossible (see [Require]). The great hall is stopped at the end of
// the test; when it had ended by itself, the test fails.
func StartServerT(t testing.TB, opts ServerOptions) *Server {
	t.Helper()
	Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), testWait)
	defer cancel()
	s, err := StartServer(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		surprise := !s.process().alive() && !s.process().asked.Load()
		code, err := s.Stop()
		if err != nil {
			t.Error(err)
		}
		if surprise {
			t.Errorf("interop: the great hall ended by itself with code %d", code)
		}
		for _, text := range s.Uncaught() {
			t.Logf("interop: uncaught in the great hall: %s", text)
		}
		if t.Failed() {
			t.Logf("stderr of the great hall:\n%s", s.Stderr())
		}
	})
	return s
}

// boot starts the process and waits for its ready line.
func (s *Server) boot(ctx context.Context) error {
	args, err := s.opts.flags()
	if err != nil {
		return err
	}
	ready := make(chan bootLine, 1)
	proc, err := start("server.js", args, func(line []byte) bool {
		var l bootLine
		if json.Unmarshal(line, &l) != nil {
			return false
		}
		switch {
		case l.Uncaught != nil:
			s.addUncaught(*l.Uncaught)
		case l.OK != nil:
			select {
			case ready <- l:
			default:
			}
		default:
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.proc = proc
	s.mu.Unlock()

	select {
	case line := <-ready:
		return s.booted(line)
	case <-proc.ended:
		err = fmt.Errorf("interop: the great hall ended during its boot: %v", proc.err)
	case <-ctx.Done():
		proc.kill()
		err = fmt.Errorf("interop: the great hall is not ready: %w", context.Cause(ctx))
	}
	return proc.explain(err)
}

// bootLine is one line of the stdout of the great hall.
type bootLine struct {
	OK       *bool   `json:"ready"`
	Error    string  `json:"error"`
	Uncaught *string `json:"uncaught"`
	Ready
}

func (s *Server) booted(line bootLine) error {
	if !*line.OK {
		proc := s.process()
		proc.kill()
		return proc.explain(fmt.Errorf("interop: the great hall did not boot: %s", line.Error))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = line.Ready
	return nil
}

func (s *Server) process() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

func (s *Server) addUncaught(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uncaught = append(s.uncaught, text)
}

// Ready is what the great hall said when it was ready the last time.
func (s *Server) Ready() Ready {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

// URL is the address of the great hall:
//
//	xcraft://127.0.0.1:21400?events=21800
//	xcrafts://127.0.0.1:21400?ca=FILE&events=21800
//	xcraft+unix://ID?commander=21400&events=21800
func (s *Server) URL() string { return s.URLFor(KeyPair{}) }

// URLFor is the address of the great hall for a client that has a certificate:
// the URL with cert=FILE and key=FILE.
func (s *Server) URLFor(client KeyPair) string {
	r := s.Ready()
	return address{
		host:      r.Host,
		commander: r.CommanderPort,
		notifier:  r.NotifierPort,
		unix:      r.UnixSocketID,
		secure:    r.TLS,
		ca:        s.opts.Cert,
		client:    client,
	}.String()
}

// Uncaught is the exceptions that nothing caught in the great hall.
func (s *Server) Uncaught() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.uncaught...)
}

// Stderr is the end of what the process wrote to stderr, at most 64 KiB.
func (s *Server) Stderr() string { return s.process().stderr.String() }

// Stop shuts the great hall down as SIGTERM does (greathall::shutdown, gameover)
// and returns its exit code: its clients stop for good. It may be called again.
func (s *Server) Stop() (int, error) {
	defer s.removeSockets()
	proc := s.process()
	return proc.stop(func() error { return terminate(proc.cmd.Process) })
}

// Kill ends the process at once, as SIGKILL does: its clients try to come back.
func (s *Server) Kill() {
	s.process().kill()
	s.removeSockets()
}

// Wait waits until the great hall has ended by itself and returns its exit code.
func (s *Server) Wait(ctx context.Context) (int, error) { return s.process().wait(ctx) }

// Pause freezes the process as SIGSTOP does: its sockets stay open and silent.
func (s *Server) Pause() error { return s.process().signal("pause", pause) }

// Resume lets a frozen process go on.
func (s *Server) Resume() error { return s.process().signal("resume", resume) }

// Restart kills the great hall if it still runs, and boots it again on the same
// ports with a new token.
func (s *Server) Restart(ctx context.Context) error {
	s.Kill()
	before := s.Ready()
	s.opts.Commander, s.opts.Notifier = before.CommanderPort, before.NotifierPort
	if err := s.boot(ctx); err != nil {
		return err
	}
	after := s.Ready()
	if after.CommanderPort != before.CommanderPort || after.NotifierPort != before.NotifierPort {
		s.Kill()
		return fmt.Errorf("interop: the ports %d and %d were taken during the restart",
			before.CommanderPort, before.NotifierPort)
	}
	return nil
}

// removeSockets removes the files that a killed server leaves behind.
func (s *Server) removeSockets() {
	r := s.Ready()
	for _, file := range []string{r.CommanderSocket, r.NotifierSocket} {
		if file == "" {
			continue
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(s.process().stderr, "remove the socket: %v\n", err)
		}
	}
}
