package xbus

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

// lineCommand connects an orc to a line, or disconnects it (protocol §6.7).
const lineCommand = "warehouse.request-line-update"

// lines are the lines that subscriptions want. A hall is asked for each once,
// whatever the number of subscriptions, again in each session that does not go
// on where the last one ended, and when it gets the command later.
type lines struct {
	client *Client

	mu      sync.Mutex
	known   map[string]*line
	timer   *time.Timer    // of the next renewal, because there was no room
	armed   bool           // it runs, or its function does
	passing sync.WaitGroup // its function
	closed  bool
}

// A line is what is wanted of one, and what the hall was asked for.
type line struct {
	wanted int    // subscriptions
	orc    string // for whom the hall was asked; "" when it was not
}

// lineOf returns the line that a pattern names; one with a star names none.
func lineOf(pattern string) (string, bool) {
	line, ok := topics.LineID(pattern)
	return line, ok && line != "" && !strings.ContainsAny(line, "*(|)")
}

func (l *lines) add(name string)    { l.want(name, 1) }
func (l *lines) remove(name string) { l.want(name, -1) }

func (l *lines) want(name string, change int) {
	l.mu.Lock()
	if l.known == nil {
		l.known = make(map[string]*line)
	}
	if l.known[name] == nil {
		l.known[name] = &line{}
	}
	l.known[name].wanted += change
	ctx, cancel := context.WithTimeout(context.Background(), lineWait)
	defer cancel()
	err := l.reconcile(ctx, name)
	if ctx.Err() != nil {
		l.arm()
	}
	l.mu.Unlock()
	l.report(err)
}

// attached begins a session. In one that the hall knows from before it has its
// lines still.
func (l *lines) attached(goesOn bool) {
	l.mu.Lock()
	for _, line := range l.known {
		if !goesOn {
			line.orc = ""
		}
	}
	l.mu.Unlock()
	l.renew()
}

// renew asks for what the hall was not asked for yet. When the queue is full it
// comes back to the rest a little later.
func (l *lines) renew() {
	ctx, cancel := context.WithTimeout(context.Background(), lineWait)
	defer cancel()
	var failed error
	l.mu.Lock()
	for name := range l.known {
		if failed = errors.Join(failed, l.reconcile(ctx, name)); ctx.Err() != nil {
			l.arm()
			break
		}
	}
	l.mu.Unlock()
	l.report(failed)
}

// arm lets renew come back; mu is held.
func (l *lines) arm() {
	if l.armed || l.closed {
		return
	}
	l.armed = true
	l.passing.Add(1)
	if l.timer == nil {
		l.timer = time.AfterFunc(lineRetry, l.pass)
	} else {
		l.timer.Reset(lineRetry)
	}
}

func (l *lines) pass() {
	defer l.passing.Done()
	l.mu.Lock()
	l.armed = false
	l.mu.Unlock()
	l.renew()
}

// close ends the renewals and waits for one that runs.
func (l *lines) close() {
	l.mu.Lock()
	l.closed = true
	if l.armed && l.timer.Stop() {
		l.armed = false
		l.passing.Done()
	}
	l.mu.Unlock()
	l.passing.Wait()
}

// report tells of what the hall could not be asked, which renew comes back to.
// The logger is foreign code and runs outside of the lock.
func (l *lines) report(failed error) {
	if failed != nil {
		l.client.logger.Warn("lines could not be asked for", "error", failed)
	}
}

// reconcile asks the hall for a line, or takes it back, when what is wanted is
// not what the hall knows.
func (l *lines) reconcile(ctx context.Context, name string) error {
	line := l.known[name]
	session, ok := l.client.conn.Session()
	own := session.Identity.OrcName
	var err error
	switch {
	case line.wanted == 0 && line.orc == "":
		delete(l.known, name)
		return nil
	case !ok || line.wanted > 0 && line.orc == own || !l.client.registry.Load().Has(lineCommand):
		return nil
	case line.wanted > 0:
		if err = l.send(ctx, "add", name, own, session.Identity.Token); err == nil {
			line.orc = own
		}
	default:
		if err = l.send(ctx, "delete", name, line.orc, session.Identity.Token); err == nil {
			delete(l.known, name)
		}
	}
	if errors.Is(err, rpc.ErrClosed) { // a client that ends leaves its lines with its session
		return nil
	}
	return err
}

// lineWait bounds the wait for room where the hall does not read, for all lines
// together: it can be the reader that waits. lineRetry is when the rest is tried
// again.
const (
	lineWait  = 2 * time.Millisecond
	lineRetry = 100 * time.Millisecond
)

func (l *lines) send(ctx context.Context, kind, name, orc string, token wire.Token) error {
	data, _ := json.Marshal(map[string]any{ // strings and a number
		"type": kind, "lineId": name, "orcName": orc, "token": string(token), "generation": 0,
	})
	return l.client.calls.Send(ctx, lineCommand, json.RawMessage(data), failFast)
}
