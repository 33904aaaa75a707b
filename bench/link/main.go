// Link measures how fast a client is connected, how fast it is back after its
// hall, and what a thousand connections do at once.
//
//	go run ./link
//
// A client counts as connected when the function that connects it has returned,
// and as back when a call has been answered. Back is measured with default
// settings, from the moment in which the new hall listens, after it has been away
// for so long; the session before has lasted for half a second.
package main

import (
	"context"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

func main() { measure.Main("link", run) }

func run(ctx context.Context, b *measure.Bench) error {
	for _, part := range []func(context.Context, *measure.Bench) error{connect, back, crowd} {
		if err := part(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
