package payload_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/xcraft-go/xbus/payload"
)

// As Node 20 writes them.
func TestNumbersAreWrittenAsInJavaScript(t *testing.T) {
	for want, f := range map[string]float64{
		"0": 0, "1": 1, "-1": -1, "0.1": 0.1, "1e+21": 1e21, "100000000000000000000": 1e20, "123456789012345680000": 123456789012345678901,
		"0.000001": 1e-6, "1e-7": 1e-7, "1.5e-7": 1.5e-7, "-1e-7": -1e-7, "5e-324": 5e-324, "1.7976931348623157e+308": math.MaxFloat64,
		"9007199254740992": 1 << 53, "-9007199254740992": -(1 << 53), "123456.789": 123456.789, "0.000001234": 0.000001234, "1e+100": 1e100,
		"0.3333333333333333": 1.0 / 3, "0.30000000000000004": 0.30000000000000004, "36028797018963970": 1 << 55, "1.2345678901234566e+25": 1.2345678901234567e25,
	} {
		text := string(textOf(t, payload.Number(f)))
		if got := strings.TrimSuffix(strings.TrimPrefix(text, `{"index":0,"objects":[`), `]}`); got != want {
			t.Errorf("%v is written %s, want %s", f, got, want)
		}
		read, _ := decode(t, text).Float()
		if read != f {
			t.Errorf("%s is read as %v, want %v", want, read, f)
		}
	}
	for text, want := range map[string]float64{
		"0.1": 0.1, "-0.5": -0.5, "1.0": 1, "123456789012.345": 123456789012.345, "0.000000000000001": 1e-15, "123456789.1234567": 123456789.1234567,
		"1E2": 100, "1e-2": 0.01, "1.5e+3": 1500, "0e0": 0, "12345678901234567890.5": 12345678901234567890.5, "9.999999999999999999e22": 1e23, "-0.0": 0,
	} {
		if read, _ := decode(t, `{"index":0,"objects":[`+text+`]}`).Float(); read != want {
			t.Errorf("%s is read as %v, want %v", text, read, want)
		}
	}
}

func TestLoneSurrogates(t *testing.T) {
	for text, want := range map[string]string{
		`"\ud800"`:       "\xed\xa0\x80",
		`"a\udfffb"`:     "a\xed\xbf\xbfb",
		`"\udc00\ud800"`: "\xed\xb0\x80\xed\xa0\x80",
		`"\ud83d😀"`:      "\xed\xa0\xbd😀",
	} {
		v := decode(t, `{"index":0,"objects":[`+text+`]}`)
		if s, ok := v.Str(); !ok || s != want {
			t.Errorf("%s is read as %q", text, s)
		}
		if again := string(textOf(t, v)); again != `{"index":0,"objects":[`+text+`]}` {
			t.Errorf("%s is written as %s", text, again)
		}
		var s string
		if err := payload.UnpackInto(payload.Parts{Data: []byte(text)}, &s, payload.Limits{}); err != nil || s != want {
			t.Errorf("%s unpacked as %q, %v", text, s, err)
		}
		if parts, err := payload.Pack(s); err != nil || string(parts.Data) != text {
			t.Errorf("%s packed as %s, %v", text, parts.Data, err)
		}
	}
	// Two halves that come together are one character.
	if text := string(textOf(t, payload.String("\xed\xa0\xbd"+"\xed\xb8\x80"))); text != `{"index":0,"objects":["😀"]}` {
		t.Errorf("two halves are written as %s", text)
	}
}

func TestAccess(t *testing.T) {
	v := payload.NewShredder(payload.NewMap(
		"a", 1, "list", payload.NewList("x", nil), 2, "two", payload.NewList(1), "key", "set", payload.NewSet(3, "s"),
		"f", 1.5, "b", true, "big", math.Inf(1), "end", 0, "more", 0,
	))
	object := payload.NewObject()
	if got := v.Len(); got != 10 {
		t.Errorf("Len %d", got)
	}
	for name, c := range map[string]struct{ got, want payload.Value }{
		"Get":             {v.Get("a"), payload.Number(1)},
		"Get nothing":     {v.Get("x").Get("y"), payload.Undefined},
		"Get of a list":   {v.Get("list").Get("0"), payload.Undefined},
		"Path":            {v.Path("list", 0), payload.String("x")},
		"Path by number":  {v.Path(2), payload.String("two")},
		"Path by a value": {v.Path(payload.NewList(1)), payload.String("key")},
		"Path too far":    {v.Path("list", 2, "x"), payload.Undefined},
		"At":              {v.Get("list").At(1), payload.Null},
		"At before":       {v.Get("list").At(-1), payload.Undefined},
		"At of a map":     {v.At(0), payload.Undefined},
		"State":           {v.State().Get("a"), payload.Number(1)},
	} {
		if !c.got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if !v.Get("set").Has(3) || v.Get("set").Has("3") || v.Has(1) || payload.NewJSSet(payload.NewList()).Has(payload.NewList(1)) {
		t.Error("Has is wrong about a key")
	}
	if set := payload.NewJSSet(object); !set.Has(object) || set.Has(payload.NewObject()) {
		t.Error("a plain object is not found by identity")
	}
	if i, ok := v.Get("a").Int(); !ok || i != 1 {
		t.Error("Int")
	}
	if _, ok := v.Get("f").Int(); ok {
		t.Error("1.5 is an Int")
	}
	if _, ok := v.Get("big").Int(); ok {
		t.Error("Infinity is an Int")
	}
	if f, ok := v.Get("f").Float(); !ok || f != 1.5 {
		t.Error("Float")
	}
	if b, ok := v.Get("b").Bool(); !ok || !b {
		t.Error("Bool")
	}
	if _, ok := v.Get("a").Bool(); ok {
		t.Error("a number is a Bool")
	}
	if _, ok := v.Get("a").Str(); ok {
		t.Error("a number is a Str")
	}
	if !v.Get("x").IsNil() || !payload.Null.IsNil() || v.IsNil() {
		t.Error("IsNil")
	}
	if size := unsafe.Sizeof(v); size != 16 {
		t.Errorf("a value has %d bytes", size)
	}
}

func TestAll(t *testing.T) {
	array := payload.Build(payload.KindArray).Set(0, "a").Set(2, "c").Member("m", 1).Value()
	var seen []string
	for k, v := range array.All() {
		seen = append(seen, k.String()+"="+v.String())
	}
	for name, v := range array.Members() {
		seen = append(seen, name+"="+v.String())
	}
	for v := range payload.NewOrderedSet("x", "y").Values() {
		seen = append(seen, v.String())
		break
	}
	for k, v := range payload.NewSet("z").All() {
		seen = append(seen, k.String()+v.String())
	}
	for range payload.String("scalar").All() {
		t.Error("a scalar has content")
	}
	if got, want := strings.Join(seen, " "), "0=a 2=c m=1 x zz"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if array.Len() != 3 || array.At(1).Kind() != payload.KindUndefined || array.Has(1) || !array.Has(2) {
		t.Error("the hole is no hole")
	}
	c := payload.Collect(payload.KindOrderedMap, maps.All(map[string]int{"a": 1}))
	l := payload.Collect(payload.KindList, slices.All([]string{"x"}))
	if !c.Equal(payload.NewOrderedMap("a", 1)) || !l.Equal(payload.NewList("x")) {
		t.Errorf("collected %v %v", c, l)
	}
}

func TestEdits(t *testing.T) {
	m := payload.NewMap("a", 1, "b", 2)
	list := payload.NewList(1, 2)
	for name, c := range map[string]struct{ got, want payload.Value }{
		"With":               {m.With("a", 3), payload.NewMap("a", 3, "b", 2)},
		"With a new key":     {m.With("c", 3), payload.NewMap("a", 1, "b", 2, "c", 3)},
		"With at":            {list.With(1, "x"), payload.NewList(1, "x")},
		"With at the end":    {list.With(2, "x"), payload.NewList(1, 2, "x")},
		"Without":            {m.Without("a"), payload.NewMap("b", 2)},
		"Without nothing":    {m.Without("x"), m},
		"Without of a set":   {payload.NewSet(1, 2).Without(1), payload.NewSet(2)},
		"Plus":               {list.Plus(3, 4), payload.NewList(1, 2, 3, 4)},
		"Plus in a set":      {payload.NewOrderedSet(1).Plus(1, 2), payload.NewOrderedSet(1, 2)},
		"With in a Shredder": {payload.NewShredder(m).With("b", nil), payload.NewShredder(payload.NewMap("a", 1, "b", nil))},
		"the original":       {m, payload.NewMap("a", 1, "b", 2)},
		"the other":          {list, payload.NewList(1, 2)},
	} {
		if !c.got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	for _, v := range []payload.Value{list.With("x", 1), list.With(4, 1), list.Without(0), m.Plus(1), payload.Null.With(1, 1), payload.NewObject().With(1, 1)} {
		if v.Kind() != payload.KindInvalid || v.Err() == nil {
			t.Errorf("%v is no error", v)
		}
	}
	// large ones, whose keys are indexed
	large := flat(100)
	less := large.Without("key-000050").With("key-000099", "new").With("more", 1)
	if less.Len() != 100 || less.Has("key-000050") || less.Get("key-000099").String() != "new" || !less.Has("more") || !less.Has("key-000098") {
		t.Error("a large map is edited wrongly")
	}
	if large.Len() != 100 || large.Has("more") || !large.Has("key-000050") {
		t.Error("the original changed")
	}
}

func TestEqual(t *testing.T) {
	a, b := payload.NewObject("k", 1), payload.NewObject("k", 1)
	for _, c := range []struct {
		v, w payload.Value
		want bool
	}{
		{payload.NewMap("a", 1, "b", 2), payload.NewMap("b", 2, "a", 1), true},
		{payload.NewOrderedMap("a", 1, "b", 2), payload.NewOrderedMap("b", 2, "a", 1), false},
		{payload.NewMap("a", 1), payload.NewOrderedMap("a", 1), false},
		{payload.NewSet(1, 2), payload.NewSet(2, 1), true},
		{payload.NewSet(1, 2), payload.NewSet(1, 3), false},
		{payload.NewOrderedSet(1, 2), payload.NewOrderedSet(2, 1), false},
		{payload.NewObject("a", 1, "b", 2), payload.NewObject("b", 2, "a", 1), true},
		{payload.NewObject("a", 1, "b", 2), payload.NewObject("b", 2, "c", 1), false},
		{payload.NewMap("a", 1), payload.NewMap("a", 1, "b", 2), false},
		{payload.NewMap("a", 1), payload.NewMap("a", 2), false},
		{payload.NewList(1), payload.NewArray(1), false},
		{payload.NewList(1, 2), payload.NewList(1, 3), false},
		{payload.NewList(nan()), payload.NewList(nan()), true},
		{payload.NewList(0), payload.NewList(negativeZero()), false},
		{payload.NewList(payload.Undefined), payload.NewList(nil), false},
		{payload.NewShredder(1), payload.Number(1), false},
		{payload.NewShredder(payload.NewList(a)), payload.NewShredder(payload.NewList(b)), true},
		{payload.NewMap(payload.NewList(1), 1), payload.NewMap(payload.NewList(1), 1), true},
		{payload.NewJSMap(a, 1), payload.NewJSMap(b, 1), true},
		{payload.Build(payload.KindArray).Member("m", 1).Value(), payload.NewArray(), false},
		{payload.Build(payload.KindArray).Member("m", 1).Value(), payload.Build(payload.KindArray).Member("m", 2).Value(), false},
		{payload.Build(payload.KindArray).Set(1, 1).Value(), payload.NewArray(payload.Undefined, 1), false},
		{payload.Bytes([]byte("a")), payload.Bytes([]byte("a")), true},
		{payload.String("a"), payload.Of(payload.Func("a")), false},
		{flat(100), flat(100), true},
		{flat(100), flat(101), false},
		{flat(100), flat(100).With("key-000050", 0), false},
	} {
		if c.v.Equal(c.w) != c.want || c.w.Equal(c.v) != c.want {
			t.Errorf("%.100v equals %.100v: %v", c.v, c.w, !c.want)
		}
	}
}

func TestString(t *testing.T) {
	b := payload.Build(payload.KindObject)
	b.Set("self", b.Self())
	cycle := b.Value()
	for want, v := range map[string]payload.Value{
		`Map { "a": 1, "b": List [ 1, Map { "c": "x" } ] }`: payload.NewMap("a", 1, "b", payload.NewList(1, payload.NewMap("c", "x"))),
		`Map {}`:                            payload.NewMap(),
		`List []`:                           payload.NewList(),
		`Shredder OrderedSet { -0 }`:        payload.NewShredder(payload.NewOrderedSet(negativeZero())),
		`{ "a": [ null, undefined, NaN ] }`: payload.NewObject("a", payload.NewArray(nil, payload.Undefined, nan())),
		`[ empty, true, + { "m": false } ]`: payload.Build(payload.KindArray).Set(1, true).Member("m", false).Value(),
		`JSMap { 1: JSSet { "\n" } }`:       payload.NewJSMap(1, payload.NewJSSet("\n")),
		`[ buffer, function () {} ]`:        payload.NewArray(payload.Bytes(nil), payload.Func("function () {}")),
		"plain":                             payload.String("plain"),
		strings.Repeat(`{ "self": `, 32) + "{ …" + strings.Repeat(" }", 33): cycle,
	} {
		if got := v.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if s := flat(10000).String(); len(s) > 70<<10 || !strings.HasSuffix(s, "… }") {
		t.Errorf("a long value has %d bytes: %s", len(s), s[len(s)-20:])
	}
}

func TestProgrammersErrorsPanic(t *testing.T) {
	over := payload.Build(payload.KindList)
	over.Value()
	for want, f := range map[string]func(){
		"payload: NewMap needs a value for each key: give an even number of arguments": func() { payload.NewMap(slices.Repeat([]any{"a"}, 3)...) },
		"payload: Build(number): give the kind of a container":                         func() { payload.Build(payload.KindNumber) },
		"payload: Self of an OrderedMap: only plain containers can contain themselves": func() { payload.Build(payload.KindOrderedMap).Self() },
		"payload: Set in a List: use Add":                                              func() { payload.Build(payload.KindList).Set(0, 1) },
		"payload: Add to a Map: use Set":                                               func() { payload.Build(payload.KindMap).Add(1) },
		"payload: Member of a Map: it has none beside its content":                     func() { payload.Build(payload.KindMap).Member("a", 1) },
		"payload: Set in an array: give a position, as an int that is not negative":    func() { payload.Build(payload.KindArray).Set(-1, 1) },
		"payload: the Builder is over: start a new one for another container":          func() { over.Add(1) },
		"payload: To needs a pointer that is not nil: give the address of a variable":  func() { payload.To(payload.Null, (*int)(nil)) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %s", got, want)
				}
			}()
			f()
		}()
	}
	far := payload.Build(payload.KindArray).Set(1<<40, 1).Value()
	if _, err := payload.Append(nil, far); err == nil || far.Len() != 1 {
		t.Errorf("an element that is far away: %v", err)
	}
}
