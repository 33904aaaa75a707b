package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/xcraft-go/xbus/wire"
)

func TestRetry(t *testing.T) {
	l, calls := attached(t, Config{})
	var steps int
	p := calls.Call(t.Context(), "demo.run", json.RawMessage(`{"a":1}`), As("Zug@t"), Activity(), WithContext(map[string]int{"c": 1}),
		Progress(), Horde(), Stream(), Trace(func(Step) { steps++ }))
	first := l.last(t)
	_, err := calls.Retry(t.Context(), p).Await(t.Context())
	wantCallError(t, err, NotSent, ErrInFlight)
	if len(l.messages()) != 1 || calls.InFlight() != 1 {
		t.Error("the repetition of a call in flight was sent")
	}
	p.Abort(nil)
	again := calls.Retry(t.Context(), p)
	second := l.last(t)
	if len(l.messages()) != 2 || second.ID != first.ID || second.Topic != first.Topic || string(second.Data) != string(first.Data) ||
		string(second.Context()) != string(first.Context()) || second.OrcName != "Zug@t" || second.Nested || !second.Stream {
		t.Errorf("first %+v, then %+v", first, second)
	}
	calls.Event(&wire.Message{Topic: "demo::x", Rare: &wire.Rare{Context: second.Context()}})
	if !calls.Settle(answer("demo.run", p.ID(), "7"), true) {
		t.Error("no answer")
	}
	if v, err := Typed[int](again).Await(t.Context()); v != 7 || err != nil {
		t.Errorf("%v %v", v, err)
	}
	if n, err := again.Progress().Count(t.Context()); n != 1 || err != nil {
		t.Errorf("%d events of the repetition, %v", n, err)
	}
	if _, err := p.Await(t.Context()); !errors.Is(err, ErrAborted) {
		t.Errorf("the end of the first one has changed: %v", err)
	}
	if steps != 6 {
		t.Errorf("%d steps, want two for each", steps)
	}
}

// Whoever sees that a call has ended, as an Await does that comes late, finds it
// counted and can send it again at once.
func TestAnEndIsSeenWhenItIsOne(t *testing.T) {
	_, calls := attached(t, Config{})
	for range 2000 {
		p := calls.Call(t.Context(), "demo.run", nil)
		settled := make(chan bool)
		go func() { settled <- calls.Settle(answer("demo.run", p.ID(), "7"), true) }()
		for !p.Settled() {
			runtime.Gosched()
		}
		if s := calls.Stats(); s.InFlight != 0 || calls.InFlight() != 0 || s.Started != s.Answered {
			t.Fatalf("%+v, %d in flight", s, calls.InFlight())
		}
		again := calls.Retry(t.Context(), p)
		if _, err := again.Result(); err != nil {
			t.Fatal(err)
		}
		if !<-settled || !calls.Settle(answer("demo.run", p.ID(), "7"), true) {
			t.Fatal("no answer")
		}
	}
}

func TestAbort(t *testing.T) {
	_, calls := attached(t, Config{})
	p := calls.Call(t.Context(), "demo.run", nil)
	if !calls.Abort(p.ID(), io.EOF) || calls.Abort(p.ID(), nil) || p.Abort(nil) || calls.Abort("nobody", nil) {
		t.Error("Abort does not say whether the call was in flight")
	}
	_, err := p.Await(t.Context())
	wantCallError(t, err, MaybeExecuted, ErrAborted, io.EOF)
	for range 5 {
		calls.Call(t.Context(), "demo.run", nil)
	}
	if n := calls.AbortAll(nil); n != 5 || calls.InFlight() != 0 {
		t.Errorf("%d aborted, %d left", n, calls.InFlight())
	}
}

func TestCloseWithAReasonOfOurs(t *testing.T) {
	_, calls := attached(t, Config{})
	why := reason(ErrClosed, io.EOF)
	calls.Close(why)
	_, err := calls.Call(t.Context(), "demo.run", nil).Await(t.Context())
	wantCallError(t, err, NotSent, ErrClosed, io.EOF)
	if strings.Count(err.Error(), ErrClosed.Error()) != 1 {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	_, calls := attached(t, Config{})
	p := calls.Call(t.Context(), "demo.run", nil)
	calls.Close(io.EOF)
	calls.Close(errors.New("again"))
	_, err := p.Await(t.Context())
	wantCallError(t, err, MaybeExecuted, ErrClosed, io.EOF)
	_, err = calls.Call(t.Context(), "demo.run", nil).Await(t.Context())
	wantCallError(t, err, NotSent, ErrClosed, io.EOF)
	if got := calls.Stats(); got != (Stats{Started: 1, Unanswered: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestRefuseAndIdle(t *testing.T) {
	_, calls := attached(t, Config{})
	p := calls.Call(t.Context(), "demo.run", nil)
	calls.Refuse(nil)
	_, err := calls.Call(t.Context(), "demo.run", nil).Await(t.Context())
	wantCallError(t, err, NotSent, ErrClosed)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(io.EOF)
	if err := calls.Idle(ctx); !errors.Is(err, io.EOF) {
		t.Errorf("Idle: %v", err)
	}
	idle := make(chan error)
	go func() { idle <- calls.Idle(t.Context()) }()
	if !calls.Settle(answer("demo.run", p.ID(), "1"), true) {
		t.Error("a call in flight was ended")
	}
	if err := <-idle; err != nil {
		t.Error(err)
	}
}

// A call that begins while Close looks through the table does not stay in it.
func TestCloseAgainstCalls(t *testing.T) {
	for range 100 {
		_, calls := attached(t, Config{})
		shard := calls.shard(hashOf("i1"))
		shard.mu.Lock() // both meet here, in any order
		var wg sync.WaitGroup
		var p *Pending
		wg.Go(func() { p = calls.Call(context.Background(), "demo.run", nil, WithID("i1")) })
		for calls.InFlight() == 0 {
			runtime.Gosched()
		}
		wg.Go(func() { calls.Close(nil) })
		for calls.closed.Load() == nil {
			runtime.Gosched()
		}
		shard.mu.Unlock()
		wg.Wait()
		if !p.Settled() || len(calls.all()) != 0 || calls.InFlight() != 0 {
			t.Fatal("a call is in flight after Close")
		}
	}
}

func TestNewWithoutSender(t *testing.T) {
	defer func() {
		if s, _ := recover().(string); !strings.Contains(s, "Config.Sender is missing") {
			t.Errorf("panic %q", s)
		}
	}()
	New(Config{})
}
