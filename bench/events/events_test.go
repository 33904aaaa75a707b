package main

import (
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

// A quick run of some contenders has their cells, and the figures that they allow.
func TestRun(t *testing.T) {
	sizes, receivers = []int{1 << 10}, []int{1, 50}
	var out strings.Builder
	b := measure.New(measure.Options{Program: "events", Quick: true, Only: []string{"xbus tcp", "nats"}}, &out)
	if err := run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"xbus tcp", "nats"} {
		for _, n := range receivers {
			if v := b.Median(key(row, 1<<10, n)); !(v > 0) {
				t.Errorf("%v events/s for %s to %d", v, row, n)
			}
		}
	}
	if !strings.Contains(out.String(), "figure events50_vs_nats ") || strings.Contains(out.String(), "_vs_js") {
		t.Errorf("printed:\n%s", &out)
	}
}

func TestColumns(t *testing.T) {
	for size, want := range map[int]string{100: "100 B to 1", 1 << 10: "1 KB to 1", 64 << 10: "64 KB to 1", 1 << 20: "1 MB to 1"} {
		if got := key("", size, 1).Column; got != want {
			t.Errorf("%d: %q, want %q", size, got, want)
		}
	}
}
