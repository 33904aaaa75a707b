package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

// Each topic of a population is wanted by as many as it is said to be.
func TestPopulations(t *testing.T) {
	for _, n := range []int{1, 5, 100} {
		places, err := fill(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range places {
			for _, topic := range p.wanted {
				if got := p.router.AppendMatches(nil, topic); len(got) != 1 {
					t.Errorf("%d patterns: %d want %q", n, len(got), topic)
				}
			}
			for _, topic := range p.unwanted {
				if got := p.router.AppendMatches(nil, topic); len(got) != 0 {
					t.Errorf("%d patterns: %d want %q", n, len(got), topic)
				}
			}
			if n == 1 && len(p.wanted) != 1 {
				t.Errorf("one pattern, %d topics", len(p.wanted))
			}
		}
	}
}

// A quick run of one contender has its cells; the figures need other sizes.
func TestRun(t *testing.T) {
	sizes = []int{20}
	var out strings.Builder
	b := measure.New(measure.Options{Program: "dispatch", Quick: true, Rounds: 1, Only: []string{"xbus"}}, &out)
	if err := run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, n := range sizes {
		for _, kind := range kinds {
			if v := b.Median(key(kind, n)); !(v > 0) {
				t.Errorf("%v ns for %s among %d", v, kind, n)
			}
		}
		whole := measure.Key{Table: wholeTable, Row: "xbus tcp", Column: fmt.Sprint(n, " patterns")}
		if v := b.Median(whole); !(v > 0) {
			t.Errorf("%v: %v", whole, v)
		}
	}
	if !strings.Contains(out.String(), "figure dispatch_allocs ") || strings.Contains(out.String(), "100k") {
		t.Errorf("printed:\n%s", &out)
	}
}
