// Streams measures the reactive half of xbus beside a plain loop, a channel per
// stage, rxgo and samber/ro, in one run: each contender once per round, medians
// over the rounds, figures as ratios. What always does the same, both sides of
// such a ratio alike, counts with the quickest of eleven short passes of a round.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

func main() { measure.Main("streams", run) }

// leastRounds: the bars are close to what is measured.
const leastRounds = 9

func run(ctx context.Context, b *measure.Bench) error {
	if !b.Quick {
		b.Rounds = max(b.Rounds, leastRounds)
	}
	var cases []measure.Case
	for _, group := range [][]*contender{pipelines(), channelEnds(), fanOuts(), selections(), sleepers(), singles(), hops()} {
		for _, c := range group {
			cases = append(cases, measure.Case{Key: key(c.name), Unit: "ns", Measure: func(context.Context) (measure.Sample, error) {
				return measure.Sample{Value: c.run()}, nil
			}})
		}
	}
	if err := b.Run(ctx, cases); err != nil {
		return err
	}
	figures(b)
	return nil
}

// A contender is one way to do something; run returns nanoseconds per item.
type contender struct {
	name string
	run  func() float64
}

func key(row string) measure.Key {
	return measure.Key{Table: "streams", Row: row, Column: "per item"}
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

func figures(b *measure.Bench) {
	ns := func(row string) float64 { return b.Median(key(row)) }
	ratio := func(name, x, y string, bar measure.Bar) { b.Ratio("streams."+name, key(x), key(y), bar) }
	ratio("ops3_vs_loop", "ops3 xbus", "ops3 loop", measure.AtMost(3))
	ratio("ops10_vs_loop", "ops10 xbus", "ops10 loop", measure.AtMost(2.5))
	ratio("ro_vs_ops3", "ops3 samber/ro", "ops3 xbus", measure.AtLeast(12))
	ratio("rxgo128_vs_ops3", "ops3 rxgo 128", "ops3 xbus", measure.AtLeast(25))
	b.Figure("streams.allocs_per_item", allocsPerItem(), "allocations", measure.AtMost(0))
	b.Figure("streams.goroutines_ops10", float64(goroutinesOfOps10()), "goroutines", measure.AtMost(0))
	ratio("chan_end_vs_select", "chan end xbus", "chan end select", measure.AtMost(0.7))
	for _, n := range fanOutSizes {
		ratio(fmt.Sprintf("fanout%d_vs_muxchan", n), fmt.Sprintf("fanout %d xbus", n), fmt.Sprintf("fanout %d mutex+chan", n), measure.AtMost(0.7))
	}
	ratio("topics100_vs_map", "topics xbus", "topics map", measure.AtMost(2))
	ratio("sleeper_cost", "sleeper one in ten", "sleeper none", measure.AtMost(2))
	b.Figure("streams.subscribe_ns_1000", ns("subscribe+close in 1000"), "ns", measure.AtMost(1000))
	ratio("hop10_vs_chan", "hop 10 operators", "hop channel", measure.AtMost(1.4))
	b.Figure("value.set_ns_1000", ns("value set 1000"), "ns", measure.AtMost(1000))
	b.Figure("value.load_ns", ns("value load"), "ns", measure.AtMost(2))
}
