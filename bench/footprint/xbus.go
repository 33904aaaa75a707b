package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/bench/internal/rig"
)

const (
	connection   = "a connection, both ends"
	subscription = "a subscription"
	call         = "a call in flight"
	waiting      = "a call in flight and who waits for it"
	unread       = "a subscriber that reads nothing"
)

// payload is shared by all calls; one of its own would come on top.
var payload any = json.RawMessage(`"` + strings.Repeat("x", 200) + `"`)

func connections(row string, n int, address string) thing {
	return thing{connection, row, "kB", n, func(ctx context.Context) (func(context.Context) error, func(), error) {
		hall, err := rig.Open(ctx, address)
		if err != nil {
			return nil, nil, err
		}
		clients := make([]*xbus.Client, n)
		open := func(ctx context.Context) (err error) {
			for i := range clients {
				if clients[i], err = xbus.Connect(ctx, hall.URL()); err != nil {
					return err
				}
			}
			return nil
		}
		return open, func() {
			for _, c := range clients {
				if c != nil {
					c.Close()
				}
			}
			hall.Close()
		}, nil
	}}
}

// apart is a client of a hall in another process.
func apart(ctx context.Context) (*xbus.Client, func(), error) {
	hall, err := rig.Apart(ctx)
	if err != nil {
		return nil, nil, err
	}
	client, err := xbus.Connect(ctx, hall.URL, xbus.WithMaxInFlight(1<<20), xbus.WithCallTimeout(-1))
	if err != nil {
		return nil, func() { hall.Close() }, err
	}
	if _, err = client.Call(ctx, rig.Echo, payload).Await(ctx); err != nil {
		err = fmt.Errorf("the first call: %w", err)
	}
	return client, func() { client.Close(); hall.Close() }, err
}

func subscriptions(n int) thing {
	return thing{subscription, "xbus tcp", "B", n, func(ctx context.Context) (func(context.Context) error, func(), error) {
		client, end, err := apart(ctx)
		open := func(context.Context) error {
			for i := range n {
				if _, err := client.Topic(fmt.Sprintf("warehouse::shelf@%d.changed", i)).Subscribe(); err != nil {
					return err
				}
			}
			return nil
		}
		return open, end, err
	}}
}

func callsInFlight(n int) thing {
	return thing{call, "xbus tcp", "B", n, func(ctx context.Context) (func(context.Context) error, func(), error) {
		client, end, err := apart(ctx)
		open := func(ctx context.Context) error {
			for range n {
				if p := client.Call(ctx, rig.Hang, payload); p.Settled() {
					_, err := p.Result()
					return fmt.Errorf("the call has ended: %w", err)
				}
			}
			_, err := client.Call(ctx, rig.Echo, payload).Await(ctx) // behind all others
			return err
		}
		return open, end, err
	}}
}

// awaitedCalls have a goroutine each.
func awaitedCalls(n int) thing {
	return thing{waiting, "xbus tcp", "B", n, func(ctx context.Context) (func(context.Context) error, func(), error) {
		client, end, err := apart(ctx)
		if err != nil {
			return nil, end, err
		}
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(ctx)
		open := func(context.Context) error {
			for range n {
				wg.Go(func() { client.Call(ctx, rig.Hang, payload).Await(ctx) })
			}
			return nil
		}
		return open, func() { cancel(); wg.Wait(); end() }, nil
	}}
}

// stalled is given n events of 1 KB and keeps what its limits allow: 1,024 of them
// by default.
func stalled(n int) thing {
	return thing{unread, "xbus tcp", "kB", 1, func(ctx context.Context) (func(context.Context) error, func(), error) {
		client, end, err := apart(ctx)
		if err != nil {
			return nil, end, err
		}
		sub, err := client.Topic(rig.Topic).Subscribe()
		open := func(ctx context.Context) error {
			const part = 100 // as much as a hall keeps for a client
			for range n / part {
				order := rig.BurstOrder{N: part, Data: json.RawMessage(`"` + strings.Repeat("x", 1022) + `"`)}
				if _, err := client.Call(ctx, rig.Burst, order).Await(ctx); err != nil {
					return err
				}
			}
			if s := sub.Stats(); s.Matched != s.Dropped+uint64(s.Buffered) || s.Dropped == 0 {
				return errors.New("the events are not accounted for")
			}
			return nil
		}
		return open, end, err
	}}
}
