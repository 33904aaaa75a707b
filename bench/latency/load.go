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
	peers := peer.Here(func(name string) bool { return b.Wants(name) && (name == ours || name == "nats") }, b.NoteOnce)
	contenders, err := peer.Start(ctx, peers, func(p peer.Peer) func(context.Context) (peer.Caller, error) { return p.Calls })
	if err != nil {
		return err
	}
	load := loads{b: b, contenders: contenders, n: make(map[string]int), most: make(map[string]*measure.Series)}
	var list []*spread
	for _, c := range contenders {
		load.most[c.Name] = &measure.Series{Key: measure.Key{Table: "call latency", Row: c.Name, Column: "highest rate"}, Unit: "calls/s"}
		list = append(list, newSpread("call latency", c.Name, "half load", func(ctx context.Context) (peer.Latency, error) {
			return openLoop(ctx, load.rate(c.Name), 4*b.Time(), nap, c.Running.(peer.Echoer).Call)
		}))
	}
	if err := rounds(ctx, b, list, load.look); err != nil {
		return errors.Join(err, peer.Close(contenders))
	}
	load.tell()
	key := func(row string) measure.Key {
		return measure.Key{Table: "call latency", Row: row, Column: "half load p99"}
	}
	b.Ratio("calls_p99_half_load_vs_nats", key(ours), key("nats"), measure.AtMost(1))
	return peer.Close(contenders)
}

const ours = "xbus tcp"

// loads knows how many calls a second each contender makes at most, in this round:
// what else runs on the machine may change between two of them.
type loads struct {
	b          *measure.Bench
	contenders []peer.Contender[peer.Caller]
	n          map[string]int // calls of a sample
	most       map[string]*measure.Series
}

// look finds it out, at the beginning of a round.
func (l *loads) look(ctx context.Context) error {
	for _, c := range l.contenders {
		calls := func(ctx context.Context, n int) error { return c.Running.Calls(ctx, n, 256) }
		if l.n[c.Name] == 0 {
			n, err := l.b.Calibrate(ctx, 1000, calls)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			l.n[c.Name] = n
		}
		s, err := measure.PerSecond(l.n[c.Name], nil, func() error { return calls(ctx, l.n[c.Name]) })
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		l.most[c.Name].Values = append(l.most[c.Name].Values, s.Value)
	}
	return nil
}

// rate is half of what xbus does at most in this round, or half of what the
// contender does when it cannot follow.
func (l *loads) rate(name string) float64 {
	last := func(name string) float64 { return l.most[name].Values[len(l.most[name].Values)-1] }
	if l.most[ours] != nil && last(ours)/2 < 0.9*last(name) {
		return last(ours) / 2
	}
	return last(name) / 2
}

func (l *loads) tell() {
	for _, c := range l.contenders {
		l.b.Add(l.most[c.Name])
	}
}

// openLoop makes calls at the moments that the rate asks for, however long those
// before them take, and measures each from its moment on: what waits because
// others are slow has waited. sleep is how it lets time pass.
func openLoop(ctx context.Context, rate float64, length time.Duration, sleep func(time.Duration), call func(context.Context) error) (peer.Latency, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	const callers = 256 // as many as there were when the highest rate was measured
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
