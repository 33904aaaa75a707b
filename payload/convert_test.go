package payload_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/xcraft-go/xbus/payload"
)

type base struct {
	ID      string `json:"id"`
	Shadow  int    `json:"shadow"`
	private int
}

type everything struct {
	base
	*Extra
	Name   string            `json:"name"`
	Shadow string            `json:"shadow"`
	Count  int               `json:"count,omitempty"`
	Ratio  float64           `json:"ratio"`
	Small  float32           `json:"small"`
	Flags  []bool            `json:"flags"`
	Pair   [2]int8           `json:"pair"`
	ByName map[string]uint16 `json:"byName"`
	ByID   map[int]string    `json:"byId,omitempty"`
	Text   json.Number       `json:"text,omitempty"`
	Quoted int64             `json:"quoted,string"`
	Any    any               `json:"any"`
	Inner  *everything       `json:"inner,omitempty"`
	Plain  bool
	Skip   func() `json:"-"`
	When   time.Time
	Zero   time.Time  `json:"zero,omitzero"`
	Addr   netip.Addr `json:"addr"`
}

type Extra struct {
	More string `json:"more"`
}

func sample() everything {
	return everything{
		base: base{ID: "i", Shadow: 1, private: 2}, Extra: &Extra{More: "m"}, Name: "n", Shadow: "s",
		Ratio: 0.1, Small: 0.1, Flags: []bool{true, false}, Pair: [2]int8{-1, 2},
		ByName: map[string]uint16{"b": 2, "a": 1}, ByID: map[int]string{10: "ten", 9: "nine"}, Text: "12.50", Quoted: 1 << 60,
		Any: map[string]any{"x": []any{nil, 1.5, "y"}}, Inner: &everything{Name: "inner", Quoted: -1},
		Plain: true, When: time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC), Addr: netip.MustParseAddr("127.0.0.1"),
	}
}

// What encoding/json writes, this package reads, and the other way around.
func TestStructsAsEncodingJSON(t *testing.T) {
	in := sample()
	theirs, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := payload.Pack(in)
	if err != nil {
		t.Fatal(err)
	}
	ours := strings.ReplaceAll(string(parts.Data), `"text":12.5,`, `"text":12.50,`) // numbers are written as JavaScript does
	if ours != string(theirs) {
		t.Errorf("written\n%s, encoding/json\n%s", ours, theirs)
	}
	var out, want everything
	if err := payload.UnpackInto(payload.Parts{Data: theirs}, &out, payload.Limits{}); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(theirs, &want); err != nil {
		t.Fatal(err)
	}
	want.Text = "12.5"
	if !reflect.DeepEqual(out, want) {
		t.Errorf("read\n%+v, encoding/json\n%+v", out, want)
	}
}

func TestMapsAndSlicesAsEncodingJSON(t *testing.T) {
	type drawn struct {
		A map[string]map[string][]int64
		B []*string `json:"b,omitempty"`
		C map[uint8]float32
		D [3]bool
		E *struct{ F []string }
	}
	gen := rapid.Make[drawn]()
	rapid.Check(t, func(t *rapid.T) {
		in := gen.Draw(t, "value")
		theirs, err := json.Marshal(in)
		if err != nil {
			t.Skip(err)
		}
		parts, err := payload.Pack(in)
		if err != nil {
			t.Fatal(err)
		}
		var ours, read, want drawn
		if err := json.Unmarshal(parts.Data, &ours); err != nil {
			t.Fatal(err)
		}
		if err := payload.UnpackInto(payload.Parts{Data: theirs}, &read, payload.Limits{}); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(theirs, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(ours, want) || !reflect.DeepEqual(read, want) {
			t.Fatalf("%s %s: %+v, %+v, want %+v", parts.Data, theirs, ours, read, want)
		}
	})
}

func TestImmutableOfGo(t *testing.T) {
	type point struct {
		X int `json:"x"`
		Y any `json:"y"`
	}
	for _, c := range []struct {
		in   any
		want string
	}{
		{nil, `{"index":-1,"objects":[]}`},
		{math.NaN(), `{"index":-3,"objects":[]}`},
		{map[string]any{"b": []int{1}, "a": nil}, `{"index":0,"objects":[[7,1,-1,2,3],"a","b",[9,4],1]}`},
		{point{1, &point{2, true}}, `{"index":0,"objects":[[7,1,2,3,4],"x",1,"y",[7,1,5,3,6],2,true]}`},
		{map[int]string{2: "b", 1: "a"}, `{"index":0,"objects":[[7,1,2,3,4],1,"a",2,"b"]}`},
		{map[any]bool{true: true, 1: false, "s": true}, `{"index":0,"objects":[[7,1,1,2,3,4,1],true,1,false,"s"]}`},
		{[]any{payload.NewObject("k", 1), payload.NewOrderedSet(1)}, `{"index":0,"objects":[[9,1,2],[0,4,3],[11,3],1,"k"]}`},
		{[]any{json.RawMessage(`{"a":[1]}`), netip.MustParseAddr("::1"), json.Number("1e2")}, `{"index":0,"objects":[[9,1,2,3],[7,4,5],"::1",100,"a",[9,6],1]}`},
		{[]int64{1 << 53, -1 << 53}, `{"index":0,"objects":[[9,1,2],9007199254740992,-9007199254740992]}`},
		{[]string(nil), `{"index":-1,"objects":[]}`},
		{struct{}{}, `{"index":0,"objects":[[7]]}`},
	} {
		v, err := payload.Immutable(c.in)
		if err != nil {
			t.Errorf("%#v: %v", c.in, err)
			continue
		}
		if text := string(textOf(t, v)); text != c.want {
			t.Errorf("%#v\n%s, want\n%s", c.in, text, c.want)
		}
	}
}

type loop struct {
	Next *loop `json:"next"`
}

type twin struct{ A, B string }

func (t twin) MarshalText() ([]byte, error) { return []byte(t.A), nil }

type broken struct{}

func (broken) MarshalJSON() ([]byte, error) { return nil, errors.New("no way") }

func TestWhatCannotTravel(t *testing.T) {
	round := &loop{}
	round.Next = &loop{round}
	ring := []any{nil}
	ring[0] = ring
	type user struct {
		Created any `json:"created"`
	}
	in := func(v any) any { return map[string]any{"user": user{v}} }
	const imm = " cannot travel inside an Immutable payload: "
	for _, c := range []struct {
		in              any
		immutable, from string // the error without "payload: ", "" for none
	}{
		{in(time.Now()), "$.user.created: time.Time" + imm + "send a string", ""},
		{in(new(time.Time)), "$.user.created: time.Time" + imm + "send a string", ""},
		{in([]time.Time{{}}), "$.user.created[0]: time.Time" + imm + "send a string", ""},
		{in([]byte{1}), "$.user.created: a buffer" + imm + "send it as data.chunk, or as a base64 string", ""},
		{in(int64(1<<53 + 1)), "$.user.created: 9007199254740993" + imm + "JavaScript would round it, send a string", ""},
		{in(uint64(math.MaxUint64)), "$.user.created: 18446744073709551615" + imm + "JavaScript would round it, send a string", ""},
		{in(big.NewInt(1 << 60)), "$.user.created: 1152921504606846976" + imm + "JavaScript would round it, send a string", ""},
		{in(json.RawMessage(`[{"a":9007199254740993}]`)), "$.user.created[0].a: 9007199254740993" + imm + "JavaScript would round it, send a string", ""},
		{in(json.Number("9007199254740993")), "$.user.created: 9007199254740993" + imm + "JavaScript would round it, send a string", ""},
		{in(func() {}), `$.user.created: a function (func())` + imm + `leave it out, or tag it json:"-"`, `$.user.created: a function (func()) cannot travel in plain JSON: leave it out, or tag it json:"-"`},
		{in(make(chan int)), `$.user.created: a channel (chan int)` + imm + `leave it out, or tag it json:"-"`, `$.user.created: a channel (chan int) cannot travel in plain JSON: leave it out, or tag it json:"-"`},
		{in(1i), `$.user.created: a complex128 (complex128)` + imm + `leave it out, or tag it json:"-"`, `$.user.created: a complex128 (complex128) cannot travel in plain JSON: leave it out, or tag it json:"-"`},
		{in(errors.New("e")), `$.user.created: errors.errorString` + imm + `it has no exported fields, send what it says as a string`, `$.user.created: errors.errorString cannot travel in plain JSON: it has no exported fields, send what it says as a string`},
		{in("\xff"), `$.user.created: a string that is not UTF-8` + imm + `send it as data.chunk, or as a base64 string`, `$.user.created: a string that is not UTF-8 cannot travel in plain JSON: send it as data.chunk, or as a base64 string`},
		{in(round), `$.user.created.next.next: *payload_test.loop that contains itself` + imm + `break the cycle`, `$.user.created.next.next: *payload_test.loop that contains itself cannot travel in plain JSON: break the cycle`},
		{in(ring), `$.user.created[0]: []interface {} that contains itself` + imm + `break the cycle`, `$.user.created[0]: []interface {} that contains itself cannot travel in plain JSON: break the cycle`},
		{in(map[twin]int{{"k", "1"}: 1, {"k", "2"}: 2}), `$.user.created: two keys that become "k"` + imm + `rename one`, `$.user.created: two keys that become "k" cannot travel in plain JSON: rename one`},
		{in(map[float64]int{1.5: 1}), "", `$.user.created: a key of type float64 cannot be the name of a member: use string keys`},
		{in(broken{}), `$.user.created: payload_test.broken cannot be converted: no way`, `$.user.created: payload_test.broken cannot be converted: no way`},
		{in(json.Number("x")), `$.user.created: json.Number "x"` + imm + `give a number`, `$.user.created: json.Number "x" cannot travel in plain JSON: give a number`},
		{map[string]any{"a b": map[string]any{"": func() {}}}, `$["a b"][""]: a function (func())` + imm + `leave it out, or tag it json:"-"`, `$["a b"][""]: a function (func()) cannot travel in plain JSON: leave it out, or tag it json:"-"`},
	} {
		check := func(name string, err error, want string) {
			_, typed := errors.AsType[*payload.UnsupportedError](err)
			if want == "" && err != nil || want != "" && (err == nil || !typed || err.Error() != "payload: "+want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		check("Immutable", second(payload.Immutable(c.in)), c.immutable)
		check("From", second(payload.From(c.in)), c.from)
	}
}

// Constructors do not fail; the text does, with the path to the argument and on.
func TestConstructorsKeepTheError(t *testing.T) {
	v := payload.NewMap("list", payload.NewList(1, map[string]any{"when": []any{time.Time{}}}))
	if err := v.Path("list", 1).Err(); err == nil {
		t.Error("the value has no error")
	}
	for name, err := range map[string]error{
		"Append": second(payload.Append(nil, v)), "AppendJSON": second(payload.AppendJSON(nil, v)),
		"Pack": second(payload.Pack(v)), "Plain": second(payload.Plain(v)), "To": payload.To(v, new(any)),
	} {
		const want = "payload: $.list[1].when[0]: time.Time cannot travel inside an Immutable payload: send a string"
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	for _, c := range []struct {
		v    payload.Value
		want string
	}{
		{payload.NewList(payload.Bytes(nil)), "$[0]: a buffer cannot"},
		{payload.NewList(payload.NewObject("f", payload.Func("function(){}"))), "$[0].f: a function cannot"},
		{payload.NewList(payload.NewShredder(1)), "$[0]: a Shredder cannot"},
		{payload.NewMap("a", payload.NewMap(payload.NewList(payload.String("\xff")), 1)), "$.a[key 0][0]: a string that is not UTF-8 cannot"},
		{payload.NewMap("\xff", 1), "$[key 0]: a string that is not UTF-8 cannot"},
		{payload.NewList(payload.NewObject("__proto__", 1)), "$[0].__proto__: a member named __proto__ cannot"},
		{payload.Build(payload.KindArray).Member("m", payload.NewShredder(1)).Value(), "$.m: a Shredder cannot"},
		{must(payload.From([]int64{1, 1<<53 + 1})), "$[1]: 9007199254740993 cannot"},
		{must(payload.ParseJSON([]byte("12345678901234567890"), payload.Limits{})), "$: 12345678901234567890 cannot"},
		{payload.Bytes([]byte{1}), "$: a buffer cannot"},
		{decode(t, `{"index":0,"objects":[[9,1],[2,[],1,1]]}`), "$[0][1]: a hole at the end of an array cannot"},
		{payload.NewObject(1, 2), "$[\"?\"]: a number cannot be the name of a member: give a string"},
		{payload.NewList(1).With(5, 1), "$: a List cannot be changed so: its kind has no such operation"},
	} {
		before := []byte("before")
		text, err := payload.Append(before, c.v)
		if err == nil || !strings.HasPrefix(err.Error(), "payload: "+c.want) || string(text) != "before" {
			t.Errorf("%s, %v, want %s", text, err, c.want)
		}
	}
}

type Hidden struct {
	*hidden
	K int
}

type hidden struct{ Inside int }

func TestEmbeddedPointerToUnexported(t *testing.T) {
	parts := must(payload.Pack(Hidden{&hidden{1}, 2}))
	if string(parts.Data) != `{"Inside":1,"K":2}` {
		t.Errorf("packed %s", parts.Data)
	}
	out := Hidden{hidden: &hidden{}}
	if err := payload.UnpackInto(parts, &out, payload.Limits{}); err != nil || out.Inside != 1 || out.K != 2 {
		t.Errorf("read %+v, %v", out, err)
	}
	const want = "payload: $.Inside: number into payload_test.Hidden: an embedded pointer to an unexported struct is nil: set it before"
	if err := payload.UnpackInto(parts, new(Hidden), payload.Limits{}); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestBigIntegersInPlainJSON(t *testing.T) {
	type big struct {
		I int64
		U uint64
	}
	in := big{-1<<63 + 1, math.MaxUint64}
	parts := must(payload.Pack(in))
	if string(parts.Data) != `{"I":-9223372036854775807,"U":18446744073709551615}` {
		t.Errorf("packed %s", parts.Data)
	}
	var out big
	if err := payload.UnpackInto(parts, &out, payload.Limits{}); err != nil || out != in {
		t.Errorf("read %+v, %v", out, err)
	}
	// A JavaScript number of that size is the same number again.
	v := must(payload.ParseJSON([]byte("1152921504606847000"), payload.Limits{}))
	if !v.Equal(payload.Number(1<<60)) || string(textOf(t, v)) != `{"index":0,"objects":[1152921504606847000]}` {
		t.Errorf("%v is written %s", v, textOf(t, v))
	}
	if i, ok := v.Int(); !ok || i != 1152921504606847000 {
		t.Errorf("its digits are lost: %d", i)
	}
}
