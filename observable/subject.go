package observable

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// A Subject sends events to all who subscribed before the event was published.
// Each has a bounded queue of its own with a policy, so that none can hold up
// the others or the publisher, unless it was given Block.
//
// All methods may be called from any goroutine, also from within the code of a
// consumer: no lock is held while such code runs. Values published one after
// the other arrive in that order. Make one with NewSubject.
type Subject[T any] struct {
	defaults []SubscribeOption

	mu     sync.Mutex
	subs   []*Subscription[T] // each knows its place
	closed bool
	err    error
	only   atomic.Pointer[Subscription[T]] // of a list of one, if put serves it: spares the lock
	past   replay[T]                       // for ShareReplay
	spare  *round[T]                       // lent to the publisher that needs it
}

// A SubjectOption changes one thing about a Subject.
type SubjectOption func(*subjectOptions)

type subjectOptions struct{ defaults []SubscribeOption }

// WithSubscribers sets options that come before those of each subscriber: a
// default policy, the SizeOf of the values, NoBlock.
func WithSubscribers(opts ...SubscribeOption) SubjectOption {
	return func(o *subjectOptions) { o.defaults = append(o.defaults, opts...) }
}

// NewSubject makes a Subject without subscribers. It panics on wrong options.
func NewSubject[T any](opts ...SubjectOption) *Subject[T] {
	var o subjectOptions
	for i, opt := range opts {
		if opt == nil {
			panic(fmt.Sprintf("observable: NewSubject: option %d is nil: leave it out", i))
		}
		opt(&o)
	}
	if err := ValidateOptionsFor[T](o.defaults...); err != nil {
		panic(err.Error())
	}
	return &Subject[T]{defaults: o.defaults}
}

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
		if sub.simple() {
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

// Subscribe registers a subscription and returns it: what is published after
// that is not missed. On a closed Subject the subscription is over. It panics on
// wrong options; see ValidateOptions. Close the subscription, or read it to its
// end or leave, else it stays.
func (s *Subject[T]) Subscribe(opts ...SubscribeOption) *Subscription[T] {
	_, sub := s.subscribe(opts)
	return sub
}

// subscribe returns also the last values that were published before.
func (s *Subject[T]) subscribe(opts []SubscribeOption) (past []T, sub *Subscription[T]) {
	if len(s.defaults) > 0 {
		opts = append(s.defaults[:len(s.defaults):len(s.defaults)], opts...)
	}
	sub = NewSubscription[T](opts...)
	s.mu.Lock()
	defer s.mu.Unlock()
	past = s.past.values()
	if s.closed {
		sub.Finish(s.err)
		return past, sub
	}
	sub.subject, sub.place = s, len(s.subs)
	s.subs = append(s.subs, sub)
	s.changed()
	return past, sub
}

// remove takes sub out, in constant time.
func (s *Subject[T]) remove(sub *Subscription[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.place >= 0 {
		s.drop(sub.place)
	}
}

// drop puts the last subscription into the place of the one that goes.
func (s *Subject[T]) drop(i int) {
	last := len(s.subs) - 1
	s.subs[i].place = -1
	if i != last {
		s.subs[i] = s.subs[last]
		s.subs[i].place = i
	}
	s.subs[last] = nil
	s.subs = s.subs[:last]
	s.changed()
}

func (s *Subject[T]) changed() {
	if len(s.subs) == 1 && s.subs[0].simple() && s.past.limit == 0 {
		s.only.Store(s.subs[0])
	} else if s.only.Load() != nil {
		s.only.Store(nil)
	}
}

// Observable subscribes at each run, for as long as the run lasts. It panics on
// wrong options.
func (s *Subject[T]) Observable(opts ...SubscribeOption) Observable[T] {
	if err := ValidateOptionsFor[T](append(s.defaults[:len(s.defaults):len(s.defaults)], opts...)...); err != nil {
		panic(err.Error())
	}
	return New(func(ctx context.Context, yield func(T) bool) error {
		return s.Subscribe(opts...).run(ctx, yield)
	})
}

// Close ends all subscriptions, after what they have buffered, with err, or as
// complete when err is nil. Later subscriptions are ended at once the same way.
// Only the first Close counts.
func (s *Subject[T]) Close(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed, s.err = true, err
	for _, sub := range s.subs {
		sub.place = -1
		sub.Finish(err)
	}
	s.subs = nil
	s.changed()
}

func (s *Subject[T]) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Len returns the number of subscriptions.
func (s *Subject[T]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.subs)
}
