package faultproxy

import (
	"context"
	"fmt"
	"sync"
)

// Stats is what has happened so far.
type Stats struct {
	// Accepted is the connections that clients made.
	Accepted int
	// Open is those that have not ended yet, those in the black hole included.
	Open int
	// BlackHoled is those that were accepted and left alone.
	BlackHoled int
	// Unreachable is those that were reset because the target could not be
	// reached.
	Unreachable int
	// Up and Down are the bytes of both directions.
	Up, Down Flow
}

// Flow is the bytes of one direction:
// Received = Forwarded + Swallowed + Lost + Pending().
type Flow struct {
	// Received is the bytes that the proxy has read.
	Received int64
	// Forwarded is those it has written, Flipped those among them that were
	// changed, Writes in how many pieces.
	Forwarded, Flipped, Writes int64
	// Swallowed is those it has dropped because of Swallow or HalfClose.
	Swallowed int64
	// Lost is those that were read, and whose connection ended before they
	// were written.
	Lost int64
}

// Pending is the bytes that wait because of a stall, a delay, a limit, or a
// receiver that does not read.
func (f Flow) Pending() int64 { return f.Received - f.Forwarded - f.Swallowed - f.Lost }

// counters is the Stats of a proxy and those who wait for them.
type counters struct {
	mu      sync.Mutex
	stats   Stats
	changed chan struct{} // closed and replaced at each change, nil when nobody waits
}

func (c *counters) update(change func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.stats)
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

func (c *counters) updateFlow(d Direction, change func(*Flow)) {
	c.update(func(s *Stats) {
		if d == Up {
			change(&s.Up)
		} else {
			change(&s.Down)
		}
	})
}

func (c *counters) load() (Stats, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.stats, c.changed
}

// Stats is what has happened so far.
func (p *Proxy) Stats() Stats {
	s, _ := p.counters.load()
	return s
}

// Wait waits until the counts are as want says. The error, when ctx ends first,
// shows the last counts. want is called without any lock held.
func (p *Proxy) Wait(ctx context.Context, want func(Stats) bool) error {
	for {
		stats, changed := p.counters.load()
		if want(stats) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("faultproxy: the counts are %+v: %w", stats, context.Cause(ctx))
		}
	}
}
