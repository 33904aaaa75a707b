package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/rig"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
)

var (
	// times is how many calls are counted.
	times = 20_000
	// many is how many events a hall publishes at a time, below what makes it cut a
	// client that does not follow.
	many = 20_000
)

// allocations is a table of counts: the side of a client is measured with the
// hall in another process, both sides in one.
func allocations(ctx context.Context, b *measure.Bench) error {
	if !b.Wants("xbus tcp") {
		return nil
	}
	p, err := join(ctx, "xcraft://127.0.0.1:0")
	if err != nil {
		return err
	}
	defer p.close()
	apart, err := rig.Apart(ctx)
	if err != nil {
		return err
	}
	defer apart.Close()
	client, err := xbus.Connect(ctx, apart.URL)
	if err != nil {
		return err
	}
	defer client.Close()
	bursts, err := client.Topic(rig.Topic, observable.WithLimit(2*many)).Subscribe()
	if err != nil {
		return err
	}
	defer bursts.Close()
	observed := rpc.Trace(func(rpc.Step) {})
	times, bursting := times, 5*many
	if b.Quick {
		times, bursting = times/4, many
	}
	cases := []measure.Case{
		counting("a call", "client", times, func(ctx context.Context, n int) error { return calls(ctx, client, n, 1) }),
		counting("a call, 256 in flight", "client", times, func(ctx context.Context, n int) error { return calls(ctx, client, n, 256) }),
		counting("a call whose steps are told", "client", times, func(ctx context.Context, n int) error { return observedCalls(ctx, client, n, observed) }),
		counting("an event", "client", bursting, func(ctx context.Context, n int) error { return taken(ctx, client, bursts, n) }),
		counting("a call", "client and hall", times, func(ctx context.Context, n int) error { return calls(ctx, p.client, n, 1) }),
		counting("a call, 256 in flight", "client and hall", times, func(ctx context.Context, n int) error { return calls(ctx, p.client, n, 256) }),
		counting("an event", "client and hall", bursting, p.events),
	}
	if err := b.Run(ctx, cases); err != nil {
		return err
	}
	count := func(i int) float64 { return b.Median(cases[i].Key) }
	b.Figure("call_allocs", max(count(0), count(1)), "allocations", measure.AtMost(2))
	b.Figure("event_allocs", count(3), "allocations", measure.AtMost(0.1))
	b.Figure("call_allocs_both", max(count(4), count(5)), "allocations", measure.Bar{})
	b.Figure("event_allocs_both", count(6), "allocations", measure.Bar{})
	return nil
}

// counting counts the allocations of this process, after some steps that warm
// it up.
func counting(what, side string, n int, do func(context.Context, int) error) measure.Case {
	return measure.Case{Key: measure.Key{Table: "allocations", Row: what, Column: side}, Unit: "allocations",
		Measure: func(ctx context.Context) (measure.Sample, error) {
			if err := do(ctx, n/4); err != nil {
				return measure.Sample{}, err
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := do(ctx, n)
			runtime.ReadMemStats(&after)
			return measure.Sample{Value: float64(after.Mallocs-before.Mallocs) / float64(n)}, err
		}}
}

func observedCalls(ctx context.Context, client *xbus.Client, n int, opts ...rpc.Option) error {
	for range n {
		if _, err := client.Call(ctx, rig.Echo, payload, opts...).Await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// taken has a hall publish about n events, in bursts, and takes them.
func taken(ctx context.Context, client *xbus.Client, sub *observable.Subscription[xbus.Event], n int) error {
	order := rig.BurstOrder{N: min(n, many), Data: payload.(json.RawMessage)}
	for range max(n/many, 1) {
		burst := client.Call(ctx, rig.Burst, order)
		for range order.N {
			ev, err := sub.Next(ctx)
			if err != nil {
				return err
			}
			if ev.Lost > 0 {
				return fmt.Errorf("%d events were lost", ev.Lost)
			}
		}
		if _, err := burst.Await(ctx); err != nil {
			return err
		}
	}
	return nil
}
