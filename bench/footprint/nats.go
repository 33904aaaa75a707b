package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/xcraft-go/xbus/bench/internal/rig"
)

func connectionsNATS(n int) thing {
	return thing{connection, "nats", "kB", n, func(context.Context) (func(context.Context) error, func(), error) {
		url, stop, err := rig.NATS()
		if err != nil {
			return nil, nil, err
		}
		conns := make([]*nats.Conn, n)
		open := func(context.Context) (err error) {
			for i := range conns {
				if conns[i], err = nats.Connect(url); err != nil {
					return err
				}
			}
			return nil
		}
		return open, func() {
			for _, c := range conns {
				if c != nil {
					c.Close()
				}
			}
			stop()
		}, nil
	}}
}

// dialNATS connects to a server of this process. What the server keeps for a
// subscription counts as well: it is a small part.
func dialNATS() (*nats.Conn, func(), error) {
	url, stop, err := rig.NATS()
	if err != nil {
		return nil, nil, err
	}
	nc, err := nats.Connect(url, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		return nil, stop, err
	}
	return nc, func() { nc.Close(); stop() }, nil
}

func subscriptionsNATS(n int) thing {
	return thing{subscription, "nats", "B", n, func(context.Context) (func(context.Context) error, func(), error) {
		nc, end, err := dialNATS()
		open := func(context.Context) error {
			for i := range n {
				if _, err := nc.Subscribe(fmt.Sprintf("warehouse.shelf@%d.changed", i), func(*nats.Msg) {}); err != nil {
					return err
				}
			}
			return nc.Flush()
		}
		return open, end, err
	}}
}

// requestsNATS have a goroutine each, as there is no other way.
func requestsNATS(n int) thing {
	return thing{waiting, "nats", "B", n, func(ctx context.Context) (func(context.Context) error, func(), error) {
		nc, end, err := dialNATS()
		if err != nil {
			return nil, end, err
		}
		if _, err = nc.Subscribe(rig.Hang, func(*nats.Msg) {}); err != nil {
			return nil, end, err
		}
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(ctx)
		open := func(context.Context) error {
			data := []byte(payload.(json.RawMessage))
			for range n {
				wg.Go(func() { nc.RequestWithContext(ctx, rig.Hang, data) })
			}
			return nc.FlushTimeout(10 * time.Second)
		}
		return open, func() { cancel(); wg.Wait(); end() }, nil
	}}
}

// stalledNATS reads nothing: it has a callback that does not return.
func stalledNATS(n int) thing {
	return thing{unread, "nats", "kB", 1, func(context.Context) (func(context.Context) error, func(), error) {
		nc, end, err := dialNATS()
		if err != nil {
			return nil, end, err
		}
		release := make(chan struct{})
		if _, err = nc.Subscribe("bench.event", func(*nats.Msg) { <-release }); err != nil {
			return nil, end, err
		}
		open := func(context.Context) error {
			data := make([]byte, 1024)
			for range n {
				if err := nc.Publish("bench.event", data); err != nil {
					return err
				}
			}
			return nc.Flush()
		}
		return open, func() { close(release); end() }, nil
	}}
}
