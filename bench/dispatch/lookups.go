package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/topics"
)

const (
	same     = "one topic"
	inTurn   = "1,000 topics in turn"
	unwanted = "1,000 that nobody wants"
	all      = "all topics in turn"
)

var kinds = []string{same, inTurn, unwanted, all}

// lookups measures a router alone.
func lookups(ctx context.Context, b *measure.Bench) error {
	if !b.Wants("xbus router") {
		return nil
	}
	var cases []measure.Case
	allocated := 0.0
	for _, n := range sizes {
		places, err := fill(n)
		if err != nil {
			return err
		}
		for _, kind := range kinds {
			cases = append(cases, measure.Case{Key: key(kind, n), Unit: "ns",
				Measure: func(context.Context) (measure.Sample, error) {
					sum := 0.0
					for _, p := range places {
						ns, allocs, err := p.look(kind)
						if err != nil {
							return measure.Sample{}, err
						}
						sum += ns
						allocated = max(allocated, allocs)
					}
					return measure.Sample{Value: sum / float64(len(places))}, nil
				}})
		}
	}
	if err := b.Run(ctx, cases); err != nil {
		return err
	}
	worst := 0.0
	for _, kind := range []string{same, inTurn, unwanted} { // the worst of them counts
		worst = max(worst, b.Median(key(kind, 100_000))/b.Median(key(kind, 1)))
	}
	b.Figure("dispatch100k_vs_1", worst, "ratio", measure.AtMost(1.5))
	b.Figure("dispatch100k_cold_vs_1", b.Median(key(all, 100_000))/b.Median(key(all, 1)), "ratio", measure.Bar{})
	b.Figure("dispatch_allocs", allocated, "allocations", measure.AtMost(0))
	return nil
}

func key(kind string, n int) measure.Key {
	return measure.Key{Table: "lookup", Row: kind, Column: fmt.Sprint(n, " patterns")}
}

// A place is a router and the topics for it.
type place struct {
	router *topics.Router[int]
	population
}

// fill makes the place of n patterns. Where there is one pattern, its kind
// decides: there are as many places as kinds, and their mean counts.
func fill(n int) (list []place, err error) {
	if n > 1 {
		p, err := newPlace(populate(n))
		return []place{p}, err
	}
	whole := populate(patternKinds)
	for i := range whole.patterns {
		one := population{whole.patterns[i : i+1], nil, whole.unwanted}
		p, err := newPlace(one)
		if err != nil {
			return nil, err
		}
		for _, topic := range whole.wanted {
			if len(p.router.AppendMatches(nil, topic)) == 1 {
				p.wanted = []string{topic}
			}
		}
		list = append(list, p)
	}
	return list, nil
}

func newPlace(p population) (place, error) {
	r := topics.NewRouter[int]()
	for i, text := range p.patterns {
		pattern, err := topics.Compile(text)
		if err != nil {
			return place{}, err
		}
		r.Add(pattern, i)
	}
	return place{r, p}, nil
}

// look returns the time and the allocations of one lookup: the best of ten
// passes, since others run on the machine as well.
func (p place) look(kind string) (ns, allocs float64, err error) {
	wanted, hits := p.wanted, 1
	switch kind {
	case same:
		wanted = p.wanted[:1]
	case inTurn:
		wanted = p.wanted[:min(len(p.wanted), turn)]
	case unwanted:
		wanted, hits = p.unwanted, 0
	}
	const passes = 10
	each := max(20_000/len(wanted), 1)
	dst := make([]int, 0, 8)
	var before, after runtime.MemStats
	for pass := range passes {
		runtime.ReadMemStats(&before)
		began := time.Now()
		for range each {
			for _, topic := range wanted {
				if dst = p.router.AppendMatches(dst[:0], topic); len(dst) != hits {
					return 0, 0, fmt.Errorf("%d subscribers of %q, want %d", len(dst), topic, hits)
				}
			}
		}
		took := float64(time.Since(began).Nanoseconds()) / float64(each*len(wanted))
		runtime.ReadMemStats(&after)
		if pass == 0 {
			ns, allocs = took, float64(after.Mallocs-before.Mallocs)
		}
		ns, allocs = min(ns, took), min(allocs, float64(after.Mallocs-before.Mallocs))
	}
	return ns, allocs, nil
}
