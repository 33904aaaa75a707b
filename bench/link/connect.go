package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/rig"
	"github.com/xcraft-go/xbus/interop"
)

// opens connects once and returns what ends the connection.
type opens func(context.Context) (end func(), err error)

// connect is a table of one column, the median of many connections a round.
func connect(ctx context.Context, b *measure.Bench) error {
	const table, column = "connect", "until usable"
	contenders := []struct {
		row   string
		start func(context.Context) (opens, func(), error)
	}{
		{"xbus tcp", func(ctx context.Context) (opens, func(), error) { return toHall(ctx, "xcraft://127.0.0.1:0") }},
		{"xbus unix", func(ctx context.Context) (opens, func(), error) {
			return toHall(ctx, fmt.Sprintf("xcraft+unix://xbus-bench-link-%d", os.Getpid()))
		}},
		{"xbus mem", func(ctx context.Context) (opens, func(), error) { return toHall(ctx, "mem://bench-link") }},
		{"gojs tcp", toReference},
		{"nats", toNATS},
	}
	var cases []measure.Case
	for _, c := range contenders {
		if !b.Wants(c.row) || c.row == "gojs tcp" && interop.Available() != nil {
			b.Logf("left out: %s", c.row)
			continue
		}
		open, stop, err := c.start(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", c.row, err)
		}
		defer stop()
		n := connections(b, c.row)
		cases = append(cases, measure.Case{Key: measure.Key{Table: table, Row: c.row, Column: column}, Unit: "µs",
			Measure: func(ctx context.Context) (measure.Sample, error) { return times(ctx, n, open) }})
	}
	if err := b.Run(ctx, cases); err != nil {
		return err
	}
	b.Ratio("connect_vs_nats", measure.Key{Table: table, Row: "xbus tcp", Column: column},
		measure.Key{Table: table, Row: "nats", Column: column}, measure.AtMost(1))
	return nil
}

func connections(b *measure.Bench, row string) int {
	switch {
	case row == "gojs tcp":
		return 10
	case b.Quick:
		return 100
	}
	return 400
}

// times connects n times, one after the other.
func times(ctx context.Context, n int, open opens) (measure.Sample, error) {
	cpu := measure.CPU()
	var took []float64
	for range n {
		began := time.Now()
		end, err := open(ctx)
		if err != nil {
			return measure.Sample{}, err
		}
		took = append(took, measure.Micros(time.Since(began)))
		end()
	}
	return measure.Sample{Value: measure.Median(took), CPU: measure.Micros(measure.CPU()-cpu) / float64(n)}, nil
}

func toHall(ctx context.Context, address string) (opens, func(), error) {
	hall, err := rig.Open(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	return to(hall.URL()), func() { hall.Close() }, nil
}

func to(url string) opens {
	return func(ctx context.Context) (func(), error) {
		client, err := xbus.Connect(ctx, url)
		if err != nil {
			return nil, err
		}
		return func() { client.Close() }, nil
	}
}

// toReference connects to the real server.
func toReference(ctx context.Context) (opens, func(), error) {
	s, err := interop.StartServer(ctx, interop.ServerOptions{})
	if err != nil {
		return nil, nil, err
	}
	return to(s.URL()), func() { s.Stop() }, nil
}

func toNATS(context.Context) (opens, func(), error) {
	url, stop, err := rig.NATS()
	if err != nil {
		return nil, nil, err
	}
	return func(context.Context) (func(), error) {
		nc, err := nats.Connect(url)
		if err != nil {
			return nil, err
		}
		return nc.Close, nil
	}, stop, nil
}
