package rpc

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// A loss is what is known of a session that has ended.
type loss struct {
	epoch, written uint64
	cause          error
}

// Waiting are the calls that wait for a session without a goroutine, in the
// order in which they are to be sent, and the last loss of one.
type waiting struct {
	mu       sync.Mutex
	queue    []*Pending
	flushing bool // somebody sends what is in queue
	again    bool // a session has begun since it looked

	lost atomic.Pointer[loss] // the last one; written under mu
}

// Lost tells that a session has ended: calls that were sent in it end with
// ErrConnectionLost, or with cause itself when it wraps ErrClosed, but those that
// asked to be kept. written is the number of the last message of which a byte
// may have gone out.
func (c *Calls) Lost(epoch, written uint64, cause error) {
	l := loss{epoch, written, cause}
	c.waiting.mu.Lock()
	if c.lossSince(epoch) == nil {
		c.waiting.lost.Store(&l)
	}
	c.waiting.mu.Unlock()
	var again []*Pending
	for _, p := range c.all() {
		if p.lostSession(l) {
			again = append(again, p)
		}
	}
	slices.SortFunc(again, func(a, b *Pending) int { return cmp.Compare(a.sentAs(), b.sentAs()) })
	for _, p := range again {
		c.enqueue(p)
	}
}

// lossSince returns the last loss when it is that of this session or of a later
// one; nil otherwise.
func (c *Calls) lossSince(epoch uint64) *loss {
	if l := c.waiting.lost.Load(); l != nil && l.epoch >= epoch {
		return l
	}
	return nil
}

// lostSession ends the call, or leaves it in flight when it asked for that. It
// returns true, once, when the call is to be sent again.
func (p *Pending) lostSession(l loss) (again bool) {
	p.mu.Lock()
	if p.ended || p.receipt.Epoch == 0 || p.receipt.Epoch > l.epoch {
		p.mu.Unlock() // over, waits for a session, or was sent in a later one
		return false
	}
	verdict, cause := MaybeExecuted, l.cause
	if !errors.Is(cause, ErrClosed) {
		cause = reason(ErrConnectionLost, cause)
	}
	if p.receipt.Epoch == l.epoch && p.receipt.Number > l.written {
		verdict = NotSent
	}
	switch {
	case p.opts.keep && p.opts.horde: // as the reference (protocol §5.6)
		cause = reason(ErrAborted, cause)
	case p.opts.keep && verdict == MaybeExecuted:
		p.mu.Unlock()
		return false
	case p.opts.keep:
		p.watched().order, p.receipt = p.receipt.Number, Receipt{}
		p.mu.Unlock()
		return true
	}
	p.finish(nil, p.failure(verdict, cause))
	return false
}

// sentAs is the number that a call which is sent again had.
func (p *Pending) sentAs() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.watched().order
}

// Attached tells that a session has begun: calls that wait for one are sent.
func (c *Calls) Attached() { c.flush() }

// enqueue makes p wait for a session, unless there is one now.
func (c *Calls) enqueue(p *Pending) {
	w := &c.waiting
	w.mu.Lock()
	if len(w.queue) >= c.cfg.MaxQueued {
		w.queue = slices.DeleteFunc(w.queue, (*Pending).Settled)
	}
	full := len(w.queue) >= c.cfg.MaxQueued
	if !full {
		w.queue = append(w.queue, p)
	}
	w.mu.Unlock()
	switch {
	case full:
		p.fail(fmt.Errorf("%w: %d are queued, the limit is MaxQueued", ErrTooMany, c.cfg.MaxQueued))
	case c.cfg.Sender.Connected():
		c.flush() // p included; otherwise Attached is still to come
	}
}

// flush sends what waits, in order: one goroutine at a time does it for all.
func (c *Calls) flush() {
	w := &c.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.again = true; w.flushing {
		return
	}
	w.flushing = true
	for w.again {
		w.again = false
		c.sendQueue()
	}
	w.flushing = false
}

// sendQueue sends from the queue until it is empty or there is no session. The
// lock is held when it is called and when it returns.
func (c *Calls) sendQueue() {
	w := &c.waiting
	for len(w.queue) > 0 {
		p := w.queue[0]
		w.queue[0] = nil
		w.queue = w.queue[1:]
		w.mu.Unlock()
		err := p.send()
		down := (errors.Is(err, ErrNotConnected) || errors.Is(err, ErrConnectionLost)) && !maybeSent(err)
		if err != nil && !down {
			p.fail(err)
		}
		w.mu.Lock()
		if down {
			w.queue = slices.Insert(w.queue, 0, p)
			return
		}
	}
	w.queue = nil
}

func (c *Calls) forgetQueue() {
	c.waiting.mu.Lock()
	defer c.waiting.mu.Unlock()
	c.waiting.queue = nil
}
