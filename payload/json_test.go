package payload_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/payload"
)

// A value may be part of what encoding/json reads and writes.
func TestValuesInEncodingJSON(t *testing.T) {
	var in struct {
		A payload.Value
		B *payload.Value
	}
	if err := json.Unmarshal([]byte(`{"A":{"k":[1,"x",null]},"B":12345678901234567890}`), &in); err != nil {
		t.Fatal(err)
	}
	if want := payload.NewObject("k", payload.NewArray(1, "x", nil)); !in.A.Equal(want) {
		t.Errorf("read %v", in.A)
	}
	out, err := json.Marshal(in)
	if want := `{"A":{"k":[1,"x",null]},"B":12345678901234567890}`; err != nil || string(out) != want {
		t.Errorf("written %s, %v", out, err)
	}
	out, err = json.Marshal(map[string]payload.Value{
		"m": payload.NewShredder(payload.NewMap(1, payload.NewSet("x"), "u", payload.Undefined)), "u": payload.Undefined,
	})
	if want := `{"m":{"1":["x"]},"u":null}`; err != nil || string(out) != want {
		t.Errorf("written %s, %v", out, err)
	}
	_, err = json.Marshal(payload.NewList(nan()))
	if e, ok := errors.AsType[*payload.UnsupportedError](err); !ok || e.Path != "$[0]" {
		t.Errorf("NaN: %v", err)
	}
}

func TestAppendJSONRefuses(t *testing.T) {
	for want, v := range map[string]payload.Value{
		`$[1]: the number and the string 1 as keys cannot`: payload.NewOrderedMap("1", 1, 1, 2),
		`$[null]: a key that is a null cannot`:             payload.NewMap(nil, 1),
		`$.a[List []]: a key that is a List cannot`:        payload.NewObject("a", payload.NewMap(payload.NewList(), 1)),
		`$.a: a Set of JavaScript cannot`:                  payload.NewMap("a", payload.NewJSSet()),
	} {
		_, err := payload.AppendJSON(nil, v)
		if err == nil || !strings.HasPrefix(err.Error(), "payload: "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestParseJSONLimits(t *testing.T) {
	deep := strings.Repeat("[", 11) + strings.Repeat("]", 11)
	long := "[" + strings.Repeat("0,", 99) + "0]"
	for _, c := range []struct {
		text   string
		limits payload.Limits
		want   string
	}{
		{deep, payload.Limits{Depth: 11}, ""},
		{deep, payload.Limits{Depth: 10}, "Depth"},
		{long, payload.Limits{Values: 101}, ""},
		{long, payload.Limits{Values: 100}, "Values"},
		{long, payload.Limits{Text: len(long)}, ""},
		{long, payload.Limits{Text: len(long) - 1}, "Text"},
		{strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), payload.Limits{}, "Depth"},
	} {
		_, err := payload.ParseJSON([]byte(c.text), c.limits)
		_, unpacked := payload.Unpack(payload.Parts{Data: []byte(c.text)}, c.limits)
		into := payload.UnpackInto(payload.Parts{Data: []byte(c.text)}, new(any), c.limits)
		for _, err := range []error{err, unpacked, into} {
			if limit, _ := errors.AsType[*payload.LimitError](err); c.want == "" && err != nil || c.want != "" && (limit == nil || limit.Limit != c.want) {
				t.Errorf("%.20s… %+v: %v, want %q", c.text, c.limits, err, c.want)
			}
		}
	}
}

func TestEqualNames(t *testing.T) {
	many := make([]string, 0, 20)
	for _, name := range strings.Split("abcdefghij", "") {
		many = append(many, `"`+name+`":1`)
	}
	text := "{" + strings.Join(many, ",") + `,"c":2}`
	for text, want := range map[string]string{
		`{"a":1,"b":2,"a":3}`: `{"a":3,"b":2}`,
		text:                  strings.Replace(strings.TrimSuffix(text, `,"c":2}`)+"}", `"c":1`, `"c":2`, 1),
	} {
		v := must(payload.ParseJSON([]byte(text), payload.Limits{}))
		if got := string(must(payload.AppendJSON(nil, v))); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
}

// pointed marshals itself when it has an address.
type pointed struct{ secret int }

func (p *pointed) MarshalJSON() ([]byte, error) { return []byte(`"secret"`), nil }

func (p *pointed) UnmarshalJSON([]byte) error { p.secret = 7; return nil }

type worded struct{ word string }

func (w *worded) MarshalText() ([]byte, error) { return []byte(w.word), nil }

func (w *worded) UnmarshalText(text []byte) error { w.word = string(text); return nil }

func TestMarshalersOfPointers(t *testing.T) {
	type both struct {
		P  pointed
		W  worded
		PP *pointed
		M  map[worded]int `json:"-"`
	}
	parts := must(payload.Pack(&both{W: worded{"w"}}))
	if want := `{"P":"secret","W":"w","PP":null}`; string(parts.Data) != want {
		t.Errorf("packed %s, want %s", parts.Data, want)
	}
	var out both
	if err := payload.UnpackInto(parts, &out, payload.Limits{}); err != nil || out.P.secret != 7 || out.W.word != "w" || out.PP != nil {
		t.Errorf("read %+v, %v", out, err)
	}
	var byWord map[worded]int
	if err := payload.To(payload.NewObject("a", 1), &byWord); err != nil || !reflect.DeepEqual(byWord, map[worded]int{{"a"}: 1}) {
		t.Errorf("read %v, %v", byWord, err)
	}
	// Without an address there is no method, as in encoding/json.
	if _, err := payload.Pack(both{}); err == nil || !strings.Contains(err.Error(), "$.P: payload_test.pointed cannot travel") {
		t.Errorf("packed by value: %v", err)
	}
}

func TestToMergesMaps(t *testing.T) {
	m := map[string]int{"a": 1, "b": 2}
	if err := payload.To(payload.NewMap("b", 3, "c", 4), &m); err != nil || !reflect.DeepEqual(m, map[string]int{"a": 1, "b": 3, "c": 4}) {
		t.Errorf("%v, %v", m, err)
	}
}
