// Latency measures how long messages are under way when there is not more to do
// than can be done: calls at half of the highest rate, and events at 500 a second.
//
//	go run ./latency -only "xbus tcp,nats"
package main

import (
	"context"
	"errors"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/peer"
)

func main() { measure.Main("latency", run) }

func run(ctx context.Context, b *measure.Bench) error {
	return errors.Join(halfLoad(ctx, b), events(ctx, b))
}

// events of 1 KB, 500 a second: what a Node server sends late when it is not
// acknowledged at once.
func events(ctx context.Context, b *measure.Bench) error {
	const size, interval = 1 << 10, 2 * time.Millisecond
	n := 500
	if b.Quick {
		n = 150
	}
	peers := peer.Here(func(name string) bool { return b.Wants(name) && pulses[name] }, b.NoteOnce)
	contenders, err := peer.Start(ctx, peers, func(p peer.Peer) func(context.Context) (peer.Pulser, error) { return p.Pulses })
	if err != nil {
		return err
	}
	var list []*spread
	for _, c := range contenders {
		list = append(list, newSpread("event latency", c.Name, "1 KB, 500/s", func(ctx context.Context) (peer.Latency, error) {
			return c.Running.Pulse(ctx, n, size, interval)
		}))
	}
	if err := rounds(ctx, b, list, func(context.Context) error { return nil }); err != nil {
		return errors.Join(err, peer.Close(contenders))
	}
	key := func(row string) measure.Key {
		return measure.Key{Table: "event latency", Row: row, Column: "1 KB, 500/s p50"}
	}
	b.Ratio("gojs_event1k_latency_vs_js", key("gojs tcp"), key("js tcp"), measure.AtMost(0.05))
	return peer.Close(contenders)
}

var pulses = map[string]bool{"xbus tcp": true, "gojs tcp": true, "js tcp": true, "nats": true}

// A spread is a cell with two values: half of the messages were quicker than the
// first, all but one in a hundred quicker than the second.
type spread struct {
	p50, p99 *measure.Series
	measure  func(context.Context) (peer.Latency, error)
}

func newSpread(table, row, column string, f func(context.Context) (peer.Latency, error)) *spread {
	series := func(part string) *measure.Series {
		return &measure.Series{Key: measure.Key{Table: table, Row: row, Column: column + " " + part}, Unit: "µs"}
	}
	return &spread{series("p50"), series("p99"), f}
}

// rounds lets them take turns; before is called at the beginning of each.
func rounds(ctx context.Context, b *measure.Bench, list []*spread, before func(context.Context) error) error {
	for range b.Rounds {
		if err := before(ctx); err != nil {
			return err
		}
		for _, s := range list {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			l, err := s.measure(ctx)
			cancel()
			if err != nil {
				return err
			}
			s.p50.Values, s.p99.Values = append(s.p50.Values, l.P50), append(s.p99.Values, l.P99)
		}
	}
	for _, s := range list {
		b.Add(s.p50)
		b.Add(s.p99)
	}
	return nil
}
