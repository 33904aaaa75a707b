package operators_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// show prints the items of a stream and how it ended.
func show[T any](s observable.Observable[T]) {
	gap := ""
	for v, err := range s.All(context.Background()) {
		if err != nil {
			fmt.Print(gap, "error: ", err)
			break
		}
		fmt.Print(gap, v)
		gap = " "
	}
	fmt.Println()
}

func Example() {
	type reading struct {
		room    string
		celsius float64
	}
	events := observable.Of("hall 19.5", "hall 19.5", "debug", "attic 24.0", "hall 20.5", "attic 24.0")

	readings := op.FilterMap(events, func(s string) (reading, bool) {
		var r reading
		n, _ := fmt.Sscanf(s, "%s %g", &r.room, &r.celsius)
		return r, n == 2
	})
	changes := op.Distinct(readings)
	for r, err := range op.Take(changes, 3).All(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %.1f °C\n", r.room, r.celsius)
	}
	// Output:
	// hall: 19.5 °C
	// attic: 24.0 °C
	// hall: 20.5 °C
}

func ExampleMap() {
	show(op.Map(observable.Of(1, 2, 3), func(v int) string { return fmt.Sprintf("<%d>", v) }))
	// Output: <1> <2> <3>
}

func ExampleMapErr() {
	show(op.MapErr(observable.Of("1", "2", "x", "4"), strconv.Atoi))
	// Output: 1 2 error: strconv.Atoi: parsing "x": invalid syntax
}

func ExampleScan() {
	show(op.Scan(observable.Of(1, 2, 3), 100, func(sum, v int) int { return sum + v }))
	// Output: 101 103 106
}

func ExampleReduce() {
	show(op.Reduce(observable.Of("a", "b", "c"), 0, func(n int, s string) int { return n + len(s) }))
	// Output: 3
}

func ExamplePairwise() {
	states := observable.Of("connecting", "connected", "lagging")
	show(op.Map(op.Pairwise(states), func(p op.Pair[string]) string { return p.Old + "→" + p.New }))
	// Output: connecting→connected connected→lagging
}

func ExampleResultOf() {
	show(op.Map(observable.Of("1", "x", "3"), func(s string) op.Result[int] { return op.ResultOf(strconv.Atoi(s)) }))
	// Output: {1 <nil>} {0 strconv.Atoi: parsing "x": invalid syntax} {3 <nil>}
}

func ExampleMaterialize() {
	broken := op.EndWith(observable.Of(1, 2), 3)
	broken = op.Concat(broken, observable.Fail[int](errors.New("cut off")))
	show(op.Materialize(broken))
	// Output: {1 <nil>} {2 <nil>} {3 <nil>} {0 cut off}
}

func ExampleDematerialize() {
	show(op.Dematerialize(observable.Of(op.Result[int]{Value: 1}, op.Result[int]{Err: errors.New("cut off")})))
	// Output: 1 error: cut off
}
