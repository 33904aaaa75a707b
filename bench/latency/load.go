package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/peer"
)

// halfLoad gives each contender calls at half of the rate that xbus reaches, or
// at half of its own when that is more than it can do.
func halfLoad(ctx context.Context, b *measure.Bench) error {
	const ours = "xbus tcp"
	peers := peer.Here(func(name string) bool { return b.Wants(name) && (name == ours || name == "nats") }, b.NoteOnce)
	contenders, err := peer.Start(ctx, peers, func(p peer.Peer) func(context.Context) (peer.Caller, error) { return p.Calls })
	if err != nil {
		return err
	}
	most := make(map[string]float64)
	for _, c := range contenders {
		if most[c.Name], err = highest(ctx, b, c.Running); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", c.Name, err), peer.Close(contenders))
		}
	}
	var list []*spread
	for _, c := range contenders {
		rate := most[ours] / 2
		if rate == 0 || rate > 0.9*most[c.Name] {
			rate = most[c.Name] / 2
		}
		b.Note("%s makes %s calls/s at most with 256 in flight and gets %s calls/s in the table of half load", c.Name, measure.Number(most[c.Name]), measure.Number(rate))
		list = append(list, newSpread("call latency", c.Name, "half load", func(ctx context.Context) (peer.Latency, error) {
			return openLoop(ctx, rate, 4*b.Time(), nap, c.Running.(peer.Echoer).Call)
		}))
	}
	if err := rounds(ctx, b, list); err != nil {
		return errors.Join(err, peer.Close(contenders))
	}
	key := func(row string) measure.Key {
		return measure.Key{Table: "call latency", Row: row, Column: "half load p99"}
	}
	b.Ratio("calls_p99_half_load_vs_nats", key(ours), key("nats"), measure.AtMost(1))
	return peer.Close(contenders)
}

// highest is the median rate of three samples with 256 calls in flight.
func highest(ctx context.Context, b *measure.Bench, c peer.Caller) (float64, error) {
	calls := func(ctx context.Context, n int) error { return c.Calls(ctx, n, 256) }
	n, err := b.Calibrate(ctx, 1000, calls)
	if err != nil {
		return 0, err
	}
	var rates []float64
	for range 3 {
		s, err := measure.PerSecond(n, nil, func() error { return calls(ctx, n) })
		if err != nil {
			return 0, err
		}
		rates = append(rates, s.Value)
	}
	return measure.Median(rates), nil
}

// openLoop makes calls at the moments that the rate asks for, however long those
// before them take, and measures each from its moment on: what waits because
// others are slow has waited. sleep is how it lets time pass.
func openLoop(ctx context.Context, rate float64, length time.Duration, sleep func(time.Duration), call func(context.Context) error) (peer.Latency, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	const callers = 1024
	n := int(rate * length.Seconds())
	due, took := make(chan time.Time, n), make([][]float64, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for moment := range due {
				if err := call(ctx); err != nil {
					cancel(err)
					return
				}
				took[i] = append(took[i], measure.Micros(time.Since(moment)))
			}
		})
	}
	pace(ctx, n, rate, sleep, due)
	close(due)
	wg.Wait()
	var all []float64
	for _, list := range took {
		all = append(all, list...)
	}
	return peer.LatencyOf(all), context.Cause(ctx)
}

// pace sends n moments, each when it has come.
func pace(ctx context.Context, n int, rate float64, sleep func(time.Duration), due chan<- time.Time) {
	began := time.Now()
	for i := 0; i < n && ctx.Err() == nil; {
		moment := began.Add(time.Duration(float64(i) / rate * 1e9))
		if wait := time.Until(moment); wait > 0 {
			sleep(wait)
			continue
		}
		due <- moment // there is room for all
		i++
	}
}
