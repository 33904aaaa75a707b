package main

import (
	"testing"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/payload"
)

// What is measured is read and written without loss.
func TestShapes(t *testing.T) {
	for name, value := range map[string]payload.Value{"inventory": inventory(20), "flat": flat(50)} {
		text, err := payload.Append(nil, value)
		if err != nil {
			t.Fatal(err)
		}
		back, err := payload.Decode(text, payload.Limits{})
		if err != nil || !back.Equal(value) {
			t.Errorf("%s: not what was written: %v", name, err)
		}
		if c := costOf(text); c.Decode <= 0 || c.Encode <= 0 {
			t.Errorf("%s: costs %+v", name, c)
		}
	}
}

// Each side has a cell of its own for each part of each map.
func TestKeysDiffer(t *testing.T) {
	seen := make(map[measure.Key]bool)
	for _, s := range []shape{{name: "inventory"}, {name: "flat"}} {
		for _, row := range []string{"xbus", "js"} {
			for _, part := range []string{"decode", "encode"} {
				seen[s.key(row, part)] = true
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d cells, want 8", len(seen))
	}
}
