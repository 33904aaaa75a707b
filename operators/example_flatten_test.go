package operators_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

func ExampleConcatMap() {
	show(op.ConcatMap(observable.Of(1, 2), func(v int) observable.Observable[int] { return observable.Of(v, v*10) }))
	// Output: 1 10 2 20
}

func ExampleSwitchMap() {
	connected := observable.NewValue(false)
	events := op.Map(observable.Interval(time.Millisecond), func(n int) string { return fmt.Sprint("event ", n) })

	live := op.SwitchMap(connected.Observable(), func(up bool) observable.Observable[string] {
		if !up {
			return op.StartWith(observable.Never[string](), "down")
		}
		return events
	})
	for v := range op.Take(live, 3).All(context.Background()) {
		fmt.Println(v)
		connected.Set(true)
	}
	// Output:
	// down
	// event 0
	// event 1
}

func ExampleExhaustMap() {
	clicks := observable.Of(1, 2, 3) // the second and third come while the first is worked on
	work := func(v int) observable.Observable[string] {
		return op.Delay(observable.Of(fmt.Sprint("done ", v)), time.Second)
	}
	show(op.ExhaustMap(clicks, work, func(n int) { fmt.Printf(" (%d dropped)", n) }))
	// Output: done 1 (2 dropped)
}

func ExampleMergeMap() {
	requests := observable.Of(2000, 1, 1000)
	answer := func(ms int) observable.Observable[int] {
		return op.Delay(observable.Of(ms), time.Duration(ms)*time.Millisecond)
	}
	show(op.MergeMap(requests, 3, answer))
	// Output: 1 1000 2000
}

func ExampleMapOrdered() {
	requests := observable.Of(30, 1, 20)
	answer := func(ctx context.Context, ms int) (int, error) {
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return ms, nil
	}
	show(op.MapOrdered(requests, 3, answer)) // three at a time, in their order
	// Output: 30 1 20
}

func ExampleBuffer() {
	fast := observable.Of(1, 2, 3, 4, 5)
	latest := op.Buffer(fast, observable.WithPolicy(observable.Conflate))
	last, err := latest.Last(context.Background())
	fmt.Println(last, err)
	// Output: 5 <nil>
}

func ExampleGroupBy() {
	words := observable.Of("ant", "bee", "ape", "bat", "asp")
	groups := op.GroupBy(words, func(s string) string { return s[:1] }, op.GroupConfig{Idle: time.Minute})
	counts := op.MergeMap(groups, 10, func(g op.Group[string, string]) observable.Observable[string] {
		return op.Map(op.Reduce(g.Observable, 0, func(n int, _ string) int { return n + 1 }),
			func(n int) string { return fmt.Sprint(g.Key, n) })
	})
	got, err := counts.Collect(context.Background())
	slices.Sort(got)
	fmt.Println(got, err)
	// Output: [a3 b2] <nil>
}
