package server

import (
	"context"
	"sync/atomic"
	"time"
)

// drained tells whether the hall still takes commands.
type drained struct{ flag atomic.Bool }

func (d *drained) begin()      { d.flag.Store(true) }
func (d *drained) begun() bool { return d.flag.Load() }

// A Report says how a Drain went.
type Report struct {
	Finished int           // commands that were in flight and have ended
	Aborted  int           // those that the deadline has ended, by an error
	Running  []string      // commands whose handlers have not returned all the same
	Took     time.Duration // how long it took
}

// Drain lets the hall come to rest: new commands are answered by an error
// (CodeDraining), those in flight may end until ctx does; the rest is aborted.
// Each gets its answer, and all answers are written when Drain returns. The hall
// stays open, for events and for Close. Drain must not be called by a handler.
//
// The error is the cause of ctx when commands had to be aborted.
func (h *Hall) Drain(ctx context.Context) (Report, error) {
	began := time.Now()
	before := int(h.counts.inFlight.Load())
	h.drained.begin()
	var report Report
	var err error
	if !h.idle(ctx) {
		err = context.Cause(ctx)
		report.Aborted = h.abortAll()
		brief, cancel := context.WithTimeout(context.Background(), abortGrace)
		h.busy.wait(brief)
		cancel()
		report.Running = h.busy.names()
	}
	report.Finished = max(0, before-report.Aborted)
	write, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	for _, p := range h.routes.links() {
		p.flush(write)
	}
	report.Took = time.Since(began)
	return report, err
}

// abortGrace is how long handlers may take to return after their contexts have
// ended, before Drain reports them.
const abortGrace = 100 * time.Millisecond

// idle waits until nothing waits or runs. Activities that wait start as others
// end, so that it is looked at again.
func (h *Hall) idle(ctx context.Context) bool {
	for h.counts.inFlight.Load() > 0 {
		if !h.busy.wait(ctx) {
			return false
		}
		if h.counts.inFlight.Load() > 0 && !pause(ctx, time.Millisecond) {
			return false
		}
	}
	return true
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// abortAll ends all commands of all connections and returns their number.
func (h *Hall) abortAll() int {
	n := 0
	h.streams.abort(ErrStopping)
	for _, p := range h.routes.links() {
		for _, r := range p.ledger.list() {
			if r.abort(ErrStopping) {
				n++
			}
		}
	}
	return n
}
