package main

import (
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

// A quick run of one contender has its cells, and the figure that needs no other.
func TestRun(t *testing.T) {
	crowded, settled = 50, 0
	clear(pauses)
	var out strings.Builder
	b := measure.New(measure.Options{Program: "link", Quick: true, Rounds: 1, Only: []string{"xbus tcp"}}, &out)
	if err := run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, k := range []measure.Key{
		{Table: "connect", Row: "xbus tcp", Column: "until usable"},
		{Table: "back after a restart", Row: "xbus tcp", Column: "away for 0s"},
		{Table: "one call in flight on each connection", Row: "xbus tcp", Column: "10 connections"},
	} {
		if v := b.Median(k); !(v > 0) {
			t.Errorf("%v: %v", k, v)
		}
	}
	if !strings.Contains(out.String(), "figure back_ms ") || strings.Contains(out.String(), "connect_vs_nats") {
		t.Errorf("printed:\n%s", &out)
	}
}
