package payload_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/xcraft-go/xbus/payload"
)

// inventory is a state as goblins keep them: a Map of entities by id, each a Map
// with a nested Map and a List. 5,000 of them are 1 MB of text.
func inventory(n int) payload.Value {
	b := payload.Build(payload.KindMap)
	for i := range n {
		id := fmt.Sprintf("article@%06d", i)
		b.Set(id, payload.NewMap(
			"id", id,
			"name", fmt.Sprintf("Article number %d", i),
			"price", float64(i)*1.05,
			"stock", i%500,
			"active", i%3 != 0,
			"meta", payload.NewMap("createdBy", fmt.Sprintf("user@%d", i%50), "revision", i%17),
			"tags", payload.NewList("tag"+fmt.Sprint(i%10), "tag"+fmt.Sprint(i%7), fmt.Sprintf("own-%d", i)),
		))
	}
	return b.Value()
}

// flat is one Map of short strings and numbers, 29,000 of them for 1 MB of text.
func flat(n int) payload.Value {
	b := payload.Build(payload.KindMap)
	for i := range n {
		if i%2 == 0 {
			b.Set(fmt.Sprintf("key-%06d", i), fmt.Sprintf("value %d", i))
		} else {
			b.Set(fmt.Sprintf("key-%06d", i), i)
		}
	}
	return b.Value()
}

var benched = []struct {
	name  string
	value payload.Value
}{
	{"inventory-1MB", inventory(5000)},
	{"flat-1MB", flat(29000)},
	{"small-300B", inventory(1)},
}

func textOf(b testing.TB, v payload.Value) []byte {
	text, err := payload.Append(nil, v)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range benched {
		b.Run(c.name, func(b *testing.B) {
			text := textOf(b, c.value)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := payload.Decode(text, payload.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range benched {
		b.Run(c.name, func(b *testing.B) {
			text := textOf(b, c.value)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if text, err = payload.Append(text[:0], c.value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The same value as plain JSON, by encoding/json and by this package.
func BenchmarkJSON(b *testing.B) {
	for _, c := range benched {
		text, err := payload.AppendJSON(nil, c.value)
		if err != nil {
			b.Fatal(err)
		}
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			b.Fatal(err)
		}
		run := func(name string, f func() error) {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("Unmarshal", func() error { var v any; return json.Unmarshal(text, &v) })
		run("ParseJSON", func() error { _, err := payload.ParseJSON(text, payload.Limits{}); return err })
		run("ParseJSON+To", func() error {
			v, err := payload.ParseJSON(text, payload.Limits{})
			if err != nil {
				return err
			}
			var tree any
			return payload.To(v, &tree)
		})
		run("Marshal", func() error { _, err := json.Marshal(tree); return err })
		run("AppendJSON", func() error { text, err = payload.AppendJSON(text[:0], c.value); return err })
		run("From+AppendJSON", func() error {
			v, err := payload.From(tree)
			if err != nil {
				return err
			}
			text, err = payload.AppendJSON(text[:0], v)
			return err
		})
	}
}

// A command's data as a Go type, through the parts of a message.
type article struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Price  float64  `json:"price"`
	Stock  int      `json:"stock"`
	Active bool     `json:"active"`
	Tags   []string `json:"tags"`
	Meta   struct {
		CreatedBy string `json:"createdBy"`
		Revision  int    `json:"revision"`
	} `json:"meta"`
}

func BenchmarkTyped(b *testing.B) {
	var a article
	if err := payload.To(inventory(1).Get("article@000000"), &a); err != nil {
		b.Fatal(err)
	}
	parts, err := payload.Pack(a)
	if err != nil {
		b.Fatal(err)
	}
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(parts.Data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("Pack", func() error { _, err := payload.Pack(a); return err })
	run("json.Marshal", func() error { _, err := json.Marshal(a); return err })
	run("UnpackInto", func() error { var a article; return payload.UnpackInto(parts, &a, payload.Limits{}) })
	run("json.Unmarshal", func() error { var a article; return json.Unmarshal(parts.Data, &a) })
}
