package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/rig"
)

// data is that of a call of about 300 bytes.
var data = json.RawMessage(`"` + strings.Repeat("x", 200) + `"`)

// crowded is how many connections a crowd has.
var crowded = 1000

// crowd has many connections with one call in flight on each.
func crowd(ctx context.Context, b *measure.Bench) error {
	n := crowded
	if b.Quick {
		n /= 5
	}
	var cases []measure.Case
	for _, c := range []struct {
		row   string
		start func(context.Context, int) (*members, error)
	}{{"xbus tcp", xbusMembers}, {"nats", natsMembers}} {
		if !b.Wants(c.row) {
			continue
		}
		m, err := c.start(ctx, n)
		if m != nil {
			defer m.close()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.row, err)
		}
		count, err := b.Calibrate(ctx, n, m.calls)
		if err != nil {
			return fmt.Errorf("%s: %w", c.row, err)
		}
		cases = append(cases, measure.Case{Key: measure.Key{Table: "one call in flight on each connection", Row: c.row, Column: fmt.Sprint(n, " connections")}, Unit: "calls/s",
			Measure: func(ctx context.Context) (measure.Sample, error) {
				return measure.PerSecond(count, nil, func() error { return m.calls(ctx, count) })
			}})
	}
	return b.Run(ctx, cases)
}

// members are connections, each with its own call.
type members struct {
	call []func(context.Context) error
	ends []func() // in the order in which they are called
}

func (m *members) close() {
	for _, end := range m.ends {
		end()
	}
}

// calls makes n calls over all connections at once.
func (m *members) calls(ctx context.Context, n int) error {
	var left atomic.Int64
	left.Store(int64(n))
	failed := make([]error, len(m.call))
	var wg sync.WaitGroup
	for i, call := range m.call {
		wg.Go(func() {
			for failed[i] == nil && left.Add(-1) >= 0 {
				failed[i] = call(ctx)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

func xbusMembers(ctx context.Context, n int) (*members, error) {
	hall, err := rig.Open(ctx, "xcraft://127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := new(members)
	for range n {
		client, err := xbus.Connect(ctx, hall.URL())
		if err != nil {
			m.ends = append(m.ends, func() { hall.Close() })
			return m, err
		}
		m.ends = append(m.ends, func() { client.Close() })
		m.call = append(m.call, func(ctx context.Context) error {
			_, err := client.Call(ctx, rig.Echo, data).Await(ctx)
			return err
		})
	}
	m.ends = append(m.ends, func() { hall.Close() })
	return m, nil
}

func natsMembers(ctx context.Context, n int) (*members, error) {
	url, stop, err := rig.NATS()
	if err != nil {
		return nil, err
	}
	m := new(members)
	defer func() { m.ends = append(m.ends, stop) }()
	end, err := rig.Answer(url)
	if err != nil {
		return m, err
	}
	m.ends = append(m.ends, end)
	for range n {
		nc, err := nats.Connect(url)
		if err != nil {
			return m, err
		}
		m.ends = append(m.ends, nc.Close)
		m.call = append(m.call, func(context.Context) error {
			_, err := nc.Request(rig.Echo, data, time.Minute)
			return err
		})
	}
	return m, nil
}
