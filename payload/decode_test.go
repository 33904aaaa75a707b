package payload_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/payload"
)

func decode(t testing.TB, text string) payload.Value {
	t.Helper()
	v, err := payload.Decode([]byte(text), payload.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                                                 `byte 0: expected '{': this is not the text of an immutable value`,
		`[]`:                                               `byte 0: expected '{': this is not the text of an immutable value`,
		`{}`:                                               `byte 2: no index: this is not the text of an immutable value`,
		`{"index":0`:                                       `byte 10: expected ',' or '}'`,
		`{"index":0}`:                                      `byte 11: no objects: this is not the text of an immutable value`,
		`{"index":0,"objects":`:                            `byte 21: objects must be an array`,
		`{"index":0,"objects":{}}`:                         `byte 21: objects must be an array`,
		`{"index":0,"objects":[}`:                          `byte 22: expected a value`,
		`{"index":0,"objects":["a" "b"]}`:                  `byte 26: expected ',' or ']'`,
		`{"index":0,"objects":["a"]} x`:                    `byte 28: unexpected text behind the value`,
		`{"index":"0","objects":["a"]}`:                    `byte 9: expected an index`,
		`{"index":[0],"objects":["a"]}`:                    `byte 10: expected an index, not an array`,
		`{"index":[],"objects":["a"]}`:                     `byte 0: an array stands where an index should be`,
		`{"index":0,"objects":[[9,"a"]]}`:                  `byte 25: expected an index`,
		`{"index":0,"objects":[[9,[1]]]}`:                  `byte 26: expected an index, not an array`,
		`{"index":0,"objects":[[9,01]]}`:                   `byte 25: expected an index`,
		`{"index":0,"objects":[[9,1,]]}`:                   `byte 27: expected an index`,
		`{"index":0,"objects":[[9,1.]]}`:                   `byte 25: expected an index`,
		`{"index":0,"objects":[[]]}`:                       `byte 22: unknown type of container`,
		`{"index":0,"objects":[[12]]}`:                     `byte 22: unknown type of container`,
		`{"index":0,"objects":[[-1]]}`:                     `byte 22: unknown type of container`,
		`{"index":0,"objects":[[7.5]]}`:                    `byte 22: unknown type of container`,
		`{"index":0,"objects":[[9,1],null]}`:               `byte 28: this cannot be an object of an immutable value`,
		`{"index":0,"objects":[{"a":[1,{}]}]}`:             `byte 22: this cannot be an object of an immutable value`,
		`{"index":0,"objects":[[4]]}`:                      `byte 22: the number of own members is wrong`,
		`{"index":0,"objects":[[6,2,1,1],"a"]}`:            `byte 22: the number of own members is wrong`,
		`{"index":0,"objects":[[6,-1]]}`:                   `byte 22: the number of own members is wrong`,
		`{"index":0,"objects":[[0,0,1],"a"]}`:              `byte 22: a container cannot be the name of a member`,
		`{"index":0,"objects":[[2,[],1]]}`:                 `byte 22: a run of an array has no position or length`,
		`{"index":0,"objects":[[0,1]],"typeMap":{"0":12}}`: `byte 22: unknown type of container`,
		`{"index":0,"objects":[[0,1]],"typeMap":{"1":7}}`:  `byte 22: unknown type of container`,
		`{"index":0,"objects":[[0,1]],"typeMap":7}`:        `byte 39: typeMap must be an object`,
		`{"index":0,"objects":["a` + "\n" + `"]}`:          `byte 24: a control character must be escaped`,
		`{"index":0,"objects":["a\x"]}`:                    `byte 24: unknown escape`,
		`{"index":0,"objects":["a\u00g0"]}`:                `byte 24: unknown escape`,
		`{"index":0,"objects":["a`:                         `byte 24: the string has no end`,
		`{"index":0,"objects":["` + "\xff" + `"]}`:         `byte 23: the text is not UTF-8`,
		`{"index":0,"objects":[-]}`:                        `byte 22: expected a value`,
		`{"index":0,"objects":[1e]}`:                       `byte 22: expected a digit in the exponent`,
		`{"index":0,"objects":[tru]}`:                      `byte 22: expected a value`,
		`{"index":0,"objects":["a"],index:0}`:              `byte 27: expected the name of a member`,
		`{"index":0,"objects":["a"],"x" 0}`:                `byte 31: expected ':'`,
		`{"index":0,"objects":["a"],"x":{"y":[nul]}}`:      `byte 37: expected a value`,
		`{"index":0,"objects":["a"],"x":` + strings.Repeat("[", 2000) + `"]}`: `more than 1000 levels: raise Limits.Depth if this is expected`,
	} {
		v, err := payload.Decode([]byte(text), payload.Limits{})
		if err == nil || err.Error() != "payload: "+want {
			t.Errorf("%.60s: %v, %v, want %s", text, v, err, want)
		}
		if v.Kind() != payload.KindUndefined {
			t.Errorf("%.60s: a value beside the error: %v", text, v)
		}
	}
}

func TestDecodeAccepts(t *testing.T) {
	for text, want := range map[string]payload.Value{
		// white space, unknown and repeated members, any order
		" {\n\"objects\" : [ [ 9 , 1 , 1 ] , \"a\" ] , \"x\":[{\"y\":null}],\t\"index\" : 0 } ": payload.NewList("a", "a"),
		`{"index":1,"objects":[1],"objects":["a","b"],"index":0}`:                               payload.String("a"),
		// what leads nowhere is undefined
		`{"index":0,"objects":[[9,5,-7,1.5,1e300,-1e300,4294967297]]}`: payload.NewList(
			payload.Undefined, payload.Undefined, payload.Undefined, payload.Undefined, payload.Undefined, payload.Undefined),
		`{"index":0,"objects":[[9,1e0,1000000000,0.0],"a"]}`: cyclicList(t),
		// equal scalars at two places are one key, 0 and −0 too
		`{"index":0,"objects":[[7,1,2,3,4],"a",1,"\u0061",2]}`:  payload.NewMap("a", 2),
		`{"index":0,"objects":[[11,1,2,1],1,1.0]}`:              payload.NewOrderedSet(1),
		`{"index":0,"objects":[[11,-4,1,-3,-3,-1,-2,9],0]}`:     payload.NewOrderedSet(negativeZero(), nan(), nil, payload.Undefined),
		`{"index":0,"objects":[[3,-4,1],0]}`:                    payload.NewJSSet(0),
		`{"index":0,"objects":[[10,-4,1,2,3],"a",0,"b"]}`:       payload.NewOrderedMap(0, "b"),
		`{"index":0,"objects":[[5,-4,1,2,3],"a",0,"b"]}`:        payload.NewJSMap(0, "b"),
		`{"index":0,"objects":[[7,1,2,-6,3],1e400,"a","b"]}`:    payload.NewMap(payload.Number(inf()), "b"),
		`{"index":0,"objects":[[7,1,2,3,4,1,5],"a",1,"b",2,9]}`: payload.NewMap("a", 9, "b", 2),
		// immutable keys are equal by content, others by identity
		`{"index":0,"objects":[[8,1,2],[9,3],[9,3],1]}`:                      payload.NewSet(payload.NewList(1)),
		`{"index":0,"objects":[[7,1,3,2,4],[9,3],[9,3],1,2]}`:                payload.NewMap(payload.NewList(1), 2),
		`{"index":0,"objects":[[3,1,2],[9,3],[9,3],1]}`:                      payload.NewJSSet(payload.NewList(1), payload.NewList(1)),
		`{"index":0,"objects":[[11,1,2],[0],[0]]}`:                           payload.NewOrderedSet(payload.NewObject(), payload.NewObject()),
		`{"index":0,"objects":[[11,1,2],[7,3,4,4,3],[7,4,3,3,4],"a","b"]}`:   payload.NewOrderedSet(payload.NewMap("a", "b", "b", "a")),
		`{"index":0,"objects":[[11,1,2],[10,3,4,4,3],[10,4,3,3,4],"a","b"]}`: payload.NewOrderedSet(payload.NewOrderedMap("a", "b", "b", "a"), payload.NewOrderedMap("b", "a", "a", "b")),
		// the names of members become strings
		`{"index":0,"objects":[[0,1,2,3,2,-1,2,-3,2,4,2],1,"v","1",true]}`: payload.NewObject("1", "v", "null", "v", "NaN", "v", "true", "v"),
		`{"index":0,"objects":[[1,1,2,3,2,4,2,0],"01","v","1",0]}`:         payload.Undefined, // see below
		`{"index":0,"objects":[[1,1,3,2,4],0,"1","a","b"]}`:                payload.NewArray("a", "b"),
		// dense arrays with runs and members, type maps
		`{"index":0,"objects":[[2,1,[],3,2,1,1],"a"]}`:                       payload.Build(payload.KindArray).Add("a").Set(3, "a").Set(4, "a").Value(),
		`{"index":0,"objects":[[2,1,[],[],2,1],"a","m"]}`:                    payload.Build(payload.KindArray).Add("a").Member("m", "a").Value(),
		`{"typeMap":{"0":9,"20":1,"x":2},"index":0,"objects":[[0,1],"a"]}`:   payload.NewList("a"),
		`{"index":0,"objects":[[4,1,1,2,2],"m","v"]}`:                        payload.Build(payload.KindJSSet).Add("v").Member("m", "v").Value(),
		`{"index":0,"objects":["\ud83d\ude00\ud83d","b"]}`:                   payload.String("😀\xed\xa0\xbd"),
		`{"index":0,"objects":["\"\\\/\b\f\n\r\t\u001F\u00e9\uD83D\uDE00"]}`: payload.String("\"\\/\b\f\n\r\t\x1fé😀"),
	} {
		v, err := payload.Decode([]byte(text), payload.Limits{})
		if want.Kind() == payload.KindUndefined {
			if _, ok := errors.AsType[*payload.SyntaxError](err); !ok {
				t.Errorf("%s: %v, %v, want a SyntaxError", text, v, err)
			}
			continue
		}
		if err != nil || !v.Equal(want) {
			t.Errorf("%s: %v, %v, want %v", text, v, err, want)
		}
	}
}

// cyclicList is a List that holds itself, which only a text can make.
func cyclicList(t *testing.T) payload.Value {
	v := decode(t, `{"index":0,"objects":[[9,1,2,0],"a"]}`)
	if v.Len() != 3 || v.At(2).Len() != 3 {
		t.Fatal("the list does not hold itself")
	}
	return v
}

func TestLimits(t *testing.T) {
	nested := func(levels int) string { // a list of a list of …
		var b strings.Builder
		b.WriteString(`{"index":0,"objects":[`)
		for i := range levels - 1 {
			fmt.Fprintf(&b, "[9,%d],", i+1)
		}
		return b.String() + `[9]]}`
	}
	// Numbered backwards, the containers are reached in another order than they nest.
	backwards := func(levels int) string {
		var b strings.Builder
		b.WriteString(`{"index":0,"objects":[[9`)
		for i := range levels - 1 {
			fmt.Fprintf(&b, ",%d", i+1)
		}
		b.WriteString(`],[9]`)
		for i := range levels - 2 {
			fmt.Fprintf(&b, ",[9,%d]", i+1)
		}
		return b.String() + `]}`
	}
	long := `{"index":0,"objects":[[9` + strings.Repeat(",1", 1000) + `],"a"]}`
	for _, c := range []struct {
		name   string
		text   string
		limits payload.Limits
		want   string // the limit that is met, "" for none
	}{
		{"the deepest", nested(1000), payload.Limits{}, ""},
		{"too deep", nested(1001), payload.Limits{}, "Depth"},
		{"deep as allowed", nested(50), payload.Limits{Depth: 50}, ""},
		{"deeper than allowed", nested(51), payload.Limits{Depth: 50}, "Depth"},
		{"backwards, the deepest", backwards(50), payload.Limits{Depth: 50}, ""},
		{"backwards, too deep", backwards(51), payload.Limits{Depth: 50}, "Depth"},
		{"members, too deep", `{"index":0,"objects":[[9,1,2,3],[1,4],[1,4,1],[1,4,2],"m"]}`, payload.Limits{Depth: 3}, "Depth"},
		{"members, deep as allowed", `{"index":0,"objects":[[9,1,2,3],[1,4],[1,4,1],[1,4,2],"m"]}`, payload.Limits{Depth: 4}, ""},
		{"a cycle is not deep", `{"index":0,"objects":[[0,2,1,2,0],"b","a"]}`, payload.Limits{Depth: 1}, ""},
		{"as many as allowed", long, payload.Limits{Values: 1002}, ""},
		{"more than allowed", long, payload.Limits{Values: 1001}, "Values"},
		{"as long as allowed", long, payload.Limits{Text: len(long)}, ""},
		{"longer than allowed", long, payload.Limits{Text: len(long) - 1}, "Text"},
		{"a sparse array", `{"index":0,"objects":[[1,1,2],"4294967294","a"]}`, payload.Limits{}, "Values"},
		{"many sparse arrays", `{"index":0,"objects":[[9` + strings.Repeat(",3", 30) + `,4,5,6],"999","a",[1,1,2],[1,1,2],[1,1,2],[1,1,2]]}`, payload.Limits{Values: 3500}, "Values"},
		{"a dense array", `{"index":0,"objects":[[2,[],1,2000000000]]}`, payload.Limits{}, "Values"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := payload.Decode([]byte(c.text), c.limits)
			if limit, _ := errors.AsType[*payload.LimitError](err); c.want == "" && err != nil || c.want != "" && (limit == nil || limit.Limit != c.want) {
				t.Errorf("%v, want the limit %q", err, c.want)
			}
		})
	}
}

// Every text that asks for much costs little: memory in proportion to what it
// says, steps to what it holds. What would take more is refused; without the
// budget of a comparison, or with a search in a row, no test run would see the end.
func TestCostsAreBounded(t *testing.T) {
	repeat := func(head, unit, tail string) string { return head + strings.Repeat(unit, 200_000) + tail }
	for name, text := range map[string]string{
		"containers nobody reaches": repeat(`{"index":0,"objects":["a"`, `,[7]`, `]}`),
		"containers":                repeat(`{"index":0,"objects":[[9`, `,1`, `],[7]]}`),
		"scalars":                   repeat(`{"index":0,"objects":[[7]`, `,0`, `]}`),
		"one key":                   repeat(`{"index":0,"objects":[[7`, `,1,1`, `],"a"]}`),
		"names made of numbers":     repeat(`{"index":0,"objects":[[0`, `,1,1`, `],1234567]}`),
		"members":                   repeat(`{"index":0,"objects":[[1`, `,1,1`, `],"m"]}`),
		"equal keys":                equalKeys(),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := payload.Decode([]byte(text), payload.Limits{})
			runtime.ReadMemStats(&after)
			if used := int(after.TotalAlloc - before.TotalAlloc); used > 150*len(text) {
				t.Errorf("%d bytes for a text of %d bytes", used, len(text))
			}
			limit, refused := errors.AsType[*payload.LimitError](err)
			if refused != (name == "equal keys") || refused != (err != nil) {
				t.Errorf("%v, %v", err, limit)
			}
		})
	}
}

// equalKeys is a Set of many lists that each hold one and the same long list, or
// its twin: all are equal, and to find that out each would be compared to its end.
func equalKeys() string {
	var b strings.Builder
	b.WriteString(`{"index":0,"objects":[[8`)
	for i := range 50_000 {
		fmt.Fprintf(&b, ",%d", i+3)
	}
	b.WriteString("]")
	for range 2 {
		b.WriteString(`,[9` + strings.Repeat(",-1", 50_000) + `]`)
	}
	for i := range 50_000 {
		fmt.Fprintf(&b, ",[9,%d]", 1+i%2)
	}
	return b.String() + `]}`
}

// A text of one kilobyte whose value would fill the world, were it written out.
func TestSharedValuesExpandWithinLimits(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"index":0,"objects":[`)
	for i := range 60 {
		fmt.Fprintf(&b, "[9,%d,%d],", i+1, i+1)
	}
	b.WriteString(`[9]]}`)
	v, w := decode(t, b.String()), decode(t, b.String())
	if !v.Equal(w) {
		t.Error("not equal to its twin")
	}
	var into any
	var tree [][][]payload.Value
	for name, err := range map[string]error{
		"To any":     payload.To(v, &into),
		"AppendJSON": second(payload.AppendJSON(nil, v)),
		"Plain":      second(payload.Plain(v)),
		"Pack":       second(payload.Pack(payload.NewObject("a", payload.NewObject("b", must(payload.Plain(payload.NewList(1))))))),
	} {
		if name == "Pack" {
			if err != nil {
				t.Errorf("Pack: %v", err)
			}
			continue
		}
		if limit, ok := errors.AsType[*payload.LimitError](err); !ok || limit.Limit != "Values" {
			t.Errorf("%s: %v, want the limit of values", name, err)
		}
	}
	if err := payload.To(v, &tree); err != nil || len(tree) != 2 {
		t.Errorf("To of a type that stops: %v", err)
	}
	if s := v.String(); len(s) > 70<<10 {
		t.Errorf("String gives %d bytes", len(s))
	}
	text, err := payload.Append(nil, v)
	if err != nil || string(text) != b.String() {
		t.Errorf("written as %s, %v", text, err)
	}
}

func TestCyclesAreNamed(t *testing.T) {
	b := payload.Build(payload.KindObject)
	v := payload.NewMap("list", payload.NewList(1, b.Self()))
	b.Set("back", v)
	b.Value()
	root := payload.NewObject("x", v)

	text, err := payload.Append(nil, root)
	if want := `{"index":0,"objects":[[0,2,1],[7,3,4],"x","list",[9,5,6],1,[0,7,1],"back"]}`; err != nil || string(text) != want {
		t.Errorf("written as %s, %v, want %s", text, err, want)
	}
	if back := decode(t, string(text)); !back.Equal(root) {
		t.Errorf("read as %v", back)
	}
	var into any
	for _, err := range []error{
		payload.To(root, &into), second(payload.AppendJSON(nil, root)), second(payload.Plain(root)),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "payload: $.x: ") || !strings.Contains(err.Error(), "contains itself") {
			t.Errorf("%.200v", err)
		}
	}
}
