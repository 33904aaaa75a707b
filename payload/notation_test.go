package payload_test

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/xcraft-go/xbus/payload"
)

// load reads a file of golden vectors.
func load[T any](t testing.TB, name string) []T {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []T
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatalf("%s holds no vector", name)
	}
	return vectors
}

// A reader makes values of the notation of the golden vectors, in which objects
// stand for what JSON cannot say: {"map":[[k,v]]}, {"number":"NaN"}, {"ref":n}…
type reader struct {
	t    testing.TB
	seen []payload.Value // containers, in order of first visit
}

func read(t testing.TB, notation json.RawMessage) payload.Value {
	t.Helper()
	v, err := payload.ParseJSON(notation, payload.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", notation, err)
	}
	r := &reader{t: t}
	return r.value(v)
}

var notations = map[string]payload.Kind{
	"map": payload.KindMap, "orderedMap": payload.KindOrderedMap, "list": payload.KindList,
	"set": payload.KindSet, "orderedSet": payload.KindOrderedSet, "object": payload.KindObject,
	"array": payload.KindArray, "jsMap": payload.KindJSMap, "jsSet": payload.KindJSSet,
}

func (r *reader) value(v payload.Value) payload.Value {
	if v.Kind() != payload.KindObject {
		return v
	}
	for name, content := range v.All() {
		switch name.String() {
		case "undefined":
			return payload.Undefined
		case "number":
			return special(content.String())
		case "hex":
			b, err := hex.DecodeString(content.String())
			if err != nil {
				r.t.Fatal(err)
			}
			return payload.Bytes(b)
		case "ref":
			n, _ := content.Int()
			return r.seen[n]
		case "shredder":
			r.seen = append(r.seen, payload.Undefined) // it counts as a container
			return payload.NewShredder(r.value(content))
		default:
			return r.container(notations[name.String()], content, v)
		}
	}
	r.t.Fatalf("unknown notation %v", v)
	return payload.Undefined
}

func special(s string) payload.Value {
	return payload.Number(map[string]float64{
		"NaN": math.NaN(), "-0": math.Copysign(0, -1), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1),
	}[s])
}

func (r *reader) container(kind payload.Kind, content, v payload.Value) payload.Value {
	b := payload.Build(kind)
	at := len(r.seen)
	r.seen = append(r.seen, payload.Undefined)
	if kind.Plain() {
		r.seen[at] = b.Self()
	}
	hole := map[int64]bool{}
	for h := range v.Get("holes").Values() {
		i, _ := h.Int()
		hole[i] = true
	}
	for i, e := range content.All() {
		switch kind {
		case payload.KindMap, payload.KindOrderedMap, payload.KindObject, payload.KindJSMap:
			key := r.value(e.At(0))
			b.Set(key, r.value(e.At(1)))
		case payload.KindArray:
			if i, _ := i.Int(); !hole[i] {
				b.Set(i, r.value(e))
			}
		default:
			b.Add(r.value(e))
		}
	}
	for m := range v.Get("members").Values() {
		b.Member(m.At(0).String(), r.value(m.At(1)))
	}
	r.seen[at] = b.Value()
	return r.seen[at]
}
