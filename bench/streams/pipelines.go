package main

import (
	"context"
	"runtime"

	"github.com/reactivex/rxgo/v2"
	"github.com/samber/ro"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// The stages are the same for all. Each has a little work, about a nanosecond
// in a plain loop, as the fields of an event have that are looked at: a step of a
// hash, a test that nearly every value passes. The loops cost what they cost
// where the bars were set, 3.3 ns for three stages and 10.7 for ten; stages that do
// nothing would measure the calls alone.
var (
	maps    = []func(int) int{mix1, mix2, mix3, mix4, mix5}
	filters = []func(int) bool{keep1, keep2, keep3, keep4, keep5}
)

func mix1(v int) int {
	v ^= v << 13
	v ^= v >> 7
	v ^= v << 17
	v *= 31
	v ^= v >> 15
	v ^= v >> 29
	v *= 53
	return v ^ v<<7
}

func mix2(v int) int {
	v ^= v << 11
	v ^= v >> 8
	v ^= v << 19
	v *= 33
	v ^= v >> 13
	v ^= v >> 29
	v *= 53
	return v ^ v<<8
}

func mix3(v int) int {
	v ^= v << 15
	v ^= v >> 4
	v ^= v << 21
	v *= 37
	v ^= v >> 17
	return v ^ v<<4
}

func mix4(v int) int {
	v ^= v << 5
	v ^= v >> 12
	v ^= v << 27
	v *= 41
	v ^= v >> 7
	return v ^ v<<12
}

func mix5(v int) int {
	v ^= v << 9
	v ^= v >> 11
	v ^= v << 23
	v *= 43
	v ^= v >> 11
	return v ^ v<<11
}

func keep1(v int) bool { return v%1021 != 0 }
func keep2(v int) bool { return v%1031 != 0 }
func keep3(v int) bool { return v%1033 != 0 }
func keep4(v int) bool { return v%1039 != 0 }
func keep5(v int) bool { return v%1049 != 0 }

const (
	items     = 100_000 // of a pass of what is fast: about a millisecond
	slowItems = 20_000  // of a pass of what is not
)

var sink int

func pipelines() []*contender {
	return []*contender{
		{name: "ops3 loop", run: pass(items, func() { sink += loop3(items) })},
		{name: "ops3 xbus", run: pass(items, func() { sumXbus(xbus3(items)) })},
		{name: "ops3 channel per stage", run: pass(slowItems, func() { channels(slowItems, 3) })},
		{name: "ops3 samber/ro", run: pass(slowItems, func() { ro3(slowItems) })},
		{name: "ops3 rxgo 128", run: pass(slowItems, func() { rxgo3(slowItems, rxgo.WithBufferedChannel(128)) })},
		{name: "ops3 rxgo default", run: pass(slowItems, func() { rxgo3(slowItems) })},
		{name: "ops10 loop", run: pass(items, func() { sink += loop10(items) })},
		{name: "ops10 xbus", run: pass(items, func() { sumXbus(xbus10(items)) })},
		{name: "ops10 channel per stage", run: pass(slowItems, func() { channels(slowItems, 10) })},
	}
}

//go:noinline
func loop3(n int) (sum int) {
	for i := range n {
		if v := mix1(i); keep1(v) {
			sum += mix2(v)
		}
	}
	return sum
}

//go:noinline
func loop10(n int) (sum int) {
	for i := range n {
		v := mix1(i)
		if !keep1(v) {
			continue
		}
		if v = mix2(v); !keep2(v) {
			continue
		}
		if v = mix3(v); !keep3(v) {
			continue
		}
		if v = mix4(v); !keep4(v) {
			continue
		}
		if v = mix5(v); !keep5(v) {
			continue
		}
		sum += v
	}
	return sum
}

func source(n int) observable.Observable[int] {
	return observable.New(func(_ context.Context, yield func(int) bool) error {
		for i := range n {
			if !yield(i) {
				return nil
			}
		}
		return nil
	})
}

func xbus3(n int) observable.Observable[int] {
	return op.Map(op.Filter(op.Map(source(n), mix1), keep1), mix2)
}

func xbus10(n int) observable.Observable[int] {
	s := source(n)
	for i := range maps {
		s = op.Filter(op.Map(s, maps[i]), filters[i])
	}
	return s
}

func sumXbus(s observable.Observable[int]) {
	sum := 0
	_ = s.Run(context.Background(), func(v int) bool { sum += v; return true })
	sink += sum
}

// pass makes the run of a contender that handles n items in f.
func pass(n int, f func()) func() float64 {
	return func() float64 { return best(func() float64 { return timed(n, f) }) }
}

// channels has a goroutine and a channel of 128 per stage.
func channels(n, stages int) {
	first := make(chan int, 128)
	go func() {
		defer close(first)
		for i := range n {
			first <- i
		}
	}()
	in := first
	for s := range stages {
		out := make(chan int, 128)
		go stage(in, out, s)
		in = out
	}
	for v := range in {
		sink += v
	}
}

func stage(in <-chan int, out chan<- int, s int) {
	defer close(out)
	for v := range in {
		if s%2 == 0 {
			out <- maps[s/2](v)
		} else if filters[s/2](v) {
			out <- v
		}
	}
}

func ro3(n int) {
	sum := 0
	ro.Pipe3(ro.Range(0, int64(n)),
		ro.Map(func(v int64) int { return mix1(int(v)) }), ro.Filter(keep1), ro.Map(mix2),
	).Subscribe(ro.OnNext(func(v int) { sum += v }))
	sink += sum
}

func rxgo3(n int, opts ...rxgo.Option) {
	lift := func(f func(int) int) rxgo.Func {
		return func(_ context.Context, v any) (any, error) { return f(v.(int)), nil }
	}
	s := rxgo.Range(0, n, opts...).
		Map(lift(mix1), opts...).
		Filter(func(v any) bool { return keep1(v.(int)) }, opts...).
		Map(lift(mix2), opts...)
	for it := range s.Observe(opts...) {
		sink += it.V.(int)
	}
}

// allocsPerItem counts the allocations of a long run of ten operators, per item.
func allocsPerItem() float64 {
	s := xbus10(items)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sumXbus(s)
	runtime.ReadMemStats(&after)
	allocs := after.Mallocs - before.Mallocs
	if allocs < 100 { // the run itself and the reading of the statistics
		return 0
	}
	return float64(allocs) / items
}

// goroutinesOfOps10 is how many goroutines a run of ten operators adds.
func goroutinesOfOps10() int {
	before, most := runtime.NumGoroutine(), 0
	_ = xbus10(1000).Run(context.Background(), func(int) bool {
		most = max(most, runtime.NumGoroutine()-before)
		return true
	})
	return most
}
