// Payload measures immutable values beside the library of the reference, on the
// same maps of 1 MB of text in the same run. It needs Node and the packages of
// interop (make interop-install).
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/payload"
)

//go:embed reference.js
var reference string

// passes is how often a round does each thing; its result is the median. This
// library does it more often, so that both take their median over a similar time.
const passes, ours = 15, 75

var modules = flag.String("modules", "../interop/node_modules", "the packages of the reference")

func main() { measure.Main("payload", run) }

// A cost is what one decode and one encode take, in nanoseconds.
type cost struct {
	Decode, Encode float64
	Size, Length   int
}

func run(ctx context.Context, b *measure.Bench) error {
	if err := available(); err != nil {
		b.Note("immutable values were left out: %v", err)
		return nil
	}
	if b.Quick {
		b.Rounds = 1 // of several passes, and Node takes seconds for it
	}
	shapes := []shape{{"inventory", inventory(5000)}, {"flat", flat(29000)}}
	for _, s := range shapes {
		if err := s.measure(ctx, b); err != nil {
			return err
		}
	}
	for _, part := range []string{"decode", "encode"} { // the smaller ratio of both maps
		least := min(shapes[0].ratio(b, part), shapes[1].ratio(b, part))
		b.Figure("immutable_"+part+"_vs_js", least, "ratio", measure.Bar{})
	}
	return nil
}

// A shape is a map that both sides read and write.
type shape struct {
	name  string
	value payload.Value
}

func (s shape) key(row, part string) measure.Key {
	return measure.Key{Table: "immutable values of 1 MB of text", Row: row, Column: part + " " + s.name}
}

func (s shape) ratio(b *measure.Bench, part string) float64 {
	return b.Median(s.key("js", part)) / b.Median(s.key("xbus", part))
}

// measure lets both take turns. A round of each gives two cells.
func (s shape) measure(ctx context.Context, b *measure.Bench) error {
	text, err := payload.Append(nil, s.value)
	if err != nil {
		return err
	}
	cells := make(map[measure.Key]*measure.Series)
	var order []measure.Key
	add := func(row, part string, ns float64) {
		k := s.key(row, part)
		if cells[k] == nil {
			cells[k] = &measure.Series{Key: k, Unit: "ms"}
			order = append(order, k)
		}
		cells[k].Values = append(cells[k].Values, ns/1e6)
	}
	for range b.Rounds {
		js, err := node(ctx, text)
		if err != nil {
			return err
		}
		if js.Size != s.value.Len() || js.Length != len(text) {
			return fmt.Errorf("the reference has read %d entries and written %d bytes instead of %d and %d", js.Size, js.Length, s.value.Len(), len(text))
		}
		xbus := costOf(text)
		add("xbus", "decode", xbus.Decode)
		add("xbus", "encode", xbus.Encode)
		add("js", "decode", js.Decode)
		add("js", "encode", js.Encode)
	}
	for _, k := range order {
		b.Add(cells[k])
	}
	return nil
}

// costOf does with this library what reference.js does with the other.
func costOf(text []byte) cost {
	value, err := payload.Decode(text, payload.Limits{})
	if err != nil {
		panic(err) // it was made above
	}
	var out []byte
	return cost{
		Decode: typical(func() { _, _ = payload.Decode(text, payload.Limits{}) }),
		Encode: typical(func() { out, _ = payload.Append(out[:0], value) }),
	}
}

func typical(f func()) float64 {
	var ns []float64
	for i := range passes + ours {
		began := time.Now()
		f()
		if i >= passes {
			ns = append(ns, float64(time.Since(began).Nanoseconds()))
		}
	}
	return measure.Median(ns)
}

func available() error {
	if _, err := exec.LookPath("node"); err != nil {
		return err
	}
	_, err := os.Stat(*modules)
	return err
}

func node(ctx context.Context, text []byte) (c cost, err error) {
	path, err := filepath.Abs(*modules)
	if err != nil {
		return c, err
	}
	cmd := exec.CommandContext(ctx, "node", "-e", reference, fmt.Sprint(passes))
	cmd.Env = append(os.Environ(), "NODE_PATH="+path)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return c, fmt.Errorf("node: %w: it needs Node and the packages of interop (make interop-install)", err)
	}
	return c, json.Unmarshal(out, &c)
}

// inventory is a state as services keep them: a Map of entities by id, each a
// Map with a nested Map and a List.
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

// flat is one Map of short strings and numbers.
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
