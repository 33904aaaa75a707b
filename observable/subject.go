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
	if len(s.subs) == 1 && s.subs[0].plain && s.past.limit == 0 {
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
