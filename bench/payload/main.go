// Payload measures immutable values beside the library of the reference, on the
// same maps of 1 MB of text in the same run. It needs Node and the packages of
// interop (make interop-install).
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/xcraft-go/xbus/payload"
)

//go:embed reference.js
var reference string

// passes is how often a round does each thing; its result is the median.
const passes = 15

func main() {
	rounds := flag.Int("rounds", 3, "rounds, in which the contenders take turns")
	modules := flag.String("modules", "../interop/node_modules", "the packages of the reference")
	flag.Parse()
	if err := run(max(1, *rounds), *modules); err != nil {
		fmt.Fprintln(os.Stderr, "payload:", err)
		os.Exit(1)
	}
}

// A cost is what one decode and one encode take, in nanoseconds.
type cost struct {
	Decode, Encode float64
	Size, Length   int
}

func run(rounds int, modules string) error {
	worst := cost{Decode: 1e9, Encode: 1e9}
	for _, shape := range []struct {
		name  string
		value payload.Value
	}{{"inventory", inventory(5000)}, {"flat", flat(29000)}} {
		text, err := payload.Append(nil, shape.value)
		if err != nil {
			return err
		}
		var ours, theirs []cost
		for range rounds {
			js, err := node(text, modules)
			if err != nil {
				return err
			}
			if js.Size != shape.value.Len() || js.Length != len(text) {
				return fmt.Errorf("the reference has read %d entries and written %d bytes instead of %d and %d", js.Size, js.Length, shape.value.Len(), len(text))
			}
			ours, theirs = append(ours, measure(text)), append(theirs, js)
		}
		a, b := median(ours), median(theirs)
		fmt.Printf("%-10s %7d bytes  decode %8.2f ms against %8.2f ms  encode %8.2f ms against %8.2f ms\n",
			shape.name, len(text), a.Decode/1e6, b.Decode/1e6, a.Encode/1e6, b.Encode/1e6)
		worst.Decode, worst.Encode = min(worst.Decode, b.Decode/a.Decode), min(worst.Encode, b.Encode/a.Encode)
	}
	// The smaller one of both maps.
	fmt.Printf("figure immutable_decode_vs_js %.1f ratio\n", worst.Decode)
	fmt.Printf("figure immutable_encode_vs_js %.1f ratio\n", worst.Encode)
	return nil
}

// measure does with this library what reference.js does with the other.
func measure(text []byte) cost {
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
	for i := range 2 * passes {
		began := time.Now()
		f()
		if i >= passes {
			ns = append(ns, float64(time.Since(began).Nanoseconds()))
		}
	}
	slices.Sort(ns)
	return ns[len(ns)/2]
}

func median(costs []cost) cost {
	of := func(f func(cost) float64) float64 {
		var list []float64
		for _, c := range costs {
			list = append(list, f(c))
		}
		slices.Sort(list)
		return list[len(list)/2]
	}
	return cost{Decode: of(func(c cost) float64 { return c.Decode }), Encode: of(func(c cost) float64 { return c.Encode })}
}

func node(text []byte, modules string) (c cost, err error) {
	path, err := filepath.Abs(modules)
	if err != nil {
		return c, err
	}
	cmd := exec.Command("node", "-e", reference, fmt.Sprint(passes))
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
