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

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/rig"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/server"
)

// payload is that of calls and events, boxed once.
var payload any = json.RawMessage(`"` + strings.Repeat("x", 98) + `"`)

// inProcess is a client and a hall at mem://, by the public interface of both.
func inProcess(ctx context.Context, b *measure.Bench) error {
	if !b.Wants("xbus mem") {
		return nil
	}
	p, err := join(ctx, "mem://bench-cost")
	if err != nil {
		return err
	}
	defer p.close()
	const table, row = "in process", "xbus mem"
	var cases []measure.Case
	for _, c := range []struct {
		column string
		do     func(context.Context, int) error
	}{
		{"a call after the other", func(ctx context.Context, n int) error { return calls(ctx, p.client, n, 1) }},
		{"256 calls in flight", func(ctx context.Context, n int) error { return calls(ctx, p.client, n, 256) }},
		{"an event", p.events},
	} {
		n, err := b.Calibrate(ctx, 1000, c.do)
		if err != nil {
			return fmt.Errorf("%s: %w", c.column, err)
		}
		cases = append(cases, measure.Case{Key: measure.Key{Table: table, Row: row, Column: c.column}, Unit: "µs",
			Measure: func(ctx context.Context) (measure.Sample, error) {
				cpu, began := measure.CPU(), time.Now()
				err := c.do(ctx, n)
				took := time.Since(began)
				return measure.Sample{Value: measure.Micros(took) / float64(n), CPU: measure.Micros(measure.CPU()-cpu) / float64(n)}, err
			}})
	}
	if err := b.Run(ctx, cases); err != nil {
		return err
	}
	b.Figure("inproc_call_us", b.Median(cases[0].Key), "µs", measure.AtMost(3))
	b.Figure("inproc_event_us", b.Median(cases[2].Key), "µs", measure.AtMost(0.5))
	return nil
}

// A pair is a hall of this process and a client of it.
type pair struct {
	hall   *server.Hall
	client *xbus.Client
	sub    *observable.Subscription[xbus.Event]

	wg   sync.WaitGroup
	room chan struct{} // one for each quarter of the window that was taken
	lost atomic.Uint64
}

// window is how many events the hall may be ahead of the loop; the queue of a
// subscription has room for 1,024 by default.
const window = 1024

func join(ctx context.Context, address string) (*pair, error) {
	hall, err := rig.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	p := &pair{hall: hall, room: make(chan struct{}, 4)}
	if p.client, err = xbus.Connect(ctx, hall.URL()); err == nil {
		p.sub, err = p.client.Topic(rig.Topic).Subscribe()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	p.wg.Go(p.follow)
	return p, nil
}

// follow takes the events in a loop.
func (p *pair) follow() {
	taken := 0
	for ev, err := range p.sub.All(context.Background()) {
		if err != nil {
			return
		}
		p.lost.Add(ev.Lost)
		if taken++; taken%(window/4) == 0 {
			p.room <- struct{}{}
		}
	}
}

// events publishes about n events, a whole number of quarters of the window, and
// returns when all have been taken.
func (p *pair) events(ctx context.Context, n int) error {
	quarters := (n + window/4 - 1) / (window / 4)
	for i := range quarters {
		for range window / 4 {
			if err := p.hall.Publish(ctx, rig.Topic, payload); err != nil {
				return err
			}
		}
		if i >= 3 {
			<-p.room
		}
	}
	for range min(3, quarters) {
		<-p.room
	}
	if lost := p.lost.Load(); lost > 0 {
		return fmt.Errorf("%d events were lost", lost)
	}
	return nil
}

func (p *pair) close() {
	if p.sub != nil {
		p.sub.Close()
	}
	p.wg.Wait()
	if p.client != nil {
		p.client.Close()
	}
	p.hall.Close()
}

// calls makes n calls, inFlight at a time.
func calls(ctx context.Context, client *xbus.Client, n, inFlight int) error {
	var left atomic.Int64
	left.Store(int64(n))
	failed := make([]error, inFlight)
	var wg sync.WaitGroup
	for i := range inFlight {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, failed[i] = client.Call(ctx, rig.Echo, payload).Await(ctx); failed[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}
