package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/xcraft-go/xbus/wire"
)

func TestLossAndVerdicts(t *testing.T) {
	l, calls := attached(t, Config{})
	var list []*Pending
	for range 4 {
		list = append(list, calls.Call(t.Context(), "demo.run", nil))
	}
	l.lose(2, io.EOF)
	for i, p := range list {
		_, err := p.Await(t.Context())
		want := MaybeExecuted
		if i >= 2 {
			want = NotSent
		}
		wantCallError(t, err, want, ErrConnectionLost, io.EOF)
	}
	if got := calls.Stats(); got != (Stats{Started: 4, Unanswered: 4}) {
		t.Errorf("%+v", got)
	}
	_, err := calls.Call(t.Context(), "demo.run", nil, Down(FailFast)).Await(t.Context())
	wantCallError(t, err, NotSent, ErrNotConnected)
}

// The end of the client is no loss, and leaves the verdicts.
func TestEndOfTheClientAndVerdicts(t *testing.T) {
	l, calls := attached(t, Config{})
	written, not := calls.Call(t.Context(), "demo.run", nil), calls.Call(t.Context(), "demo.run", nil)
	kept := calls.Call(t.Context(), "demo.run", nil, KeepAcrossLoss())
	l.lose(1, reason(ErrClosed, io.EOF))
	calls.Close(ErrClosed)
	for p, want := range map[*Pending]Verdict{written: MaybeExecuted, not: NotSent, kept: NotSent} {
		_, err := p.Await(t.Context())
		if wantCallError(t, err, want, ErrClosed); errors.Is(err, ErrConnectionLost) {
			t.Error(err)
		}
	}
}

func TestKeepAcrossLoss(t *testing.T) {
	l, calls := attached(t, Config{})
	var kept []*Pending
	for i := range 9 {
		kept = append(kept, calls.Call(t.Context(), "demo.run", nil, WithID(fmt.Sprint("k", i)), KeepAcrossLoss()))
	}
	horde := calls.Call(t.Context(), "demo.run", nil, KeepAcrossLoss(), Horde())
	l.lose(2, io.EOF)
	_, err := horde.Await(t.Context())
	wantCallError(t, err, NotSent, ErrAborted, ErrConnectionLost, io.EOF)
	if calls.InFlight() != 9 {
		t.Fatalf("%d in flight", calls.InFlight())
	}
	queued := calls.Call(t.Context(), "demo.run", nil, WithID("q"), Down(Queue))

	before := len(l.messages())
	l.attach()
	var again []string
	for _, m := range l.messages()[before:] {
		again = append(again, m.ID)
	}
	if got := fmt.Sprint(again); got != "[k2 k3 k4 k5 k6 k7 k8 q]" { // what was written is not repeated, and the order holds
		t.Errorf("sent again: %s", got)
	}
	l.lose(8, io.EOF)
	for _, p := range kept {
		if !calls.Settle(answer("demo.run", p.ID(), "1"), true) {
			t.Errorf("%s did not wait for its answer", p.ID())
		}
	}
	_, err = queued.Await(t.Context())
	wantCallError(t, err, MaybeExecuted, ErrConnectionLost)
	p := calls.Call(t.Context(), "demo.run", nil, Down(Queue), KeepAcrossLoss())
	p.Abort(nil)
	_, err = p.Await(t.Context())
	wantCallError(t, err, NotSent, ErrAborted)
}

// A kept call whose session dies under its hands is sent in the next one.
func TestKeepOnADeadLink(t *testing.T) {
	l, calls := attached(t, Config{})
	l.refuse = reason(ErrConnectionLost, io.EOF)
	kept := calls.Call(t.Context(), "demo.run", nil, KeepAcrossLoss())
	queued := calls.Call(t.Context(), "demo.run", nil, Down(Queue))
	if kept.Settled() || queued.Settled() {
		t.Fatal("given up")
	}
	l.lose(0, io.EOF)
	l.refuse = nil
	l.attach()
	if n := len(l.messages()); n != 2 {
		t.Errorf("%d sent", n)
	}
}

// The session is lost while the link hands the message over: Lost comes before
// the receipt is known, and still counts for it, once.
func TestLossBeforeTheReceipt(t *testing.T) {
	for _, c := range []struct {
		name    string
		written uint64
		opts    []Option
		verdict Verdict
	}{
		{"written", 1, nil, MaybeExecuted},
		{"not written", 0, nil, NotSent},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, calls := attached(t, Config{})
			l.during = func(*wire.Message, Receipt) { l.lose(c.written, io.EOF) }
			_, err := calls.Call(t.Context(), "demo.run", nil, c.opts...).Await(t.Context())
			wantCallError(t, err, c.verdict, ErrConnectionLost)
		})
	}
	t.Run("kept", func(t *testing.T) {
		l, calls := attached(t, Config{})
		l.during = func(*wire.Message, Receipt) {
			l.mu.Lock()
			l.during = nil
			l.mu.Unlock()
			l.lose(0, io.EOF)
			l.attach()
		}
		calls.Call(t.Context(), "demo.run", nil, KeepAcrossLoss())
		if list := l.messages(); len(list) != 2 || list[0].ID != list[1].ID {
			t.Errorf("sent %d times, want once in each session", len(list))
		}
	})
	t.Run("kept, and lost twice by two", func(t *testing.T) {
		for range 200 {
			l, calls := attached(t, Config{})
			p := calls.Call(t.Context(), "demo.run", nil, KeepAcrossLoss())
			l.mu.Lock()
			l.live, l.up = false, make(chan struct{})
			l.mu.Unlock()
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() { calls.Lost(1, 0, io.EOF) })
			}
			wg.Wait()
			l.attach()
			if n := len(l.messages()); n != 2 || p.Settled() {
				t.Fatalf("sent %d times", n)
			}
		}
	})
}

// Whoever ends a call while a link has it does not say that it was not sent.
func TestEndsWhileTheLinkHasTheMessage(t *testing.T) {
	for name, end := range map[string]func(*Calls, string, context.CancelFunc){
		"abort":     func(c *Calls, id string, _ context.CancelFunc) { c.Abort(id, nil) },
		"abort all": func(c *Calls, _ string, _ context.CancelFunc) { c.AbortAll(nil) },
		"close":     func(c *Calls, _ string, _ context.CancelFunc) { c.Close(nil) },
		"context": func(c *Calls, id string, cancel context.CancelFunc) {
			cancel()
			c.find(id).expire()
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, calls := attached(t, Config{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l.during = func(m *wire.Message, _ Receipt) { end(calls, m.ID, cancel) }
			p := calls.Call(ctx, "demo.run", nil)
			_, err := p.Result()
			wantCallError(t, err, MaybeExecuted)
		})
	}
}

// An answer that comes before Send has returned counts.
func TestAnswerBeforeTheReceipt(t *testing.T) {
	l, calls := attached(t, Config{})
	l.during = func(m *wire.Message, _ Receipt) { calls.Settle(answer(m.Topic, m.ID, "1"), true) }
	if v, err := Typed[int](calls.Call(t.Context(), "demo.run", nil)).Await(t.Context()); v != 1 || err != nil {
		t.Errorf("%v %v", v, err)
	}
}

func TestQueueKeepsItsOrder(t *testing.T) {
	l, calls := newLink(t, Config{})
	var want []string
	queue := func(n int) {
		for range n {
			id := fmt.Sprint("q", len(want))
			want = append(want, id)
			calls.Call(t.Context(), "demo.run", nil, WithID(id), Down(Queue))
		}
	}
	queue(5)
	var nested sync.Once
	l.during = func(*wire.Message, Receipt) { // one that comes while the queue is sent does not overtake it
		nested.Do(func() { queue(2) })
	}
	l.onSend = func(m *wire.Message) {
		if m.ID == "q3" {
			l.lose(99, nil)
		}
	}
	l.attach() // as far as q3
	l.onSend = nil
	l.attach()
	var got []string
	for _, m := range l.messages() {
		got = append(got, m.ID)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

func TestQueueAgainstSessions(t *testing.T) {
	l, calls := newLink(t, Config{MaxQueued: 1 << 20})
	const callers, each = 8, 50
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for j := range each {
				calls.Call(context.Background(), "demo.run", nil, WithID(fmt.Sprintf("%d-%d", i, j)), Down(Queue), KeepAcrossLoss())
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			l.attach()
			l.lose(1<<40, errors.New("cut")) // what was sent was written
		}
	})
	wg.Wait()
	l.attach()
	seen := make(map[string]int)
	for _, m := range l.messages() {
		seen[m.ID]++
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if len(seen) != callers*each {
		t.Errorf("%d of %d were sent", len(seen), callers*each)
	}
}
