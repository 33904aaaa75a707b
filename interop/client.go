package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"
)

// ClientOptions describes a JS client; only URL is required.
type ClientOptions struct {
	// URL is the great hall: see [Server.URL] and [Server.URLFor].
	URL string
	// App is the appId of the client ("xbusclient").
	App string
	// Nice and NoForwarding are announced by autoconnect.
	Nice         int
	NoForwarding bool
	// KeepAlive is the delay of TCP keep-alive (6 s).
	KeepAlive time.Duration
	// Timeout is the idle time after which the client destroys a socket.
	Timeout time.Duration
	// Subscriptions replaces the first ones, greathall::* and gameover.
	Subscriptions []string
	// EndOnLoss ends the process with code 9, 10 s after a connection on this
	// machine was lost: the rule of nodes that are not passive (protocol §4.4).
	EndOnLoss bool
	// Record is a folder for the raw bytes of both sockets and their timeline.
	Record string
	// Log is how much goes to stderr.
	Log LogLevel

	script string
}

func (o ClientOptions) flags() ([]string, error) {
	a, err := parseAddress(o.URL)
	if err != nil {
		return nil, err
	}
	f := flags{}
	f.text("host", a.host)
	f.number("commander", a.commander)
	f.number("notifier", a.notifier)
	f.text("unix", a.unix)
	f.text("ca", a.ca)
	f.text("key", a.client.Key)
	f.text("cert", a.client.Cert)
	f.text("app", o.App)
	f.number("nice", o.Nice)
	f.text("noforwarding", strconv.FormatBool(o.NoForwarding))
	f.duration("keepalive", o.KeepAlive)
	f.duration("timeout", o.Timeout)
	f.text("passive", strconv.FormatBool(!o.EndOnLoss))
	f.text("record", o.Record)
	if o.script != "" {
		f.text("script", o.script)
		f.list = append(f.list, "--stdin")
	}
	f.log(o.Log)
	if len(o.Subscriptions) > 0 {
		f.json("subs", o.Subscriptions)
	}
	return f.list, f.err
}

// A Client is a real JS client in a process of its own. Its operations are
// described at the top of client.js; they run one after the other.
//
// Everything may be called from any goroutine. Pause, Resume, Stop and Kill do
// not wait for operations that are under way.
type Client struct {
	proc *process

	writing sync.Mutex // one operation is one line

	mu      sync.Mutex
	facts   []Fact
	taken   map[int]bool  // indices of facts that a Wait has returned
	changed chan struct{} // closed and replaced at each new fact
	labels  int
}

// StartClient starts a JS client, not connected yet. The context bounds the
// start only; end the client with Stop or Kill.
func StartClient(ctx context.Context, opts ClientOptions) (*Client, error) {
	args, err := opts.flags()
	if err != nil {
		return nil, err
	}
	c := &Client{taken: map[int]bool{}, changed: make(chan struct{})}
	if c.proc, err = start("client.js", args, c.add); err != nil {
		return nil, err
	}
	if _, err := c.Wait(ctx, "started", ""); err != nil {
		c.Kill()
		return nil, err
	}
	return c, nil
}

// StartClientT starts a JS client for a test, connects it, and stops it at the
// end of the test.
func StartClientT(t testing.TB, opts ClientOptions) *Client {
	t.Helper()
	Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), testWait)
	defer cancel()
	c, err := StartClient(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("stderr of the JS client:\n%s", c.Stderr())
		}
	})
	if _, err := c.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

// Do hands one operation to the client, for instance
//
//	c.Do(map[string]any{"op": "state"})
//
// and does not wait for what comes of it.
func (c *Client) Do(op any) error {
	line, err := json.Marshal(op)
	if err != nil {
		return fmt.Errorf("interop: operation: %w", err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if _, err := c.proc.stdin.Write(append(line, '\n')); err != nil {
		return c.proc.explain(fmt.Errorf("interop: operation %s: %w", line, err))
	}
	return nil
}

// operation is the members that most operations have.
type operation struct {
	Op    string `json:"op"`
	Label string `json:"label,omitempty"`
	Cmd   string `json:"cmd,omitempty"`
	Topic string `json:"topic,omitempty"`
	Data  any    `json:"data,omitempty"`
}

// Connect connects the client and waits until it is.
func (c *Client) Connect(ctx context.Context) (Fact, error) {
	if err := c.Do(operation{Op: "connect"}); err != nil {
		return Fact{}, err
	}
	f, err := c.Wait(ctx, "connected", "")
	if err == nil && string(f.Error) != "null" {
		err = fmt.Errorf("interop: the JS client cannot connect: %s", f.Error)
	}
	return f, err
}

// Send sends a command; its answer is a fact "result" or "error" with the
// label. Without label nobody waits for the answer.
func (c *Client) Send(label, cmd string, data any) error {
	return c.Do(operation{Op: "send", Label: label, Cmd: cmd, Data: data})
}

// Call sends a command and waits for the fact "result" or "error".
func (c *Client) Call(ctx context.Context, cmd string, data any) (Fact, error) {
	label := c.newLabel()
	if err := c.Send(label, cmd, data); err != nil {
		return Fact{}, err
	}
	return c.WaitFunc(ctx, "the answer of "+cmd, func(f Fact) bool {
		return f.Label == label && (f.Kind == "result" || f.Kind == "error")
	})
}

func (c *Client) newLabel() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.labels++
	return fmt.Sprintf("call %d", c.labels)
}

// Subscribe subscribes a topic and waits until it is; the events are facts
// "event" with the label.
func (c *Client) Subscribe(ctx context.Context, label, topic string) error {
	if err := c.Do(operation{Op: "subscribe", Label: label, Topic: topic}); err != nil {
		return err
	}
	_, err := c.Wait(ctx, "subscribed", label)
	return err
}

// Wait returns the first fact of this kind, and with this label unless it is
// empty, that no other Wait has returned.
func (c *Client) Wait(ctx context.Context, kind, label string) (Fact, error) {
	return c.WaitFunc(ctx, fmt.Sprintf("%q %q", kind, label), func(f Fact) bool {
		return f.Kind == kind && (label == "" || f.Label == label)
	})
}

// WaitFunc is like Wait, for the facts that want accepts; what names them in
// errors.
func (c *Client) WaitFunc(ctx context.Context, what string, want func(Fact) bool) (Fact, error) {
	seen := 0
	for {
		ended := !c.proc.alive() // before the look: no fact comes afterwards
		f, found, changed := c.take(&seen, want)
		switch {
		case found:
			return f, nil
		case ended:
			return Fact{}, c.proc.explain(fmt.Errorf("interop: the JS client ended (%v) before %s", c.proc.err, what))
		}
		select {
		case <-changed:
		case <-c.proc.ended:
		case <-ctx.Done():
			return Fact{}, c.proc.explain(fmt.Errorf("interop: no fact %s from the JS client: %w", what, context.Cause(ctx)))
		}
	}
}

// take looks at the facts from number *seen on. want is not called with the
// lock held.
func (c *Client) take(seen *int, want func(Fact) bool) (f Fact, found bool, changed <-chan struct{}) {
	c.mu.Lock()
	facts, changed := c.facts, c.changed
	c.mu.Unlock()
	for ; *seen < len(facts); *seen++ {
		if want(facts[*seen]) && c.claim(*seen) {
			return facts[*seen], true, nil
		}
	}
	return Fact{}, false, changed
}

func (c *Client) claim(i int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.taken[i]
	c.taken[i] = true
	return !taken
}

func (c *Client) add(line []byte) bool {
	f, ok := parseFact(line)
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.facts = append(c.facts, f)
	close(c.changed)
	c.changed = make(chan struct{})
	return true
}

// Facts is everything that the client has reported.
func (c *Client) Facts() []Fact {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Fact(nil), c.facts...)
}

// Stderr is the end of what the process wrote to stderr, at most 64 KiB.
func (c *Client) Stderr() string { return c.proc.stderr.String() }

// Stop disconnects the client and ends its process. It may be called again.
func (c *Client) Stop() error {
	_, err := c.proc.stop(func() error {
		err := c.Do(operation{Op: "stop"})
		return errors.Join(err, c.Do(operation{Op: "exit"}))
	})
	return err
}

// Kill ends the process at once, as SIGKILL does.
func (c *Client) Kill() { c.proc.kill() }

// End waits until the process has ended by itself and returns its exit code.
func (c *Client) End(ctx context.Context) (int, error) { return c.proc.wait(ctx) }

// Pause freezes the process as SIGSTOP does: a client that reads nothing.
func (c *Client) Pause() error { return c.proc.signal("pause", pause) }

// Resume lets a frozen process go on.
func (c *Client) Resume() error { return c.proc.signal("resume", resume) }
