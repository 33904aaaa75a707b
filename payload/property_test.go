package payload_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/xcraft-go/xbus/payload"
)

// A maker draws values: all kinds, containers that are used again, plain ones
// that contain themselves.
type maker struct {
	t    *rapid.T
	made []payload.Value // complete, or plain and on the way
	left int             // containers that may still be made
}

var texts = rapid.OneOf(
	rapid.SampledFrom([]string{"", "a", "b", "0", "1", "01", "x y", "é", "😀", "\"\\\n\x00\x1f\x7f\u2028", "\xed\xa0\x80", "\xed\xb0\x80a"}),
	rapid.StringN(0, 20, 40),
)

var numbers = rapid.OneOf(
	rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1, -1, 0.5, 1e21, 1e-7, 5e-324, math.MaxFloat64, 1 << 53, -(1 << 53), 123456.789}),
	rapid.Map(rapid.IntRange(-1000, 1000), func(i int) float64 { return float64(i) }),
	rapid.Float64(),
)

func (m *maker) scalar() payload.Value {
	switch rapid.IntRange(0, 5).Draw(m.t, "scalar") {
	case 0:
		return payload.Null
	case 1:
		return payload.Undefined
	case 2:
		return payload.Bool(rapid.Bool().Draw(m.t, "bool"))
	case 3:
		return payload.Number(numbers.Draw(m.t, "number"))
	}
	return payload.String(texts.Draw(m.t, "string"))
}

func (m *maker) value(depth int) payload.Value {
	if depth == 0 || m.left == 0 || rapid.IntRange(0, 2).Draw(m.t, "container") == 0 {
		return m.scalar()
	}
	if len(m.made) > 0 && rapid.IntRange(0, 4).Draw(m.t, "again") == 0 {
		return rapid.SampledFrom(m.made).Draw(m.t, "which")
	}
	m.left--
	kinds := []payload.Kind{
		payload.KindObject, payload.KindArray, payload.KindJSMap, payload.KindJSSet, payload.KindMap,
		payload.KindOrderedMap, payload.KindList, payload.KindSet, payload.KindOrderedSet,
	}
	return m.container(rapid.SampledFrom(kinds).Draw(m.t, "kind"), depth-1)
}

func (m *maker) container(kind payload.Kind, depth int) payload.Value {
	b := payload.Build(kind)
	if kind.Plain() {
		m.made = append(m.made, b.Self())
	}
	size := rapid.IntRange(0, 12).Draw(m.t, "size")
	for i := range size {
		switch kind {
		case payload.KindObject:
			if name := texts.Draw(m.t, "name"); name != "__proto__" {
				b.Set(name, m.value(depth))
			}
		case payload.KindArray:
			if i == size-1 || rapid.IntRange(0, 5).Draw(m.t, "hole") > 0 {
				b.Set(i, m.value(depth))
			}
		case payload.KindJSMap, payload.KindMap, payload.KindOrderedMap:
			b.Set(m.value(depth), m.value(depth))
		default:
			b.Add(m.value(depth))
		}
	}
	if kind == payload.KindArray || kind == payload.KindJSMap || kind == payload.KindJSSet {
		for range rapid.IntRange(0, 2).Draw(m.t, "members") {
			b.Member("m"+texts.Draw(m.t, "member"), m.value(depth))
		}
	}
	v := b.Value()
	if !kind.Plain() {
		m.made = append(m.made, v)
	}
	return v
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &maker{t: t, left: 20}
		v := m.value(4)
		text, err := payload.Append(nil, v)
		if err != nil {
			t.Fatalf("%v: %v", v, err)
		}
		w, err := payload.Decode(text, payload.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := payload.Append(nil, w)
		if err != nil || string(again) != string(text) {
			t.Fatalf("written\n%s\nread and written\n%s, %v", text, again, err)
		}
		if !v.Equal(w) || !w.Equal(v) {
			t.Fatalf("%s\nread as %v, was %v", text, w, v)
		}
	})
}

// Strings of all lengths, with one byte or character that is not plain somewhere.
func TestStringsAsEncodingJSON(t *testing.T) {
	odd := []string{"\"", "\\", "\x00", "\x1f", "\x7f", "é", "€", "😀", "\x80", "\x9f", "\xa0", "\xc0", "\xff", "\xe2\x82", "\xed\xa0", "\xed\x9f\xbf"}
	for length := range 40 {
		for at := range length + 1 {
			for _, c := range odd {
				s := strings.Repeat("a", at) + c + strings.Repeat("b", length-at)
				text, err := payload.AppendJSON(nil, payload.String(s))
				if !utf8.ValidString(s) {
					if err == nil {
						t.Fatalf("%q is written as %s", s, text)
					}
					continue
				}
				if want := string(must(json.Marshal(s))); err != nil || string(text) != want {
					t.Fatalf("%q is written as %s, %v, want %s", s, text, err, want)
				}
				if v, err := payload.ParseJSON(text, payload.Limits{}); err != nil || v.String() != s {
					t.Fatalf("%s is read as %q, %v", text, v, err)
				}
				if v := decode(t, `{"index":0,"objects":[`+string(text)+`]}`); v.String() != s {
					t.Fatalf("%s is read as %q", text, v)
				}
			}
		}
	}
}

// plain is a value that JSON can carry.
func (m *maker) plain(depth int) payload.Value {
	if depth == 0 || rapid.IntRange(0, 2).Draw(m.t, "container") == 0 {
		for {
			v := m.scalar()
			if f, ok := v.Float(); v.Kind() != payload.KindUndefined && (!ok || !math.IsNaN(f) && !math.IsInf(f, 0)) {
				return v
			}
		}
	}
	if rapid.Bool().Draw(m.t, "object") {
		b := payload.Build(payload.KindObject)
		for range rapid.IntRange(0, 12).Draw(m.t, "size") {
			b.Set("m"+texts.Draw(m.t, "name"), m.plain(depth-1))
		}
		return b.Value()
	}
	b := payload.Build(payload.KindArray)
	for range rapid.IntRange(0, 5).Draw(m.t, "size") {
		b.Add(m.plain(depth - 1))
	}
	return b.Value()
}

func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &maker{t: t}
		v := m.plain(4)
		text, err := payload.AppendJSON(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(text) || !utf8.Valid(text) {
			t.Fatalf("not JSON: %s", text)
		}
		w, err := payload.ParseJSON(text, payload.Limits{})
		if err != nil || !v.Equal(w) {
			t.Fatalf("%s read as %v, %v, was %v", text, w, err, v)
		}
		// The standard library sees the same, where it sees it: it has no lone surrogates.
		if strings.Contains(string(text), `\ud`) {
			return
		}
		var ours, theirs any
		if err := payload.To(w, &ours); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &theirs); err != nil || !reflect.DeepEqual(ours, theirs) {
			t.Fatalf("%s: %#v, encoding/json %#v, %v", text, ours, theirs, err)
		}
	})
}

// A message holds immutable values where they can travel: as data, as direct
// members, and so on inside data.data.
func (m *maker) message(depth int) payload.Value {
	aside := func() payload.Value {
		kind := rapid.SampledFrom([]payload.Kind{payload.KindMap, payload.KindList, payload.KindOrderedSet}).Draw(m.t, "kind")
		v := m.container(kind, 2)
		if rapid.Bool().Draw(m.t, "shredder") {
			return payload.NewShredder(v)
		}
		return v
	}
	switch rapid.IntRange(0, 3).Draw(m.t, "message") {
	case 0:
		return aside()
	case 1:
		b := payload.Build(payload.KindArray)
		for range rapid.IntRange(0, 12).Draw(m.t, "size") {
			if rapid.Bool().Draw(m.t, "aside") {
				b.Add(aside())
			} else {
				b.Add(m.plain(2))
			}
		}
		return b.Value()
	}
	b := payload.Build(payload.KindObject)
	for range rapid.IntRange(0, 12).Draw(m.t, "size") {
		name := "m" + texts.Draw(m.t, "name")
		if rapid.Bool().Draw(m.t, "aside") {
			b.Set(name, aside())
		} else {
			b.Set(name, m.plain(2))
		}
		if depth > 0 && rapid.IntRange(0, 3).Draw(m.t, "inner") == 0 {
			b.Set("data", m.message(depth-1))
		}
	}
	return b.Value()
}

func TestMessageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &maker{t: t, left: 20}
		v := m.message(3)
		parts, err := payload.Pack(v)
		if err != nil {
			t.Fatalf("%v: %v", v, err)
		}
		w, err := payload.Unpack(parts, payload.Limits{})
		if err != nil || !v.Equal(w) {
			t.Fatalf("%s %s %s read as %v, %v, was %v", parts.Data, parts.Immu, parts.Shred, w, err, v)
		}
	})
}
