package payload_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/payload"
)

func raw(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

func TestPackGoValues(t *testing.T) {
	type chunked struct {
		Chunk []byte `json:"chunk"`
		K     int    `json:"k"`
	}
	m := payload.NewMap("a", 1)
	const text = `"{\"index\":0,\"objects\":[[7,1,2],\"a\",1]}"`
	for _, c := range []struct {
		name              string
		in                any
		data, immu, shred string
		chunk             []byte
	}{
		{"a struct that holds some", struct {
			A payload.Value `json:"a"`
			B payload.Value `json:"b,omitzero"`
			C string        `json:"c"`
			D payload.Value `json:"d"`
		}{A: m, C: "<&>\u2028", D: payload.NewShredder(m)}, `{"a":null,"c":"<&>` + "\u2028" + `","d":null}`, `{"a":` + text + `}`, `{"d":` + text + `}`, nil},
		{"a slice", []any{m, 1, m}, `[null,1,null]`, `{"0":` + text + `,"2":` + text + `}`, "", nil},
		{"a map", map[string]any{"b": m, "a": payload.NewShredder(m)}, `{"a":null,"b":null}`, `{"b":` + text + `}`, `{"a":` + text + `}`, nil},
		{"nested under data", map[string]any{"a": m, "data": map[string]any{"b": payload.NewShredder(m), "c": m, "data": []any{m}}},
			`{"a":null,"data":{"b":null,"c":null,"data":[null],"_xImmu":{"0":` + text + `}},"_xShred":{"b":` + text + `},"_xImmu":{"c":` + text + `}}`,
			`{"a":` + text + `}`, "", nil},
		{"behind the inner data", payload.NewObject("data", payload.NewObject("x", m), "k", 1), `{"data":{"x":null},"_xImmu":{"x":` + text + `},"k":1}`, "", "", nil},
		{"a chunk", chunked{[]byte{1}, 2}, `{"chunk":null,"k":2}`, "", "", []byte{1}},
		{"an empty chunk", chunked{[]byte{}, 2}, `{"chunk":null,"k":2}`, "", "", []byte{}},
		{"no chunk", chunked{nil, 2}, `{"k":2}`, "", "", nil},
		{"a buffer elsewhere", map[string]any{"b": []byte{0, 255}}, `{"b":{"type":"Buffer","data":[0,255]}}`, "", "", nil},
		{"nothing", payload.Undefined, "", "", "", nil},
		{"nil", nil, "null", "", "", nil},
		{"−0", negativeZero(), "-0", "", "", nil},
		{"raw JSON", json.RawMessage(`{"a": 1.0}`), `{"a": 1.0}`, "", "", nil},
		{"names of parts", payload.NewObject("_xImmu", 1, "data", 0), `{"_xImmu":1,"data":0}`, "", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts, err := payload.Pack(c.in)
			if err != nil {
				t.Fatal(err)
			}
			want := payload.Parts{Data: raw(c.data), Immu: raw(c.immu), Shred: raw(c.shred), Chunk: c.chunk}
			if !reflect.DeepEqual(parts, want) {
				t.Errorf("packed\n%s %s %s %v, want\n%s %s %s %v", parts.Data, parts.Immu, parts.Shred, parts.Chunk, want.Data, want.Immu, want.Shred, want.Chunk)
			}
		})
	}
}

func TestPackRefuses(t *testing.T) {
	m := payload.NewMap("a", 1)
	for want, in := range map[string]any{
		`$.a.b: a Map would lose its kind so deep in a message`:                       map[string]any{"a": map[string]any{"b": m}},
		`$.a[0]: a Shredder would lose its kind so deep in a message`:                 map[string]any{"a": []any{payload.NewShredder(m)}},
		`$: a buffer cannot be data itself`:                                           []byte{1},
		`$: NaN cannot travel in plain JSON`:                                          nan(),
		`$.chunk: a Map cannot be the chunk`:                                          map[string]any{"chunk": m},
		`$._xImmu: a member of this name beside data.data is taken`:                   map[string]any{"_xImmu": 1, "data": 1},
		`$: a Map of JavaScript cannot travel in plain JSON`:                          payload.NewJSMap(),
		`$.s: a Set of JavaScript cannot travel in plain JSON`:                        payload.NewObject("s", payload.NewJSSet()),
		`$: an array with members of its own cannot travel in plain JSON`:             payload.Build(payload.KindArray).Member("m", 1).Value(),
		`$[0]: undefined in an array cannot travel in plain JSON`:                     payload.Build(payload.KindArray).Set(1, 1).Value(),
		`$.f: a function cannot travel in plain JSON`:                                 map[string]any{"f": payload.Func("function(){}")},
		`$.m.a[0]: 9007199254740993 cannot travel inside an Immutable payload`:        payload.NewObject("m", payload.NewMap("a", must(payload.From([]int64{1<<53 + 1})))),
		`$.data.m[0]: a buffer cannot travel inside an Immutable payload`:             payload.NewObject("data", payload.NewObject("m", payload.NewList(payload.Bytes(nil)))),
		`$["` + `\xff` + `"]: a string that is not UTF-8 cannot travel in plain JSON`: payload.NewObject("\xff", 1),
		`$.x: time.Time cannot travel inside an Immutable payload`:                    payload.NewObject("x", timeValue()),
	} {
		_, err := payload.Pack(in)
		if _, typed := errors.AsType[*payload.UnsupportedError](err); !typed || !strings.HasPrefix(err.Error(), "payload: "+want+":") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestUnpack(t *testing.T) {
	const text = `"{\"index\":0,\"objects\":[[9,1],1]}"`
	list := payload.NewList(1)
	for _, c := range []struct {
		name              string
		data, immu, shred string
		chunk             []byte
		want              payload.Value
	}{
		{"nothing", "", "", "", nil, payload.Undefined},
		{"a part without data", "", `{".":` + text + `}`, "", nil, list},
		{"a member that has no place", `{}`, `{"a":` + text + `}`, "", nil, payload.NewObject("a", list)},
		{"both parts", `{"a":null,"b":null}`, `{"a":` + text + `}`, `{"b":` + text + `}`, nil, payload.NewObject("a", list, "b", payload.NewShredder(list))},
		{"parts that are nothing", `{"a":1}`, `null`, `false`, nil, payload.NewObject("a", 1)},
		{"inner parts", `{"_xShred":{"x":` + text + `},"data":{"x":null,"data":{"y":null},"_xImmu":{"y":` + text + `}}}`, "", "", nil,
			payload.NewObject("data", payload.NewObject("x", payload.NewShredder(list), "data", payload.NewObject("y", list)))},
		{"no inner data, no parts", `{"_xImmu":{"x":"y"},"data":0}`, "", "", nil, payload.NewObject("_xImmu", payload.NewObject("x", "y"), "data", 0)},
		{"a chunk", `{"chunk":null}`, "", "", []byte{7}, payload.NewObject("chunk", payload.Bytes([]byte{7}))},
		{"a chunk without place", `{"a":1}`, "", "", []byte{7}, payload.NewObject("a", 1)},
		{"a place without chunk", `{"chunk":null}`, "", "", nil, payload.NewObject("chunk", nil)},
		{"many members", `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"_xImmu":{"y":` + text + `},"data":{"y":null}}`, `{"i":` + text + `}`, "", nil,
			payload.NewObject("a", 1, "b", 1, "c", 1, "d", 1, "e", 1, "f", 1, "g", 1, "h", 1, "i", list, "data", payload.NewObject("y", list))},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := payload.Unpack(payload.Parts{Data: raw(c.data), Immu: raw(c.immu), Shred: raw(c.shred), Chunk: c.chunk}, payload.Limits{})
			if err != nil || !v.Equal(c.want) {
				t.Errorf("%v, %v, want %v", v, err, c.want)
			}
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	for _, c := range []struct{ data, immu, want string }{
		{`{"a":`, "", `payload: byte 5: expected a value`},
		{`{}`, `{"a"`, `payload: _xImmu: byte 4: expected ':'`},
		{`{}`, `7`, `payload: _xImmu: byte 0: an object was expected, not a number`},
		{`{}`, `{"a":7}`, `payload: _xImmu.a: byte 0: a string was expected, not a number`},
		{`{}`, `{"a":"{}"}`, `payload: _xImmu.a: byte 2: no index: this is not the text of an immutable value`},
		{`null`, `{"a":"{\"index\":-1}"}`, `payload: _xImmu.a: byte 0: data is a null and has no such place`},
		{`[1]`, `{"1":"{\"index\":-1}"}`, `payload: _xImmu["1"]: byte 0: data is an array and has no such place`},
		{`1`, `{".":"{\"index\":-1}","a":"{\"index\":-1}"}`, `payload: _xImmu.a: byte 0: data is a null and has no such place`},
		{`{"data":{},"_xImmu":"x"}`, ``, `payload: _xImmu: byte 0: an object was expected, not a string`},
		{strings.Repeat(`{"data":`, 1001) + `1` + strings.Repeat(`}`, 1001), ``, `payload: more than 1000 levels: raise Limits.Depth if this is expected`},
	} {
		v, err := payload.Unpack(payload.Parts{Data: raw(c.data), Immu: raw(c.immu)}, payload.Limits{})
		if err == nil || err.Error() != c.want {
			t.Errorf("%.50s %s: %v, %v, want %s", c.data, c.immu, v, err, c.want)
		}
	}
	_, err := payload.Unpack(payload.Parts{Shred: raw(`{".":"{\"index\":0}"}`)}, payload.Limits{})
	part, _ := errors.AsType[*payload.PartError](err)
	syntax, _ := errors.AsType[*payload.SyntaxError](err)
	if part == nil || part.Part != "_xShred" || part.Key != "." || syntax == nil || syntax.Offset != 11 {
		t.Errorf("%v does not say where", err)
	}
}

// Who asks for a Go type does not see how it came.
func TestUnpackInto(t *testing.T) {
	type room struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	type state struct {
		Room  room   `json:"room"`
		Chunk []byte `json:"chunk"`
	}
	want := state{Room: room{"kitchen", []string{"warm"}}, Chunk: []byte{1}}
	kitchen := payload.NewMap("name", "kitchen", "tags", payload.NewSet("warm"))
	for name, v := range map[string]payload.Value{
		"plain":     payload.NewObject("room", must(payload.Plain(kitchen)), "chunk", payload.Bytes([]byte{1})),
		"immutable": payload.NewObject("room", kitchen, "chunk", payload.Bytes([]byte{1})),
		"shredder":  payload.NewObject("room", payload.NewShredder(kitchen), "chunk", payload.Bytes([]byte{1})),
	} {
		parts := must(payload.Pack(v))
		var got state
		if err := payload.UnpackInto(parts, &got, payload.Limits{}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		var tree payload.Value
		if err := payload.UnpackInto(parts, &tree, payload.Limits{}); err != nil || !tree.Equal(v) {
			t.Errorf("%s: %v, %v", name, tree, err)
		}
	}
	var whole json.RawMessage
	data := raw(`{ "a": 1.0, "data": 0 }`)
	if err := payload.UnpackInto(payload.Parts{Data: data}, &whole, payload.Limits{}); err != nil || string(whole) != string(data) {
		t.Errorf("raw JSON became %s, %v", whole, err)
	}
	if err := payload.UnpackInto(payload.Parts{Data: raw(`{"a":null}`), Immu: raw(`{"a":"{\"index\":0,\"objects\":[[9]]}"}`)}, &whole, payload.Limits{}); err != nil || string(whole) != `{"a":[]}` {
		t.Errorf("raw JSON became %s, %v", whole, err)
	}
}

func TestSerialized(t *testing.T) {
	const function = `function (a, b) { return a + "}"; }`
	object := map[string]any{
		"f": function, "g": "functional", "h": "function f(){}", "i": "functional(x){}", "j": "(a) => a", "k": "function", "function": 1,
		"l": []any{"function* (a) {\n}", "async function(){}"}, "m": "function () { return 1",
	}
	isFunc := map[string]bool{"f": true, "h": true}
	text := string(must(json.Marshal(object)))
	v, err := payload.Serialized(must(json.Marshal(text)), payload.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range object {
		got := v.Get(name)
		if s, ok := want.(string); ok && (got.String() != s || (got.Kind() == payload.KindFunc) != isFunc[name]) {
			t.Errorf("%s: %v %v, want %v", name, got.Kind(), got, want)
		}
	}
	if v.Path("l", 0).Kind() != payload.KindFunc || v.Path("l", 1).Kind() != payload.KindString {
		t.Errorf("in an array: %v", v.Get("l"))
	}
	if f, err := payload.As[payload.Func](v.Get("f")); err != nil || string(f) != function {
		t.Errorf("%q, %v", f, err)
	}
	back, err := payload.AppendSerialized(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := payload.Serialized(back, payload.Limits{}); err != nil || !again.Equal(v) {
		t.Errorf("%v, %v", again, err)
	}
	if v, err := payload.Serialized([]byte(`{"f":"function(){}"}`), payload.Limits{}); err != nil || v.Get("f").Kind() != payload.KindString {
		t.Errorf("an object is not taken as it is: %v, %v", v, err)
	}
	if _, err := payload.Serialized([]byte(`"[object Object]"`), payload.Limits{}); err == nil {
		t.Error("no error for what is no JSON")
	}
}
