package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/server"
)

// Ctrl-C during any command: a clean end at once, with the summary.
func TestInterrupt(t *testing.T) {
	hall, err := server.Listen(t.Context(), server.Config{Listen: []string{"xcraft://127.0.0.1:0"}, Offer: []string{commandBroadcast}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hall.Close() })
	end, err := startDemo(hall)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	silent, dialed := deaf(t)

	// What the hall, or the ports without one, see of programs that say nothing
	// until their end.
	type seen struct {
		server.Stats
		dialed int64
	}
	look := func() seen { return seen{hall.Stats(), dialed.Load()} }
	calls := func(was, is seen) bool { return is.Received >= was.Received+10 }
	hangs := func(_, is seen) bool { return is.InFlight > 0 }
	visits := func(was, is seen) bool { return is.Accepted >= was.Accepted+3 }
	dials := func(was, is seen) bool { return is.dialed >= was.dialed+2 }

	for name, c := range map[string]struct {
		args []string
		// begun is a part of the output after which the command is under way, or a
		// func(was, is seen) bool.
		begun any
		code  int
		end   string // a part of what is printed at the end
	}{
		"call":                      {[]string{"call", "demo.progress", "n=100000", "--progress"}, `"i":2`, codeInterrupted, "-- demo.progress: no answer in "},
		"silent call":               {[]string{"call", "demo.never"}, hangs, codeInterrupted, "; it may have run\nxbus: interrupted"},
		"sub":                       {[]string{"sub", "demo::*"}, "listening", codeOK, "event(s) in"},
		"sub --json":                {[]string{"sub", "demo::*", "--json"}, "demo::clock", codeOK, "event(s) in"},
		"pub":                       {[]string{"pub", "demo::x", "--count", "100000", "--rate", "100"}, calls, codeOK, "sent, "},
		"state":                     {[]string{"state", "--watch"}, "connected", codeOK, "session(s)"},
		"commands":                  {[]string{"commands", "--watch"}, "demo.echo", codeOK, "change(s)"},
		"latency":                   {[]string{"latency", "--count", "0"}, "   2", codeOK, "measured: min"},
		"check":                     {[]string{"check", "lag", "--for", "10m", "-v"}, "phase=connected", codeOK, "OK lag"},
		"bench call":                {[]string{"bench", "call", "--duration", "10m"}, calls, codeOK, "measured: min"},
		"bench events":              {[]string{"bench", "events", "--duration", "10m", "--rate", "100"}, calls, codeOK, "sent, "},
		"bench connect":             {[]string{"bench", "connect", "--duration", "10m"}, visits, codeOK, "measured: min"},
		"doctor":                    {[]string{"doctor"}, "motd answered", codeInterrupted, "xbus: interrupted"},
		"serve":                     {[]string{"serve", "--demo", "--commander", "0", "--notifier", "0"}, `"ready":true`, codeOK, "drained in"},
		"connecting":                {[]string{"call", "demo.echo", "--timeout", "5m", "--url", silent}, dials, codeInterrupted, "xbus: interrupted"},
		"connecting sub":            {[]string{"sub", "demo::*", "--timeout", "5m", "--url", silent}, dials, codeInterrupted, "xbus: interrupted"},
		"connecting man":            {[]string{"man", "demo.echo", "--timeout", "5m", "--url", silent}, dials, codeInterrupted, "xbus: interrupted"},
		"connecting check conn":     {[]string{"check", "conn", "--timeout", "5m", "--url", silent}, dials, codeInterrupted, "xbus: interrupted"},
		"connecting check call":     {[]string{"check", "call", "--timeout", "5m", "--url", silent}, dials, codeInterrupted, "xbus: interrupted"},
		"connecting check registry": {[]string{"check", "registry", "--timeout", "5m", "--url", silent}, dials, codeInterrupted, "xbus: interrupted"},
		"connecting state":          {[]string{"state", "--timeout", "5m", "--url", silent}, dials, codeInterrupted, "xbus: interrupted"},
		"connecting commands":       {[]string{"commands", "--timeout", "5m", "--url", silent}, dials, codeInterrupted, "xbus: interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := program(c.args...)
			cmd.Env = append(cmd.Env, "XBUS_URL="+hall.URL())
			var out *output
			switch begun := c.begun.(type) {
			case string:
				out = startFor(t, cmd, begun)
			case func(was, is seen) bool:
				for ctx := t.Context(); hall.Stats().Connections > 0 && ctx.Err() == nil; time.Sleep(time.Millisecond) {
					// what is left of the program before is not to be taken for the next one
				}
				was := look()
				out = startUntil(t, cmd, func() bool { return begun(was, look()) })
			}
			began := time.Now()
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			text, code := out.end(t, cmd)
			if took := time.Since(began); took > endLimit {
				t.Errorf("it took %v to end", took)
			}
			if code != c.code || !strings.Contains(text, c.end) {
				t.Errorf("code %d, want %d; output lacks %q:\n%s", code, c.code, c.end, text)
			}
		})
	}
}

// A hall waits for as long as --drain, and no longer.
func TestServeDrainLimit(t *testing.T) {
	serve := program("serve", "--demo", "--commander", "0", "--notifier", "0", "--drain", "200ms")
	out := startFor(t, serve, `"ready":true`)
	call := program("call", "demo.progress", "n=10000", "--progress", "--json", "--url", out.ready(t).URL)
	callOut := startFor(t, call, `"i":1`)
	began := time.Now()
	if err := serve.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	text, code := out.end(t, serve)
	if took := time.Since(began); code != codeOK || took < 200*time.Millisecond || took > patience || !strings.Contains(text, "drained in ") {
		t.Errorf("code %d after %v\n%s", code, took, text)
	}
	if text, code := callOut.end(t, call); code == codeOK || !strings.Contains(text, `"ok":false`) {
		t.Errorf("the call that ran: code %d\n%s", code, text)
	}
}

// The log of a hall and those of its clients do not tell its token; the ready
// line does, once.
func TestLogsTellNoToken(t *testing.T) {
	serve := program("serve", "--demo", "--commander", "0", "--notifier", "0", "-v")
	out := startFor(t, serve, `"ready":true`)
	line := out.ready(t)
	for _, args := range [][]string{
		{"call", "demo.progress", "--progress"}, {"call", "demo.fail"}, {"sub", "demo::clock", "--count", "1"},
		{"pub", "demo::x"}, {"state", "--json"}, {"commands"}, {"doctor"},
	} {
		cmd := program(append(args, "-v", "--url", line.URL)...)
		var log strings.Builder
		cmd.Stderr = &log
		_ = cmd.Run()
		if !strings.Contains(log.String(), "level=") || strings.Contains(log.String(), line.Token) {
			t.Errorf("%v: no log, or the token in it:\n%s", args, log.String())
		}
	}
	if err := serve.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	text, _ := out.end(t, serve)
	if n := strings.Count(text, line.Token); n != 1 || !strings.Contains(text, "level=") {
		t.Errorf("no log, or the token %d times:\n%s", n, text)
	}
}

// ready is the ready line of a hall that startFor has awaited.
func (o *output) ready(t *testing.T) (line ready) {
	t.Helper()
	_, text, _ := strings.Cut("\n"+o.text.String(), "\n{")
	text, _, _ = strings.Cut(text, "\n")
	if err := json.Unmarshal([]byte("{"+text), &line); err != nil || line.Token == "" {
		t.Fatalf("no ready line: %v\n%s", err, o.text.String())
	}
	return line
}

// A hall that is told to end lets commands that run end, and ends with 0.
func TestServeDrainsOnSIGTERM(t *testing.T) {
	serve := program("serve", "--demo", "--commander", "0", "--notifier", "0", "--drain", "1m")
	hall, stop, err := startServe(serve)
	if err != nil {
		t.Fatal(err)
	}
	call := program("call", "demo.progress", "n=20", "ms=30", "--progress", "--json", "--url", hall.URL)
	out := startFor(t, call, `"i":1`)
	stop()
	if code := serve.ProcessState.ExitCode(); code != 0 {
		t.Errorf("serve ended with %d", code)
	}
	if text, code := out.end(t, call); code != 0 || !strings.Contains(text, `"ok":true`) {
		t.Errorf("the call that ran: code %d\n%s", code, text)
	}
}

// An output is what a program has written to both streams.
type output struct {
	lines chan string
	text  strings.Builder
}

// deaf listens on two ports where nobody answers, and counts who comes.
func deaf(t *testing.T) (url string, dialed *atomic.Int64) {
	t.Helper()
	var ports [2]string
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	dialed = new(atomic.Int64)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
		wg.Go(func() {
			for {
				socket, err := l.Accept()
				if err != nil {
					return
				}
				t.Cleanup(func() { socket.Close() })
				dialed.Add(1)
			}
		})
	}
	return "xcraft://127.0.0.1:" + ports[0] + "?events=" + ports[1], dialed
}

// startFor starts a program and waits until it has printed begun.
func startFor(t *testing.T, cmd *exec.Cmd, begun string) *output {
	t.Helper()
	return startWithin(t, cmd, begun, patience)
}

// startUntil starts a program and waits until something else sees that it is under
// way.
func startUntil(t *testing.T, cmd *exec.Cmd, under func() bool) *output {
	t.Helper()
	o := begin(t, cmd)
	for late := time.Now().Add(patience); !under(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("it is not under way")
		}
	}
	return o
}

// begin starts a program.
func begin(t *testing.T, cmd *exec.Cmd) *output {
	t.Helper()
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); w.Close() })
	o := &output{lines: make(chan string, 1<<16)}
	go func() {
		defer close(o.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			o.lines <- s.Text()
		}
	}()
	return o
}

func startWithin(t *testing.T, cmd *exec.Cmd, begun string, patience time.Duration) *output {
	t.Helper()
	o := begin(t, cmd)
	limit := time.After(patience)
	for {
		select {
		case line, ok := <-o.lines:
			if !ok {
				t.Fatalf("it has ended before %q:\n%s", begun, o.text.String())
			}
			o.text.WriteString(line + "\n")
			if strings.Contains(line, begun) {
				return o
			}
		case <-limit:
			t.Fatalf("no %q in\n%s", begun, o.text.String())
		}
	}
}

// end waits for the program; the code is -1 when a signal has killed it.
func (o *output) end(t *testing.T, cmd *exec.Cmd) (text string, code int) {
	t.Helper()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	cmd.Stdout.(io.Closer).Close()
	for line := range o.lines {
		o.text.WriteString(line + "\n")
	}
	return o.text.String(), cmd.ProcessState.ExitCode()
}
