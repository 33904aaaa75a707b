package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/wire"
)

func TestCallIsSentAndAnswered(t *testing.T) {
	l, calls := attached(t, Config{})
	p := calls.Call(t.Context(), "demo.echo", json.RawMessage(`{"x":1}`))
	m := l.last(t)
	if m.Topic != "demo.echo" || m.ID != p.ID() || len(m.ID) != wire.IDLen || string(m.Data) != `{"x":1}` || !m.Nested || m.Context() != nil {
		t.Errorf("sent %+v", m)
	}
	if p.Settled() || p.Command() != "demo.echo" || calls.InFlight() != 1 {
		t.Error("it has ended already")
	}
	if v, err := p.Result(); v != nil || err != nil {
		t.Errorf("a result before the end: %v %v", v, err)
	}
	want := answer("demo.echo", p.ID(), `{"x":1}`)
	if !calls.Settle(want, true) {
		t.Fatal("the answer was not taken")
	}
	for range 2 {
		if got, err := p.Await(t.Context()); got != want || err != nil {
			t.Errorf("%v %v", got, err)
		}
	}
	<-p.Done()
	if got := calls.Stats(); got != (Stats{Started: 1, Answered: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestAnswersThatNobodyWaitsFor(t *testing.T) {
	_, calls := attached(t, Config{})
	p := calls.Call(t.Context(), "demo.echo", nil)
	for _, m := range []*wire.Message{
		answer("demo.echo", wire.NewID(), "1"), // another id
		answer("demo.other", p.ID(), "1"),      // another command
		answer("x.demo.echo", p.ID(), "1"),
		{Topic: "demo.echo." + p.ID() + ".finished"}, // no orc
	} {
		if calls.Settle(m, true) {
			t.Errorf("%s was taken", m.Topic)
		}
	}
	for _, topic := range []string{"demo::a.b", "Grom@t::demo.echo." + p.ID() + ".progress", "Grom@t::demo.echo." + p.ID() + ".finished.activity", ".finished", ""} {
		if calls.Settle(&wire.Message{Topic: topic}, true) {
			t.Errorf("%s was taken", topic)
		}
	}
	if n := calls.Stats().Ignored; n != 4 {
		t.Errorf("%d ignored, want 4", n)
	}
	if !calls.Settle(answer("demo.echo", p.ID(), "1"), true) || calls.Settle(answer("demo.echo", p.ID(), "2"), true) {
		t.Error("the first answer counts, and only the first")
	}
	if calls.Settle(answer("demo.echo", p.ID(), "3"), false); calls.Stats().Ignored != 5 {
		t.Errorf("%d ignored: an answer under the name of somebody else is nothing", calls.Stats().Ignored)
	}
	if got, _ := p.Await(t.Context()); string(got.Data) != "1" {
		t.Errorf("got %s", got.Data)
	}
}

func TestOptionsOnTheWire(t *testing.T) {
	l, calls := attached(t, Config{})
	call := func(data any, opts ...Option) wire.Message {
		t.Helper()
		before := len(l.messages())
		p := calls.Call(t.Context(), "demo.run", data, opts...)
		if len(l.messages()) == before {
			_, err := p.Await(t.Context())
			t.Fatalf("nothing was sent: %v", err)
		}
		return l.last(t)
	}
	if m := call(nil, Activity()); m.Nested {
		t.Error("an activity is nested")
	}
	if m := call(nil, Stream()); !m.Stream {
		t.Error("no stream is announced")
	}
	if m := call(nil, As("Zug@t")); m.OrcName != "Zug@t" {
		t.Errorf("as %q", m.OrcName)
	}
	if m := call(nil); m.OrcName != "Grom@token" {
		t.Errorf("as %q", m.OrcName)
	}
	if m := call(nil, WithID("mine-1")); m.ID != "mine-1" {
		t.Errorf("id %q", m.ID)
	}
	for _, c := range []struct {
		opts []Option
		want string
	}{
		{[]Option{WithContext(map[string]any{"_goblinUser": "u@s"})}, `{"_goblinUser":"u@s"}`},
		{[]Option{WithContext(nil)}, ""},
		{[]Option{WithContext(5), WithContext(json.RawMessage(`{"a":1}`))}, `{"a":1}`},
		{[]Option{WithID("i1"), Progress()}, `{"_xbusCall":"i1"}`},
		{[]Option{WithID("i2"), Progress(), WithContext(json.RawMessage(` { } `))}, `{"_xbusCall":"i2"}`},
		{[]Option{WithID("i3"), Progress(), WithContext(json.RawMessage(`{"a":{"b":[]}}`))}, `{"a":{"b":[]},"_xbusCall":"i3"}`},
		{[]Option{WithID("i4\"\\"), Progress()}, `{"_xbusCall":"i4\"\\"}`},
	} {
		if m := call(nil, c.opts...); string(m.Context()) != c.want {
			t.Errorf("context %s, want %s", m.Context(), c.want)
		}
	}
	for data, want := range map[string]string{
		`{"a":1}`: `{"a":1,"_xcraftRPC":true}`, `{}`: `{"_xcraftRPC":true}`, " {\n} ": `{"_xcraftRPC":true}`, "": `{"_xcraftRPC":true}`,
	} {
		raw := json.RawMessage(data)
		if data == "" {
			raw = nil
		}
		if m := call(raw, Horde()); string(m.Data) != want {
			t.Errorf("for the horde %s, want %s", m.Data, want)
		}
	}
}

func TestPayloads(t *testing.T) {
	type args struct {
		Path string `json:"path"`
	}
	list := payload.NewList(1, 2)
	for _, c := range []struct {
		name string
		data any
		want wire.Message
	}{
		{"nil", nil, wire.Message{}},
		{"nil raw", json.RawMessage(nil), wire.Message{}},
		{"raw", json.RawMessage(`[1, 2.50]`), wire.Message{Data: []byte(`[1, 2.50]`)}},
		{"struct", args{"app.name"}, wire.Message{Data: []byte(`{"path":"app.name"}`)}},
		{"pointer", &args{"x"}, wire.Message{Data: []byte(`{"path":"x"}`)}},
		{"string", "é", wire.Message{Data: []byte(`"é"`)}},
		{"parts", payload.Parts{Data: []byte(`{"chunk":null}`), Chunk: []byte{1}}, wire.Message{Data: []byte(`{"chunk":null}`), Chunk: []byte{1}}},
		{"immutable", list, wire.Message{Data: []byte("null"), Rare: &wire.Rare{Immu: []byte(`{".":"{\"index\":0,\"objects\":[[9,1,2],1,2]}"}`)}}},
		{"binary", map[string]any{"chunk": []byte("ab")}, wire.Message{Data: []byte(`{"chunk":null}`), Chunk: []byte("ab")}},
	} {
		l, calls := attached(t, Config{})
		p := calls.Call(t.Context(), "demo.run", c.data)
		if p.Settled() {
			_, err := p.Await(t.Context())
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		m := l.last(t)
		for part, pair := range map[string][2][]byte{"data": {m.Data, c.want.Data}, "immu": {m.Immu(), c.want.Immu()}, "chunk": {m.Chunk, c.want.Chunk}} {
			if string(pair[0]) != string(pair[1]) || (pair[0] == nil) != (pair[1] == nil) {
				t.Errorf("%s: %s is %q, want %q", c.name, part, pair[0], pair[1])
			}
		}
	}
}

func TestCallsThatCannotBegin(t *testing.T) {
	registry := NewRegistry([]byte(`{"demo.echo":{}}`), anyTime)
	for _, c := range []struct {
		name    string
		command string
		data    any
		opts    []Option
		want    string
	}{
		{"no command", "", nil, nil, "no name of a command"},
		{"an event", "demo::echo", nil, nil, "no name of a command"},
		{"a space", "demo. echo", nil, nil, "no name of a command"},
		{"a line break", "demo.echo\n", nil, nil, "no name of a command"},
		{"id with a dot", "demo.echo", nil, []Option{WithID("a.b")}, `the id "a.b"`},
		{"id with a colon", "demo.echo", nil, []Option{WithID("a:b")}, `the id "a:b"`},
		{"id with a space", "demo.echo", nil, []Option{WithID("a b")}, `the id "a b"`},
		{"id that is a line", "demo.echo", nil, []Option{WithID("<a>")}, `the id "<a>"`},
		{"raw that is no JSON", "demo.echo", json.RawMessage(`{"a"`), nil, "not valid JSON"},
		{"empty raw", "demo.echo", json.RawMessage{}, nil, "not valid JSON"},
		{"a function", "demo.echo", func() {}, nil, "cannot be sent"},
		{"a list for the horde", "demo.echo", []int{1}, []Option{Horde()}, "must be an object: it is [1]"},
		{"immutable for the horde", "demo.echo", payload.NewList(), []Option{Horde()}, "must be an object"},
		{"a context that is no JSON", "demo.echo", nil, []Option{WithContext(func() {})}, "the message context cannot be sent"},
		{"progress in a list", "demo.echo", nil, []Option{WithContext([]int{1}), Progress()}, "must be an object: it is [1]"},
		{"an unknown command", "demo.ecko", nil, []Option{CheckFirst()}, `did you mean "demo.echo"?`},
		{"a nil option", "demo.echo", nil, []Option{nil}, "an option is nil"},
		{"a wrong Down", "demo.echo", nil, []Option{Down(7)}, "Wait, FailFast or Queue"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, calls := attached(t, Config{Registry: func() *Registry { return registry }})
			var steps []Step
			p := calls.Call(t.Context(), c.command, c.data, append(c.opts, Trace(func(s Step) { steps = append(steps, s) }))...)
			_, err := p.Await(t.Context())
			wantCallError(t, err, NotSent)
			if !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "rpc:") != 1 {
				t.Errorf("%v: want %q", err, c.want)
			}
			if len(steps) != 2 || steps[0].End || !steps[1].End || steps[1].Err != err {
				t.Errorf("steps %+v", steps)
			}
			sendErr := calls.Send(t.Context(), c.command, c.data, c.opts...)
			wantCallError(t, sendErr, NotSent)
			_, err = calls.Retry(t.Context(), p).Await(t.Context())
			wantCallError(t, err, NotSent)
			if len(l.messages()) != 0 || calls.Stats() != (Stats{}) {
				t.Errorf("sent %v, counted %+v", l.messages(), calls.Stats())
			}
			if c.name == "an unknown command" && !errors.Is(err, ErrCommandNotAvailable) {
				t.Errorf("%v: want ErrCommandNotAvailable", err)
			}
		})
	}
}

func TestCheckFirst(t *testing.T) {
	var registry *Registry
	l, calls := attached(t, Config{Registry: func() *Registry { return registry }})
	calls.Call(t.Context(), "demo.run", nil, CheckFirst()) // not known yet: the hall decides
	registry = NewRegistry([]byte(`{"demo.run":{}}`), anyTime)
	calls.Call(t.Context(), "demo.run", nil, CheckFirst())
	if n := len(l.messages()); n != 2 {
		t.Errorf("%d sent", n)
	}
	without, plain := attached(t, Config{})
	plain.Call(t.Context(), "demo.any", nil, CheckFirst())
	if len(without.messages()) != 1 {
		t.Error("refused without a registry")
	}
}

func TestSend(t *testing.T) {
	l, calls := attached(t, Config{})
	if err := calls.Send(t.Context(), "demo.run", json.RawMessage("1"), As("Zug@t"), Activity()); err != nil {
		t.Fatal(err)
	}
	if m := l.last(t); m.Topic != "demo.run" || string(m.Data) != "1" || m.OrcName != "Zug@t" || m.Nested {
		t.Errorf("%+v", m)
	}
	if calls.InFlight() != 0 || calls.Stats() != (Stats{}) {
		t.Errorf("%+v", calls.Stats())
	}
	l.refuse = errTooLarge
	wantCallError(t, calls.Send(t.Context(), "demo.run", nil), NotSent, errTooLarge)
	l.refuse = &CallError{Verdict: MaybeExecuted, Err: reason(ErrConnectionLost, io.EOF)}
	wantCallError(t, calls.Send(t.Context(), "demo.run", nil), MaybeExecuted, ErrConnectionLost, io.EOF)
	l.refuse = nil
	l.lose(0, nil)
	wantCallError(t, calls.Send(t.Context(), "demo.run", nil, Down(FailFast)), NotSent, ErrNotConnected)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCallError(t, calls.Send(ctx, "demo.run", nil), NotSent, ErrNotConnected, context.Canceled)
	calls.Refuse(io.EOF)
	wantCallError(t, calls.Send(t.Context(), "demo.run", nil), NotSent, ErrClosed, io.EOF)
}

func TestSenderErrors(t *testing.T) {
	for _, c := range []struct {
		refuse  error
		opts    []Option
		verdict Verdict
		want    error
	}{
		{errTooLarge, nil, NotSent, errTooLarge},
		{reason(ErrConnectionLost, io.EOF), nil, NotSent, ErrConnectionLost},
		{&CallError{Verdict: MaybeExecuted, Err: reason(ErrConnectionLost, io.EOF)}, nil, MaybeExecuted, ErrConnectionLost},
		{&CallError{Verdict: MaybeExecuted, Err: ErrConnectionLost}, []Option{KeepAcrossLoss()}, MaybeExecuted, ErrConnectionLost},
		{&CallError{Verdict: MaybeExecuted, Err: ErrConnectionLost}, []Option{Down(Queue)}, MaybeExecuted, ErrConnectionLost},
		{errTooLarge, []Option{Down(Queue), KeepAcrossLoss()}, NotSent, errTooLarge},
	} {
		l, calls := attached(t, Config{})
		tries := 0
		l.refuse, l.onSend = c.refuse, func(*wire.Message) { tries++ }
		_, err := calls.Call(t.Context(), "demo.run", nil, c.opts...).Await(t.Context())
		if tries != 1 {
			t.Errorf("%v: tried %d times", c.refuse, tries)
		}
		wantCallError(t, err, c.verdict, c.want)
		if got := calls.Stats(); got != (Stats{Started: 1, Unanswered: 1}) {
			t.Errorf("%+v", got)
		}
	}
}

func TestLimits(t *testing.T) {
	l, calls := attached(t, Config{MaxInFlight: 2, MaxQueued: 2})
	a, b := calls.Call(t.Context(), "demo.a", nil), calls.Call(t.Context(), "demo.b", nil)
	_, err := calls.Call(t.Context(), "demo.c", nil).Await(t.Context())
	wantCallError(t, err, NotSent, ErrTooMany)
	if got := calls.Stats(); got != (Stats{Started: 2, InFlight: 2}) {
		t.Errorf("%+v", got)
	}
	calls.Settle(answer("demo.a", a.ID(), "1"), true)
	b.Abort(nil)

	l.lose(0, nil)
	queued := []*Pending{calls.Call(t.Context(), "demo.d", nil, Down(Queue)), calls.Call(t.Context(), "demo.e", nil, Down(Queue))}
	queued[0].Abort(nil) // gives its place in the table and in the queue free
	third := calls.Call(t.Context(), "demo.f", nil, Down(Queue))
	if third.Settled() {
		_, err := third.Await(t.Context())
		t.Errorf("the place of a call that has ended was not given free: %v", err)
	}
	before := len(l.messages())
	l.attach()
	if sent := l.messages()[before:]; len(sent) != 2 || sent[0].Topic != "demo.e" || sent[1].Topic != "demo.f" {
		t.Errorf("sent %v", sent)
	}
	_, small := newLink(t, Config{MaxQueued: 1})
	first := small.Call(t.Context(), "demo.a", nil, Down(Queue))
	_, err = small.Call(t.Context(), "demo.b", nil, Down(Queue)).Await(t.Context())
	wantCallError(t, err, NotSent, ErrTooMany)
	if first.Settled() {
		t.Error("the first one was pushed out")
	}
}

var anyTime = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
