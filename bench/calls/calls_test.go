package main

import (
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

// A quick run of some contenders has their cells, and the figures that they allow.
func TestRun(t *testing.T) {
	columns = []int{1, 256}
	var out strings.Builder
	b := measure.New(measure.Options{Program: "calls", Quick: true, Only: []string{"xbus tcp", "raw"}}, &out)
	if err := run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"xbus tcp", "raw"} {
		for _, inFlight := range columns {
			if v := b.Median(key(row, inFlight)); !(v > 0) {
				t.Errorf("%v calls/s for %s with %d in flight", v, row, inFlight)
			}
		}
	}
	if !strings.Contains(out.String(), "figure calls256_vs_raw ") || strings.Contains(out.String(), "_vs_nats") {
		t.Errorf("printed:\n%s", &out)
	}
}
