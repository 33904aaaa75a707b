package operators_test

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

func ExampleFilter() {
	show(op.Filter(observable.Of(1, 2, 3, 4), func(v int) bool { return v%2 == 0 }))
	// Output: 2 4
}

func ExampleFilterMap() {
	show(op.FilterMap(observable.Of("1", "x", "3"), func(s string) (int, bool) {
		v, err := strconv.Atoi(s)
		return v, err == nil
	}))
	// Output: 1 3
}

func ExampleSkip() {
	show(op.Skip(observable.Of(1, 2, 3), 1))
	// Output: 2 3
}

func ExampleSkipWhile() {
	show(op.SkipWhile(observable.Of(1, 2, 9, 1), func(v int) bool { return v < 5 }))
	// Output: 9 1
}

func ExampleTake() {
	show(op.Take(observable.Interval(time.Millisecond), 3)) // ends with the third item
	// Output: 0 1 2
}

func ExampleTakeWhile() {
	show(op.TakeWhile(observable.Of(1, 2, 9, 1), func(v int) bool { return v < 5 }))
	// Output: 1 2
}

func ExampleTakeUntil() {
	stop := observable.Timer(time.Second)
	show(op.TakeUntil(op.StartWith(observable.Never[string](), "waiting"), stop))
	// Output: waiting
}

func ExampleDistinct() {
	show(op.Distinct(observable.Of(0, 0, 1, 1, 0)))
	// Output: 0 1 0
}

func ExampleDistinctBy() {
	type state struct {
		phase string
		epoch int
	}
	states := observable.Of(state{"up", 1}, state{"up", 2}, state{"down", 2})
	show(op.DistinctBy(states, func(s state) string { return s.phase }))
	// Output: {up 1} {down 2}
}

func ExampleDistinctFunc() {
	near := func(last, v float64) bool { return math.Abs(v-last) < 0.5 }
	show(op.DistinctFunc(observable.Of(20.0, 20.3, 20.6, 20.1), near))
	// Output: 20 20.6 20.1
}

func ExampleTap() {
	seen := 0
	s := op.Tap(observable.Of(1, 2, 3), func(int) { seen++ })
	show(op.Take(s, 2))
	fmt.Println("seen:", seen)
	// Output:
	// 1 2
	// seen: 2
}

func ExampleOnEnd() {
	s := op.OnEnd(observable.Of(1, 2, 3), func(err error) { fmt.Print(" (", err, ")") })
	show(s)
	show(op.Take(s, 1))
	// Output:
	// 1 2 3 (<nil>)
	// 1 (operators: the consumer left)
}
