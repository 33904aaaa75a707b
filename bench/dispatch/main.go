// Dispatch measures what it costs to find out who wants an event, among one
// pattern and among a hundred thousand.
//
//	go run ./dispatch
//
// The first table is a topics.Router by itself: a topic that one pattern wants;
// a thousand topics in turn, each wanted by a pattern of its own; a thousand that
// nobody wants; and all topics in turn, so that nothing of the index is in the
// caches of the processor. The second one is the whole way of an event from a
// publisher to a loop, in a client that has subscribed to so many patterns.
package main

import (
	"context"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

func main() { measure.Main("dispatch", run) }

func run(ctx context.Context, b *measure.Bench) error {
	for _, part := range []func(context.Context, *measure.Bench) error{lookups, whole} {
		if err := part(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// sizes are how many patterns there are.
var sizes = []int{1, 100, 1_000, 10_000, 100_000}
