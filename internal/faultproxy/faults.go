package faultproxy

import (
	"context"
	"fmt"
	"time"
)

// A Direction is one way through the proxy.
type Direction int

const (
	// Up is from the client to the target.
	Up Direction = iota
	// Down is from the target to the client.
	Down
)

// String is "up" or "down".
func (d Direction) String() string {
	if d == Up {
		return "up"
	}
	return "down"
}

// Faults is how one direction misbehaves; the zero value is faithful. Faults
// that are set together all apply.
type Faults struct {
	// Stall keeps the connections open and forwards nothing. The proxy stops
	// reading, so that the sender feels it too. Nothing is lost.
	Stall bool
	// Swallow reads and forwards nothing: the sender notices nothing.
	Swallow bool
	// Delay is how long after their arrival bytes are forwarded. It limits
	// the throughput only to some 2 MB per Delay.
	Delay time.Duration
	// Piece is the largest number of bytes that are written at once; 1 is one
	// byte at a time. 0 leaves the pieces as they come.
	Piece int
	// Limit is the bandwidth of each connection, in bytes per second.
	Limit int
	// FlipEvery flips the lowest bit of each n-th byte that a connection
	// forwards, counted from its beginning: 1 is every byte.
	FlipEvery int64
	// CutAfter forwards so many more bytes of each connection, counted from
	// Set or from the beginning of a later connection, and then ends it as
	// Cut(Close) does.
	CutAfter int64
}

func (f Faults) check() {
	if f.Delay < 0 || f.Piece < 0 || f.Limit < 0 || f.FlipEvery < 0 || f.CutAfter < 0 {
		panic(fmt.Sprintf("faultproxy: %+v: give no negative numbers, 0 turns a fault off", f))
	}
}

// piece is how many of n bytes to write at once.
func (f Faults) piece(n int) int {
	if f.Piece > 0 {
		n = min(n, f.Piece)
	}
	if f.Limit > 0 {
		n = min(n, max(1, f.Limit/50)) // fifty a second are smooth enough
	}
	return n
}

// pace is how long n bytes take.
func (f Faults) pace(n int) time.Duration {
	if f.Limit == 0 {
		return 0
	}
	return time.Duration(n) * time.Second / time.Duration(f.Limit)
}

// setting is the faults of one direction until the next Set.
type setting struct {
	Faults
	changed chan struct{} // closed by the next Set
}

// await waits until t, until other faults are set, or until ctx is done, which
// is its only error.
func (s *setting) await(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.changed:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// awaitChange waits until other faults are set.
func (s *setting) awaitChange(ctx context.Context) error {
	select {
	case <-s.changed:
	case <-ctx.Done():
	}
	return ctx.Err()
}
