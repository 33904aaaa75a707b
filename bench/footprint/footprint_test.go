package main

import (
	"math"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

// A quick run of one contender has its cells and its figures.
func TestRun(t *testing.T) {
	many, rest = 100, 0
	var out strings.Builder
	b := measure.New(measure.Options{Program: "footprint", Quick: true, Only: []string{"xbus tcp"}}, &out)
	if err := run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{connection, subscription, call, unread} {
		if v := b.Median(measure.Key{Table: "memory", Row: "xbus tcp", Column: what}); math.IsNaN(v) {
			t.Errorf("no memory of %s", what)
		}
	}
	for _, figure := range []string{"mem_connection_kb", "mem_subscription_b", "mem_call_b"} {
		if !strings.Contains(out.String(), "figure "+figure+" ") {
			t.Errorf("no figure %s:\n%s", figure, &out)
		}
	}
}
