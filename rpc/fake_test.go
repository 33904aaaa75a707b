package rpc

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/xcraft-go/xbus/wire"
)

// A link is a Sender whose sessions begin and end on command, and which knows
// what it was given.
type link struct {
	mu     sync.Mutex
	calls  *Calls
	live   bool
	epoch  uint64
	number uint64
	sent   []*sent
	up     chan struct{} // closed while there is a session
	over   error         // why there will be none any more

	refuse error                            // Send fails with it
	during func(m *wire.Message, r Receipt) // runs in Send, when the message is taken
	onSend func(m *wire.Message)            // runs in Send, before it is
}

// A sent message, by the context that tells one call from its repetition.
type sent struct {
	of      context.Context
	copy    wire.Message
	receipt Receipt
	lost    bool
	written bool // may have gone out before the loss
}

var errTooLarge = errors.New("the message is too large")

func newLink(t testing.TB, cfg Config) (*link, *Calls) {
	t.Helper()
	l := &link{up: make(chan struct{})}
	cfg.Sender = l
	l.calls = New(cfg)
	t.Cleanup(func() { l.calls.Close(nil) })
	return l, l.calls
}

// attached is newLink with a session.
func attached(t testing.TB, cfg Config) (*link, *Calls) {
	t.Helper()
	l, c := newLink(t, cfg)
	l.attach()
	return l, c
}

func (l *link) attach() {
	l.mu.Lock()
	if l.live || l.over != nil {
		l.mu.Unlock()
		return
	}
	l.live, l.number = true, 0
	l.epoch++
	up := l.up
	l.mu.Unlock()
	l.calls.Attached() // which may lose it again
	close(up)
}

// lose ends the session; the first messages of it, as many as written, may have
// gone out.
func (l *link) lose(written uint64, cause error) {
	l.mu.Lock()
	if !l.live {
		l.mu.Unlock()
		return
	}
	l.live, l.up = false, make(chan struct{})
	written = min(written, l.number)
	epoch := l.epoch
	for _, s := range l.sent {
		if s.receipt.Epoch == epoch {
			s.lost, s.written = true, s.receipt.Number <= written
		}
	}
	l.mu.Unlock()
	l.calls.Lost(epoch, written, cause)
}

func (l *link) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over = err; !l.live {
		close(l.up)
	}
}

func (l *link) Connected() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live
}

func (l *link) Ready(ctx context.Context) error {
	l.mu.Lock()
	up := l.up
	l.mu.Unlock()
	select {
	case <-up:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

func (l *link) Send(ctx context.Context, m *wire.Message) (Receipt, error) {
	l.mu.Lock()
	onSend := l.onSend
	l.mu.Unlock()
	if onSend != nil {
		onSend(m)
	}
	l.mu.Lock()
	switch {
	case !l.live:
		l.mu.Unlock()
		return Receipt{}, ErrNotConnected
	case l.refuse != nil:
		err := l.refuse
		l.mu.Unlock()
		return Receipt{}, err
	}
	m.Token, m.Router = "token", wire.Axon // as a connection stamps it
	if m.OrcName == "" {
		m.OrcName = "Grom@token"
	}
	l.number++
	receipt := Receipt{l.epoch, l.number}
	l.sent = append(l.sent, &sent{of: ctx, copy: *m, receipt: receipt})
	during := l.during
	l.mu.Unlock()
	if during != nil {
		during(m, receipt)
	}
	return receipt, nil
}

// messages returns copies of what was sent, in order.
func (l *link) messages() []wire.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []wire.Message
	for _, s := range l.sent {
		list = append(list, s.copy)
	}
	return list
}

func (l *link) last(t testing.TB) wire.Message {
	t.Helper()
	list := l.messages()
	if len(list) == 0 {
		t.Fatal("nothing was sent")
	}
	return list[len(list)-1]
}

// answer is the event that answers a command.
func answer(command, id, data string) *wire.Message {
	return &wire.Message{Topic: "Grom@token::" + command + "." + id + ".finished", Data: []byte(data)}
}

func failure(command, id, data string) *wire.Message {
	return &wire.Message{Topic: "Grom@token::" + command + "." + id + ".error", IsError: true, Data: []byte(data)}
}

// verdictOf fails the test unless err is a CallError with that verdict and
// that reason.
func wantCallError(t testing.TB, err error, verdict Verdict, reasons ...error) {
	t.Helper()
	var e *CallError
	if !errors.As(err, &e) || e.Verdict != verdict {
		t.Errorf("%v: want the verdict %q", err, verdict)
	}
	for _, reason := range reasons {
		if !errors.Is(err, reason) {
			t.Errorf("%v: want %v", err, reason)
		}
	}
}
