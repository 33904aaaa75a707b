package operators_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

func ExampleMerge() {
	soon := op.Delay(observable.Of("soon"), time.Millisecond)
	later := op.Delay(observable.Of("later"), 2*time.Second)
	show(op.Merge(later, soon))
	// Output: soon later
}

func ExampleConcat() {
	show(op.Concat(observable.Of(1, 2), observable.Of(3)))
	// Output: 1 2 3
}

func ExampleStartWith() {
	show(op.StartWith(observable.Of(1, 2), 0))
	// Output: 0 1 2
}

func ExampleEndWith() {
	show(op.EndWith(observable.Of(1, 2), 3))
	// Output: 1 2 3
}

func ExampleRace() {
	slow := op.Delay(observable.Of("slow"), time.Hour)
	fast := op.Delay(observable.Of("fast"), time.Millisecond)
	show(op.Race(slow, fast)) // the slow one is stopped
	// Output: fast
}

func ExampleCombineLatest() {
	state, token := observable.NewValue("connecting"), observable.NewValue("t1")
	view := op.CombineLatest(state.Observable(), token.Observable(),
		func(state, token string) string { return state + " as " + token })
	for v := range op.Take(view, 2).All(context.Background()) {
		fmt.Println(v)
		state.Set("connected")
	}
	// Output:
	// connecting as t1
	// connected as t1
}

func ExampleCombineLatest3() {
	sum := func(a, b, c int) int { return a + b + c }
	show(op.CombineLatest3(observable.Of(1), observable.Of(20), observable.Of(300), sum))
	// Output: 321
}

func ExampleCombineLatest4() {
	list := func(a int, b string, c bool, d float64) string { return fmt.Sprint(a, b, c, d) }
	show(op.CombineLatest4(observable.Of(1), observable.Of(" b "), observable.Of(true), observable.Of(0.5), list))
	// Output: 1 b true 0.5
}

func ExampleCombineLatestAll() {
	rooms := []observable.Observable[float64]{observable.Of(19.5), observable.Of(21.0), observable.Of(24.0)}
	show(op.Map(op.CombineLatestAll(rooms), slices.Max[[]float64]))
	// Output: 24
}

func ExampleWithLatestFrom() {
	unit := observable.NewValue("°C")
	readings := op.Delay(observable.Of(19.5, 20.5), time.Second)
	show(op.WithLatestFrom(readings, unit.Observable(), func(v float64, unit string) string { return fmt.Sprint(v, unit) }))
	// Output: 19.5°C 20.5°C
}

func ExampleZip() {
	show(op.Zip(observable.Of("a", "b", "c"), observable.Of(1, 2), func(s string, n int) string { return fmt.Sprint(s, n) }))
	// Output: a1 b2
}
