package rpc

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/wire"
)

type app struct {
	Name string `json:"name"`
	N    int    `json:"n"`
}

// result settles a call with m's payload and returns what a T makes of it.
func result[T any](t *testing.T, m wire.Message) (T, error) {
	t.Helper()
	_, calls := attached(t, Config{})
	f := Typed[T](calls.Call(t.Context(), "demo.run", nil))
	if v, ok, err := f.Result(); ok || err != nil || !reflect.ValueOf(&v).Elem().IsZero() {
		t.Errorf("before the end: %v %v %v", v, ok, err)
	}
	m.Topic = "Grom@token::demo.run." + f.ID() + ".finished"
	calls.Settle(&m, true)
	v, err := f.Await(t.Context())
	again, ok, err2 := f.Result()
	if !ok || !same(v, again) || (err == nil) != (err2 == nil) {
		t.Errorf("Await %v %v, Result %v %v", v, err, again, err2)
	}
	for range 2 {
		once, err3 := f.Observable().First(t.Context())
		if (err == nil) != (err3 == nil) || err == nil && !same(v, once) {
			t.Errorf("Await %v %v, Observable %v %v", v, err, once, err3)
		}
	}
	return v, err
}

func same(a, b any) bool {
	x, isValue := a.(payload.Value)
	if y, both := b.(payload.Value); isValue && both {
		return x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}

func TestTypedResults(t *testing.T) {
	plain := wire.Message{Data: json.RawMessage(`{"name":"xbus","n":7,"extra":1}`)}
	immu := wire.Message{Data: json.RawMessage("null"), Rare: &wire.Rare{Immu: json.RawMessage(`{".":"{\"index\":0,\"objects\":[[7,1,2,3,4],\"name\",\"xbus\",\"n\",7]}"}`)}}
	for name, m := range map[string]wire.Message{"plain": plain, "immutable": immu} {
		if v, err := result[app](t, m); err != nil || v != (app{"xbus", 7}) {
			t.Errorf("%s: struct %+v %v", name, v, err)
		}
		if v, err := result[*app](t, m); err != nil || v == nil || *v != (app{"xbus", 7}) {
			t.Errorf("%s: pointer %+v %v", name, v, err)
		}
		if v, err := result[map[string]any](t, m); err != nil || v["n"] != 7.0 {
			t.Errorf("%s: map %v %v", name, v, err)
		}
		if v, err := result[payload.Value](t, m); err != nil || v.Get("name").String() != payload.String("xbus").String() {
			t.Errorf("%s: value %v %v", name, v, err)
		}
	}
	if v, err := result[json.RawMessage](t, plain); err != nil || string(v) != string(plain.Data) {
		t.Errorf("raw %s %v", v, err)
	}
	if v, err := result[*wire.Message](t, plain); err != nil || string(v.Data) != string(plain.Data) {
		t.Errorf("message %v %v", v, err)
	}
	if v, err := result[app](t, wire.Message{}); err != nil || v != (app{}) {
		t.Errorf("no data: %v %v", v, err)
	}
	if v, err := result[json.RawMessage](t, wire.Message{}); err != nil || v != nil {
		t.Errorf("no data, raw: %v %v", v, err)
	}
	chunk := wire.Message{Data: json.RawMessage(`{"chunk":null}`), Chunk: []byte{0, 255}}
	if v, err := result[struct{ Chunk []byte }](t, chunk); err != nil || string(v.Chunk) != "\x00\xff" {
		t.Errorf("chunk: %v %v", v, err)
	}
	if v, err := result[payload.Value](t, chunk); err != nil || v.Get("chunk").Kind() != payload.KindBytes {
		t.Errorf("chunk, value: %v %v", v, err)
	}
	functions := wire.Message{Serialized: true, Data: json.RawMessage(`"{\"name\":\"xbus\",\"f\":\"function (a) { return a; }\"}"`)}
	if v, err := result[map[string]any](t, functions); err != nil || v["name"] != "xbus" || v["f"] != payload.Func("function (a) { return a; }") {
		t.Errorf("functions: %v %v", v, err)
	}
	object := wire.Message{Serialized: true, Data: json.RawMessage(`{"name":"xbus"}`)} // what the reference sends
	if v, err := result[app](t, object); err != nil || v.Name != "xbus" {
		t.Errorf("serialized object: %v %v", v, err)
	}
}

func TestResultsOfAnotherType(t *testing.T) {
	for _, m := range []wire.Message{
		{Data: json.RawMessage(`{"n":"seven"}`)},
		{Data: json.RawMessage(`[1]`)},
		{Data: json.RawMessage("null"), Rare: &wire.Rare{Immu: json.RawMessage(`{".":"no json"}`)}},
		{Serialized: true, Data: json.RawMessage(`"{"`)},
	} {
		_, err := result[app](t, m)
		var wrong *DecodeError
		if !errors.As(err, &wrong) || wrong.Command != "demo.run" || wrong.Type != "rpc.app" || errors.Unwrap(wrong) == nil {
			t.Errorf("%s: %v", m.Data, err)
		}
		if _, ok := VerdictOf(err); ok {
			t.Errorf("%v: it has run, and says that it may have", err)
		}
	}
}

func TestFailuresOfTypedCalls(t *testing.T) {
	_, calls := attached(t, Config{})
	f := Typed[app](calls.Call(t.Context(), "demo.run", nil))
	calls.Settle(failure("demo.run", f.ID(), `{"message":"no","code":"E"}`), true)
	var far *Error
	if v, err := f.Await(t.Context()); !errors.As(err, &far) || far.Code != "E" || v != (app{}) {
		t.Errorf("%v %v", v, err)
	}
	if _, err := f.Observable().First(t.Context()); !errors.As(err, &far) {
		t.Errorf("%v", err)
	}
	if _, err := f.Pending.Observable().First(t.Context()); !errors.As(err, &far) {
		t.Errorf("%v", err)
	}
	if _, ok, err := f.Result(); !ok || !errors.As(err, &far) {
		t.Errorf("%v %v", ok, err)
	}
	g := Typed[app](calls.Call(t.Context(), "demo.run", nil))
	want := answer("demo.run", g.ID(), "{}")
	calls.Settle(want, true)
	if m, err := g.Pending.Observable().First(t.Context()); m != want || err != nil {
		t.Errorf("%v %v", m, err)
	}
}

func TestEncodeAndDecode(t *testing.T) {
	parts, err := Encode(app{"x", 1})
	if err != nil || string(parts.Data) != `{"name":"x","n":1}` {
		t.Errorf("%s %v", parts.Data, err)
	}
	var got app
	if err := Decode(&wire.Message{Data: parts.Data}, &got); err != nil || got != (app{"x", 1}) {
		t.Errorf("%v %v", got, err)
	}
	if err := Decode(&wire.Message{}, &got); err != nil || got != (app{"x", 1}) {
		t.Errorf("without payload: %v %v", got, err)
	}
	if _, err := Encode(make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
}
