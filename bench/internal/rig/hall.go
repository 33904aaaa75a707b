package rig

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/xcraft-go/xbus/server"
)

// Commands of the halls.
const (
	Echo  = "bench.echo"  // answers with its data
	Hang  = "bench.hang"  // never answers
	Burst = "bench.burst" // publishes N events with Data under Topic, then answers
)

// Topic is that of the events of a burst.
const Topic = "bench::event"

// A BurstOrder is the data of the command Burst.
type BurstOrder struct {
	N    int             `json:"n"`
	Data json.RawMessage `json:"data"`
}

// Open opens a hall at an address, exactly there, with room for many
// connections and calls.
func Open(ctx context.Context, address string) (*server.Hall, error) {
	hall, err := server.Listen(ctx, server.Config{Listen: []string{address}, Exact: true,
		Limits: server.Limits{Connections: 1 << 16, InFlight: 1 << 20}, Timeout: -1})
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		server.Handle(hall, Echo, func(_ context.Context, in json.RawMessage) (json.RawMessage, error) { return in, nil }),
		server.Handle(hall, Hang, func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}),
		server.Handle(hall, Burst, func(ctx context.Context, order BurstOrder) (int, error) {
			for range order.N {
				if err := hall.Publish(ctx, Topic, order.Data); err != nil {
					return 0, err
				}
			}
			return order.N, nil
		}),
	)
	if err != nil {
		hall.Close()
		return nil, err
	}
	return hall, nil
}
