package rx_test

import (
	"context"
	"fmt"

	"github.com/reactivex/rxgo/v2"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/observable/rx"
)

// A stream through an rxgo pipeline, and back into a loop that can be left.
func ExampleFrom() {
	ctx := context.Background()
	temperatures := observable.Of(19.5, 21.0, 18.0, 23.5, 24.0, 25.0)
	pairs := rx.To(ctx, temperatures).
		Filter(func(v any) bool { return v.(float64) > 20 }).
		BufferWithCount(2)
	for pair, err := range rx.From[[]any](pairs).All(ctx) {
		fmt.Println(pair, err)
	}
	// Output:
	// [21 23.5] <nil>
	// [24 25] <nil>
}

// Without From, cancel and read to the end.
func ExampleTo() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	items := rx.To(ctx, observable.Of("a", "b", "c")).Observe(rxgo.WithContext(ctx))
	fmt.Println((<-items).V)
	cancel()
	for range items {
	}
	// Output: a
}
