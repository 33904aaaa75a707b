package conn

import (
	"sync"
	"sync/atomic"
)

// Stats count what a connection has seen since it was made. What was received
// and not handed on stands in one of the last four.
type Stats struct {
	Sent     uint64 // messages handed to a link, autoconnect apart
	Received uint64 // events of the session, handed on
	Sessions uint64 // how often a session began

	WrongToken uint64 // events that carried another token: dropped
	Early      uint64 // events that came outside of a session: dropped
	Unknown    uint64 // internal topics without a known meaning: dropped
	// Failures counts failed attempts and lost sessions by reason, e.g.
	// "connection refused"; see [ReasonOf].
	Failures map[string]uint64
}

type counters struct {
	sent, received             atomic.Uint64
	wrongToken, early, unknown atomic.Uint64

	mu       sync.Mutex
	failures map[string]uint64
}

func (c *counters) failed(err error) {
	label := "other"
	if reason := ReasonOf(err); reason != nil {
		label = reason.Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures == nil {
		c.failures = make(map[string]uint64)
	}
	c.failures[label]++
}

// Stats returns the counters.
func (c *Conn) Stats() Stats {
	s := Stats{
		Sent: c.counts.sent.Load(), Received: c.counts.received.Load(),
		Sessions:   c.state.Load().Epoch,
		WrongToken: c.counts.wrongToken.Load(), Early: c.counts.early.Load(), Unknown: c.counts.unknown.Load(),
		Failures: make(map[string]uint64),
	}
	c.counts.mu.Lock()
	defer c.counts.mu.Unlock()
	for label, n := range c.counts.failures {
		s.Failures[label] = n
	}
	return s
}
