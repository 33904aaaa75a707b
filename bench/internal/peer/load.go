package peer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// callMany makes n calls on inFlight goroutines, as programs do that have so many
// requests of their own to serve. call is told on which of them it is.
func callMany(ctx context.Context, n, inFlight int, call func(ctx context.Context, worker int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var begun atomic.Int64
	var wg sync.WaitGroup
	for worker := range min(n, inFlight) {
		wg.Go(func() {
			for begun.Add(1) <= int64(n) {
				if err := call(ctx, worker); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// A gate lets a publisher be at most a window ahead of its slowest receiver.
type gate struct {
	window, step int64
	sent         int64 // the publisher's own
	end          atomic.Int64
	wake         chan struct{}
	got          []counter
}

// A counter has a line of the cache for itself.
type counter struct {
	atomic.Int64
	_ [56]byte
}

func newGate(c EventConfig) *gate {
	w := int64(c.window())
	return &gate{window: w, step: max(w/8, 1), wake: make(chan struct{}, 1), got: make([]counter, c.Receivers)}
}

// received counts an event that is in the loop of receiver i.
func (g *gate) received(i int) {
	if n := g.got[i].Add(1); n%g.step == 0 || n == g.end.Load() {
		select {
		case g.wake <- struct{}{}:
		default:
		}
	}
}

// expect is what is published when somebody else publishes n events.
func (g *gate) expect(n int) (end int64) {
	end = g.sent + int64(n)
	g.end.Store(end)
	return end
}

// publish publishes n events and waits until all receivers have had them. flush
// is called before a wait.
func (g *gate) publish(ctx context.Context, n int, publish, flush func() error) error {
	end := g.expect(n)
	slowest := g.slowest()
	for ; g.sent < end; g.sent++ {
		if g.sent-slowest >= g.window {
			err := flush()
			if err != nil {
				return err
			}
			if slowest, err = g.wait(ctx, g.sent-g.window/2); err != nil {
				return err
			}
		}
		if err := publish(); err != nil {
			return err
		}
	}
	if err := flush(); err != nil {
		return err
	}
	_, err := g.wait(ctx, end)
	return err
}

// unbuffered is the flush of contenders that need none.
func unbuffered() error { return nil }

// wait waits until all receivers have had so many events, of all runs together.
func (g *gate) wait(ctx context.Context, events int64) (slowest int64, err error) {
	for {
		if slowest = g.slowest(); slowest >= events {
			return slowest, nil
		}
		select {
		case <-g.wake:
		case <-ctx.Done():
			return 0, fmt.Errorf("the slowest of %d receivers has had %d of %d events: %w", len(g.got), slowest, g.sent, context.Cause(ctx))
		}
	}
}

func (g *gate) slowest() int64 {
	least := g.got[0].Load()
	for i := range g.got {
		least = min(least, g.got[i].Load())
	}
	return least
}

// loops are the loops of receivers whose library has no loop of its own: it puts
// events into a channel.
type loops[T any] struct {
	wg       sync.WaitGroup
	channels []chan T
}

// startLoops is called before the connections are opened that fill the channels,
// since it undoes its part when they are closed.
func startLoops[T any](c *closing) *loops[T] {
	l := new(loops[T])
	c.thenQuietly(func() {
		for _, ch := range l.channels {
			close(ch)
		}
		l.wg.Wait()
	})
	return l
}

// over runs body for all that comes by the channel that it returns.
func (l *loops[T]) over(body func(T)) chan T {
	ch := make(chan T, queue)
	l.channels = append(l.channels, ch)
	l.wg.Go(func() {
		for v := range ch {
			body(v)
		}
	})
	return ch
}

// queue is how many events may wait in front of a loop: more than ever do.
const queue = 1 << 14
