// Cost measures what a call and an event cost inside of a process, in time, and
// how much they allocate: at the side of the client alone, with the hall in a
// process of its own, and at both sides together.
//
//	go run ./cost
//
// Payloads are raw JSON, as a program hands them on that does not look into them.
// An event is published by the hall and taken in a range loop.
package main

import (
	"context"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/rig"
)

func main() {
	rig.Child()
	measure.Main("cost", run)
}

func run(ctx context.Context, b *measure.Bench) error {
	for _, part := range []func(context.Context, *measure.Bench) error{inProcess, allocations} {
		if err := part(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
