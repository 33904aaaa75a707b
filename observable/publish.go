package observable

import (
	"context"
	"fmt"
)

// A Result says what became of a published value. It is small enough to travel
// in registers: a publisher that does not look at it pays nothing for it.
type Result struct {
	Subscribers int32 // who was subscribed
	Delivered   int32 // of these, who has it in their queue
	Dropped     int32 // of these, who lost a value by it: this one or an older one
	Err         error // why it did not reach all: ErrClosed, ErrOverflow or context.Cause(ctx); nil for values dropped by policy
}

// Closed tells that the Subject is closed and nothing was published.
func (r Result) Closed() bool { return r.Err == ErrClosed }

// String describes the result in a few words, for logs.
func (r Result) String() string {
	switch {
	case r.Closed():
		return "closed: not published"
	case r.Subscribers == 0:
		return "nobody has subscribed"
	}
	s := fmt.Sprintf("delivered to %d of %d", r.Delivered, r.Subscribers)
	if r.Dropped > 0 {
		s += fmt.Sprintf(", %d lost a value", r.Dropped)
	}
	if r.Err != nil {
		s += ": " + r.Err.Error()
	}
	return s
}

// add counts what became of the value at one more subscription.
func (r *Result) add(out Outcome, ctx context.Context) {
	switch out {
	case Closed:
		return // it left meanwhile
	case Accepted, Displaced:
		r.Delivered++
	case Overflowed:
		r.because(ErrOverflow)
	case Cancelled:
		r.because(context.Cause(ctx))
	}
	r.Subscribers++
	if out != Accepted {
		r.Dropped++
	}
}

func (r *Result) because(err error) {
	if r.Err == nil {
		r.Err = err
	}
}

// Publish offers v to every subscription and tells what came of it. It waits
// only for subscriptions under Block, for all others have v by then, and no
// longer than ctx allows.
func (s *Subject[T]) Publish(ctx context.Context, v T) Result {
	if sub := s.only.Load(); sub != nil {
		if out := sub.put(v, 0); out == Accepted {
			return Result{Subscribers: 1, Delivered: 1}
		} else if out < Closed {
			return s.single(sub, out, ctx)
		}
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return Result{Err: ErrClosed}
	}
	s.past.add(v)
	plain := int32(0)
	var rest *round[T]
	for i := 0; i < len(s.subs); i++ {
		sub := s.subs[i]
		out := deferred
		if sub.plain {
			out = sub.put(v, 0)
		}
		if out == Accepted {
			plain++
			continue
		}
		if rest == nil {
			rest = s.borrow()
		}
		if rest.note(sub, out, ctx) {
			s.drop(i)
			i--
		}
	}
	s.mu.Unlock()
	if rest != nil {
		return s.finishRound(ctx, v, rest, plain)
	}
	return Result{Subscribers: plain, Delivered: plain}
}

// single is the result where sub is the only subscription.
func (s *Subject[T]) single(sub *Subscription[T], out Outcome, ctx context.Context) (r Result) {
	if out == Overflowed {
		s.remove(sub)
	}
	r.add(out, ctx)
	return r
}

// A round is the part of one Publish that is not plain delivery.
type round[T any] struct {
	result Result
	rest   []*Subscription[T] // to be served without the lock: they may wait or run user code
}

// note keeps the outcome at sub and tells whether sub is over.
func (r *round[T]) note(sub *Subscription[T], out Outcome, ctx context.Context) (over bool) {
	if out == deferred {
		r.rest = append(r.rest, sub)
		return false
	}
	r.result.add(out, ctx)
	return out == Overflowed
}

// borrow returns the round that is kept for the next publisher, so that
// publishing does not allocate.
func (s *Subject[T]) borrow() *round[T] {
	r := s.spare
	s.spare = nil
	if r == nil {
		r = new(round[T])
	}
	return r
}

// finishRound serves the rest, gives the round back and returns the result,
// with the plain deliveries in it.
func (s *Subject[T]) finishRound(ctx context.Context, v T, r *round[T], plain int32) Result {
	for _, sub := range r.rest {
		out := sub.Offer(ctx, v)
		if out == Overflowed {
			s.remove(sub)
		}
		r.result.add(out, ctx)
	}
	result := r.result
	result.Subscribers += plain
	result.Delivered += plain
	clear(r.rest)
	r.rest, r.result = r.rest[:0], Result{}
	s.mu.Lock()
	s.spare = r
	s.mu.Unlock()
	return result
}
