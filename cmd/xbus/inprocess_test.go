package main

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus/server"
)

// silentPort is the address of two ports that accept and say nothing.
func silentPort(t *testing.T) (string, error) {
	t.Helper()
	var ports [2]string
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		t.Cleanup(func() { l.Close() })
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
	}
	return "xcraft://127.0.0.1:" + ports[0] + "?events=" + ports[1], nil
}

// Every command against a hall of the same process.
func TestInProcess(t *testing.T) {
	hall, err := server.Listen(t.Context(), server.Config{Listen: []string{"mem://cli"}, Offer: []string{commandBroadcast}})
	if err != nil {
		t.Fatal(err)
	}
	defer hall.Close()
	end, err := startDemo(hall)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	for _, c := range []struct {
		args string
		code int
		out  string // a part of stdout, or of stderr after a failure
	}{
		{"call demo.echo x=1 --json", codeOK, `"data":{"x":1}`},
		{"call demo.tick n=1", codeOK, "1"},
		{"call demo.fail", codeRemote, "it failed"},
		{"call demo.panic", codeRemote, "PANIC"},
		{"call demo.ehco", codeUnknown, "did you mean"},
		{"call demo.never --timeout 2s", codeTimeout, "may have run"},
		{"sub demo::clock --count 1", codeOK, "demo::clock {"},
		{"pub demo::x a=1 --count 3 --json", codeOK, `"back":3`},
		{"pub Someone@0123::x --wait 100ms", codeRefused, "no event came back"},
		{"commands demo.*", codeOK, "demo.echo"},
		{"man demo.params", codeOK, "tags"},
		{"state --json", codeOK, `"phase":"connected"`},
		{"latency --count 2 --interval 1ms --json", codeOK, `"count":2`},
		{"check conn", codeOK, "OK conn"},
		{"check registry --min 1000", int(critical), "CRITICAL"},
		{"bench call --duration 50ms", codeOK, "call: 1 clients"},
		{"bench events --duration 50ms --rate 100", codeOK, "events: 1 clients"},
		{"bench connect --duration 50ms", codeOK, "connect: 1 clients"},
		{"doctor", codeOK, "ok       handshake"},
		{"version", codeOK, "xbus"},
	} {
		args := strings.Fields(c.args)
		if !slices.Contains(args, "version") {
			args = append(args, "--url", "mem://cli")
		}
		var out, stderr bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &stderr}
		code := a.execute(t.Context(), args)
		text := out.String()
		if c.code != codeOK {
			text += stderr.String()
		}
		if code != c.code || !strings.Contains(text, c.out) {
			t.Errorf("%s: code %d, want %d; output lacks %q:\n%s%s", c.args, code, c.code, c.out, out.String(), stderr.String())
		}
	}
}

// A hall that says nothing is no connection, after --timeout.
func TestSilentHall(t *testing.T) {
	url, err := silentPort(t)
	if err != nil {
		t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &out, err: &stderr}
	began := time.Now()
	code := a.execute(t.Context(), []string{"state", "--url", url, "--timeout", "1s"})
	if code != codeConnection || !strings.Contains(stderr.String(), "no sign of life") || time.Since(began) > patience {
		t.Errorf("code %d after %v: %s", code, time.Since(began), stderr.String())
	}
}

// The help of each command has an example that is a command line of its own.
func TestHelp(t *testing.T) {
	root := (&app{}).rootCommand()
	for _, cmd := range commandsBeneath(root) {
		if cmd.Short == "" || !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: short %q, example %q", cmd.CommandPath(), cmd.Short, cmd.Example)
		}
		var out bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &out}
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		if code := a.execute(context.Background(), args); code != codeOK || !strings.Contains(out.String(), "Examples:") {
			t.Errorf("%s --help: code %d\n%s", cmd.CommandPath(), code, out.String())
		}
	}
}

func commandsBeneath(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		list = append(list, commandsBeneath(sub)...)
	}
	return list
}

// The long commands show their progress on a terminal, and only there.
func TestProgressOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, terminal := range []bool{true, false} {
			var out bytes.Buffer
			a := &app{err: &out, terminal: terminal}
			m := a.meter(func(time.Duration) string { return "half done" })
			time.Sleep(250 * time.Millisecond)
			m.end()
			if shown := strings.Contains(out.String(), "half done"); shown != terminal {
				t.Errorf("terminal %v: %q", terminal, out.String())
			}
		}
	})
}
