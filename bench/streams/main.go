// Streams measures the reactive half of xbus beside a plain loop, a channel per
// stage, rxgo and samber/ro, in one run: each contender once per round, medians
// over the rounds, figures as ratios. What always does the same, both sides of
// such a ratio alike, counts with the quickest of eleven short passes of a round.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 9, "rounds; medians need at least 6")
	flag.Parse()
	if *rounds < 1 {
		fmt.Fprintln(os.Stderr, "streams: -rounds must be at least 1")
		os.Exit(2)
	}
	var all []*contender
	for _, group := range [][]*contender{pipelines(), channelEnds(), fanOuts(), selections(), sleepers(), singles(), hops()} {
		all = append(all, group...)
	}
	for round := range *rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, *rounds)
		for _, c := range all {
			c.ns = append(c.ns, c.run())
		}
	}
	table := make(map[string]float64)
	fmt.Printf("%-28s %12s %10s\n", "contender", "ns", "spread")
	for _, c := range all {
		table[c.name] = c.median()
		fmt.Printf("%-28s %12.2f %9.0f%%\n", c.name, c.median(), 100*c.spread())
	}
	figures(table)
}

// A contender is one way to do something; run returns nanoseconds per item.
type contender struct {
	name string
	run  func() float64
	ns   []float64
}

func (c *contender) median() float64 {
	s := slices.Sorted(slices.Values(c.ns))
	return s[len(s)/2]
}

// spread is half the distance between the quartiles, as a part of the median.
func (c *contender) spread() float64 {
	s := slices.Sorted(slices.Values(c.ns))
	return (s[len(s)*3/4] - s[len(s)/4]) / 2 / c.median()
}

// timed runs f, which handles n items, and returns nanoseconds per item.
func timed(n int, f func()) float64 {
	began := time.Now()
	f()
	return float64(time.Since(began).Nanoseconds()) / float64(n)
}

// best is the quickest of several short passes: one that another program has
// interrupted does not count. It is for contenders that always do the same.
func best(pass func() float64) float64 {
	ns := pass()
	for range 10 {
		ns = min(ns, pass())
	}
	return ns
}

// A bar is what a figure must reach.
type bar struct {
	name  string
	value float64
	limit float64
	least bool // the figure must be at least limit; else at most
	unit  string
}

func figures(ns map[string]float64) {
	ratio := func(a, b string) float64 { return ns[a] / ns[b] }
	bars := []bar{
		{"streams.ops3_vs_loop", ratio("ops3 xbus", "ops3 loop"), 3, false, "ratio"},
		{"streams.ops10_vs_loop", ratio("ops10 xbus", "ops10 loop"), 2.5, false, "ratio"},
		{"streams.ro_vs_ops3", ratio("ops3 samber/ro", "ops3 xbus"), 12, true, "ratio"},
		{"streams.rxgo128_vs_ops3", ratio("ops3 rxgo 128", "ops3 xbus"), 25, true, "ratio"},
		{"streams.allocs_per_item", allocsPerItem(), 0, false, "allocations"},
		{"streams.goroutines_ops10", float64(goroutinesOfOps10()), 0, false, "goroutines"},
		{"streams.chan_end_vs_select", ratio("chan end xbus", "chan end select"), 0.7, false, "ratio"},
	}
	for _, n := range fanOutSizes {
		bars = append(bars, bar{fmt.Sprintf("streams.fanout%d_vs_muxchan", n),
			ratio(fmt.Sprintf("fanout %d xbus", n), fmt.Sprintf("fanout %d mutex+chan", n)), 0.7, false, "ratio"})
	}
	bars = append(bars,
		bar{"streams.topics100_vs_map", ratio("topics xbus", "topics map"), 2, false, "ratio"},
		bar{"streams.sleeper_cost", ratio("sleeper one in ten", "sleeper none"), 2, false, "ratio"},
		bar{"streams.subscribe_ns_1000", ns["subscribe+close in 1000"], 1000, false, "ns"},
		bar{"streams.hop10_vs_chan", ratio("hop 10 operators", "hop channel"), 1.4, false, "ratio"},
		bar{"value.set_ns_1000", ns["value set 1000"], 1000, false, "ns"},
		bar{"value.load_ns", ns["value load"], 2, false, "ns"},
	)
	for _, b := range bars {
		fmt.Printf("figure %s %.3g %s\n", b.name, b.value, b.unit)
		if b.least && b.value < b.limit {
			fmt.Printf("missed %s: at least %g\n", b.name, b.limit)
		}
		if !b.least && b.value > b.limit {
			fmt.Printf("missed %s: at most %g\n", b.name, b.limit)
		}
	}
}
