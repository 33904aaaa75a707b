package rpc

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/xcraft-go/xbus/wire"
)

// nothing is a Sender that takes everything.
type nothing struct{ number uint64 }

func (s *nothing) Send(context.Context, *wire.Message) (Receipt, error) {
	s.number++
	return Receipt{1, s.number}, nil
}
func (*nothing) Ready(context.Context) error { return nil }
func (*nothing) Connected() bool             { return true }

func benchCalls(b *testing.B) *Calls {
	calls := New(Config{Sender: &nothing{}})
	b.Cleanup(func() { calls.Close(nil) })
	b.ReportAllocs()
	return calls
}

// One allocation: the call, its id included.
func TestCallAllocates(t *testing.T) {
	calls := New(Config{Sender: &nothing{}})
	defer calls.Close(nil)
	var data any = json.RawMessage(`{"path":"app.name"}`)
	m := answer("warehouse.get", "", `1`)
	got := testing.AllocsPerRun(1000, func() {
		p := calls.Call(context.Background(), "warehouse.get", data)
		m.Topic = topicOf(p) // allocates once
		if !calls.Settle(m, true) {
			t.Fatal("not settled")
		}
	})
	if got > 2 {
		t.Errorf("%v allocations for a call, 1 and the topic of the answer are wanted", got)
	}
}

func topicOf(p *Pending) string { return "Grom@token::warehouse.get." + p.id + ".finished" }

func BenchmarkCallAndSettle(b *testing.B) {
	calls := benchCalls(b)
	var data any = json.RawMessage(`{"path":"app.name"}`)
	m := answer("warehouse.get", "", `1`)
	for b.Loop() {
		p := calls.Call(context.Background(), "warehouse.get", data)
		m.Topic = topicOf(p)
		calls.Settle(m, true)
	}
}

func BenchmarkCallSettleAwait(b *testing.B) {
	calls := benchCalls(b)
	var data any = json.RawMessage(`{"path":"app.name"}`)
	ctx := b.Context()
	for b.Loop() {
		p := calls.Call(ctx, "warehouse.get", data)
		calls.Settle(&wire.Message{Topic: topicOf(p)}, true)
		if _, err := p.Await(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// An event that is no answer costs next to nothing.
func BenchmarkSettleOther(b *testing.B) {
	calls := benchCalls(b)
	m := &wire.Message{Topic: "warehouse::changed"}
	for b.Loop() {
		calls.Settle(m, false)
		calls.Event(m)
	}
}

func BenchmarkProgressEvent(b *testing.B) {
	calls := benchCalls(b)
	p := calls.Call(b.Context(), "warehouse.get", nil, Progress())
	m := &wire.Message{Topic: "warehouse::changed", Rare: &wire.Rare{Context: p.opts.context}}
	go func() { _, _ = p.Progress().Count(b.Context()) }()
	for b.Loop() {
		calls.Event(m)
	}
	p.Abort(nil)
}

func BenchmarkInFlight10000(b *testing.B) {
	calls := benchCalls(b)
	for range 10000 {
		calls.Call(context.Background(), "warehouse.get", nil)
	}
	var data any = json.RawMessage(`{"path":"app.name"}`)
	for b.Loop() {
		p := calls.Call(context.Background(), "warehouse.get", data)
		calls.Settle(&wire.Message{Topic: topicOf(p)}, true)
	}
}
