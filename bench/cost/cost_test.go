package main

import (
	"math"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

// A quick run has a figure for each kind of cost.
func TestRun(t *testing.T) {
	times, many = 400, 500
	var out strings.Builder
	b := measure.New(measure.Options{Program: "cost", Quick: true, Rounds: 1, Only: []string{"xbus"}}, &out)
	if err := run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{"a call after the other", "256 calls in flight", "an event"} {
		if v := b.Median(measure.Key{Table: "in process", Row: "xbus mem", Column: column}); !(v > 0) {
			t.Errorf("%v µs for %s", v, column)
		}
	}
	for _, row := range []string{"a call", "a call, 256 in flight", "an event"} {
		for _, side := range []string{"client", "client and hall"} {
			if v := b.Median(measure.Key{Table: "allocations", Row: row, Column: side}); math.IsNaN(v) {
				t.Errorf("no allocations for %s, %s", row, side)
			}
		}
	}
	for _, figure := range []string{"inproc_call_us", "inproc_event_us", "call_allocs", "event_allocs", "call_allocs_both", "event_allocs_both"} {
		if !strings.Contains(out.String(), "figure "+figure+" ") {
			t.Errorf("no figure %s:\n%s", figure, &out)
		}
	}
}
