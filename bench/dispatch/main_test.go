package main

import "testing"

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
