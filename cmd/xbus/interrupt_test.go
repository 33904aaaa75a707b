package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Ctrl-C during any command: a clean end within a second, with the summary.
func TestInterrupt(t *testing.T) {
	hall, stop, err := startServe(program("serve", "--demo", "--commander", "0", "--notifier", "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	silent, err := silentPort(t)
	if err != nil {
		t.Fatal(err)
	}

	for name, c := range map[string]struct {
		args []string
		// begun is a part of the output after which the command is under way;
		// "" for commands that say nothing until the end.
		begun string
		code  int
		end   string // a part of what is printed at the end
	}{
		"call":                      {[]string{"call", "demo.progress", "n=1000", "--progress"}, `"i":2`, codeInterrupted, "-- demo.progress: no answer in "},
		"silent call":               {[]string{"call", "demo.never"}, "", codeInterrupted, "; it may have run\nxbus: interrupted"},
		"sub":                       {[]string{"sub", "demo::*"}, "listening", codeOK, "event(s) in"},
		"sub --json":                {[]string{"sub", "demo::*", "--json"}, "demo::clock", codeOK, "event(s) in"},
		"pub":                       {[]string{"pub", "demo::x", "--count", "100000", "--rate", "100"}, "", codeOK, "sent, "},
		"state":                     {[]string{"state", "--watch"}, "connected", codeOK, "session(s)"},
		"commands":                  {[]string{"commands", "--watch"}, "demo.echo", codeOK, "change(s)"},
		"latency":                   {[]string{"latency", "--count", "0"}, "   2", codeOK, "measured: min"},
		"check":                     {[]string{"check", "lag", "--for", "1m"}, "", codeOK, "OK lag"},
		"bench call":                {[]string{"bench", "call", "--duration", "1m"}, "", codeOK, "measured: min"},
		"bench events":              {[]string{"bench", "events", "--duration", "1m", "--rate", "100"}, "", codeOK, "sent, "},
		"bench connect":             {[]string{"bench", "connect", "--duration", "1m"}, "", codeOK, "measured: min"},
		"doctor":                    {[]string{"doctor"}, "motd answered", codeInterrupted, "xbus: interrupted"},
		"serve":                     {[]string{"serve", "--demo", "--commander", "0", "--notifier", "0"}, `"ready":true`, codeOK, "drained in"},
		"connecting":                {[]string{"call", "demo.echo", "--timeout", "30s", "--url", silent}, "", codeInterrupted, "xbus: interrupted"},
		"connecting sub":            {[]string{"sub", "demo::*", "--timeout", "30s", "--url", silent}, "", codeInterrupted, "xbus: interrupted"},
		"connecting man":            {[]string{"man", "demo.echo", "--timeout", "30s", "--url", silent}, "", codeInterrupted, "xbus: interrupted"},
		"connecting check conn":     {[]string{"check", "conn", "--timeout", "30s", "--url", silent}, "", codeInterrupted, "xbus: interrupted"},
		"connecting check call":     {[]string{"check", "call", "--timeout", "30s", "--url", silent}, "", codeInterrupted, "xbus: interrupted"},
		"connecting check registry": {[]string{"check", "registry", "--timeout", "30s", "--url", silent}, "", codeInterrupted, "xbus: interrupted"},
		"connecting state":          {[]string{"state", "--timeout", "30s", "--url", silent}, "", codeInterrupted, "xbus: interrupted"},
		"connecting commands":       {[]string{"commands", "--timeout", "30s", "--url", silent}, "", codeInterrupted, "xbus: interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := program(c.args...)
			cmd.Env = append(cmd.Env, "XBUS_URL="+hall.URL)
			out := startFor(t, cmd, c.begun)
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
	call := program("call", "demo.never", "--json", "--url", out.ready(t).URL)
	callOut := startFor(t, call, "")
	began := time.Now()
	if err := serve.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	text, code := out.end(t, serve)
	if took := time.Since(began); code != codeOK || took < 200*time.Millisecond || took > 3*time.Second || !strings.Contains(text, "drained in ") {
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
	serve := program("serve", "--demo", "--commander", "0", "--notifier", "0")
	hall, stop, err := startServe(serve)
	if err != nil {
		t.Fatal(err)
	}
	call := program("call", "demo.slow", "ms=600", "--json", "--url", hall.URL)
	out := startFor(t, call, "")
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

// startFor starts a program and waits until it has printed begun; for "" a
// moment that is enough to be under way.
func startFor(t *testing.T, cmd *exec.Cmd, begun string) *output {
	t.Helper()
	return startWithin(t, cmd, begun, 10*time.Second)
}

func startWithin(t *testing.T, cmd *exec.Cmd, begun string, patience time.Duration) *output {
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
	if begun == "" {
		time.Sleep(400 * time.Millisecond)
		return o
	}
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
