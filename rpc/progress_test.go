package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/wire"
)

func TestProgressByMarkAndById(t *testing.T) {
	l, calls := attached(t, Config{})
	p := calls.Call(t.Context(), "demo.run", nil, Progress(), WithContext(map[string]int{"a": 1}))
	other := calls.Call(t.Context(), "demo.run", nil, Progress())
	plain := calls.Call(t.Context(), "demo.run", nil)
	mark := l.messages()[0].Context()
	foreign := json.RawMessage(`{"_xbusCall":"somebody else's"}`)

	mine := []*wire.Message{
		{Topic: "demo::step", Rare: &wire.Rare{Context: mark}},
		{Topic: "Grom@token::demo.run." + p.ID() + ".progress"},
		{Topic: "x::" + p.ID() + ".progress." + p.ID(), Rare: &wire.Rare{Context: foreign}}, // by the id, once
		{Topic: "x::a." + p.ID()},
		{Topic: "Grom@token::demo.nested." + wire.NewID() + ".finished", Rare: &wire.Rare{Context: mark}},
	}
	for i, m := range mine {
		m.Data = json.RawMessage(fmt.Sprint(i))
		calls.Event(m)
	}
	for _, m := range []*wire.Message{
		{Topic: "demo::step"},
		{Topic: "demo::step", Rare: &wire.Rare{Context: json.RawMessage(`["_xbusCall"]`)}},
		{Topic: "demo::step", Rare: &wire.Rare{Context: json.RawMessage(`{"_xbusCall":5}`)}},
		{Topic: "demo::step", Rare: &wire.Rare{Context: foreign}},
		{Topic: "Grom@token::demo.run." + p.ID() + ".progress.activity", Rare: &wire.Rare{Context: mark}},
		{Topic: "demo::step." + plain.ID()},
		{Topic: "demo::step.x" + p.ID()},
	} {
		m.Data = json.RawMessage("99")
		calls.Event(m)
	}
	calls.Settle(answer("demo.run", p.ID(), `"end"`), true)
	calls.Event(mine[0]) // too late

	n := 0
	for ev, err := range p.Progress().All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var got int
		if err := ev.Decode(&got); err != nil || got != n {
			t.Errorf("event %d: %s, %v", n, ev.Data, err)
		}
		n++
	}
	if n != len(mine) {
		t.Errorf("%d events, want %d", n, len(mine))
	}
	other.Abort(nil)
	if n, err := other.Progress().Count(t.Context()); n != 0 || err != nil {
		t.Errorf("the other call had %d events, %v", n, err)
	}
	if err := plain.Progress().Run(t.Context(), func(Event) bool { return true }); err == nil {
		t.Error("a call without the option has progress")
	}
	if calls.withEvent.Load() != 0 {
		t.Error("events are still looked at")
	}
}

func TestProgressOverflowIsAnError(t *testing.T) {
	_, calls := attached(t, Config{})
	p := calls.Call(t.Context(), "demo.run", nil, Progress())
	for range observable.DefaultLimit + 1 {
		calls.Event(&wire.Message{Topic: "x::" + p.ID() + "." + p.ID()})
	}
	n, err := p.Progress().Count(t.Context())
	var overflow *observable.OverflowError
	if !errors.As(err, &overflow) {
		t.Errorf("%d events, then %v", n, err)
	}
	if !calls.Settle(answer("demo.run", p.ID(), "1"), true) {
		t.Error("the call ended with its progress")
	}
}

// Also where messages pass without bytes the size of what waits is bounded.
func TestProgressIsBoundedInBytes(t *testing.T) {
	_, calls := attached(t, Config{})
	p := calls.Call(t.Context(), "demo.run", nil, Progress())
	big := make(json.RawMessage, 20<<20)
	for range 4 {
		calls.Event(&wire.Message{Topic: "x::" + p.ID() + "." + p.ID(), Data: big})
	}
	err := p.Progress().Run(context.Background(), func(Event) bool { return true })
	if !errors.Is(err, observable.ErrOverflow) {
		t.Errorf("80 MiB were kept: %v", err)
	}
}

func TestProgressOfACallThatCannotBegin(t *testing.T) {
	_, calls := attached(t, Config{MaxInFlight: 1})
	calls.Call(t.Context(), "demo.run", nil)
	p := calls.Call(t.Context(), "demo.run", nil, Progress())
	if n, err := p.Progress().Count(t.Context()); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if calls.withEvent.Load() != 0 {
		t.Error("events are looked at")
	}
}
