package observable

import (
	"context"
	"io"
)

// more fetches values when the batch is used up, and waits for them by wait. It
// returns the first.
func (s *Subscription[T]) more(ctx context.Context, wait func(context.Context) error) (T, error) {
	for {
		v, ok, err := s.refill()
		if ok || err != nil {
			return v, err
		}
		if err := wait(ctx); err != nil {
			return v, err
		}
		if v, ok := s.claim(); ok {
			return v, nil
		}
	}
}

// nap waits once until there is something to look at or ctx is done.
func (s *Subscription[T]) nap(ctx context.Context) error {
	select {
	case <-s.wake:
		return nil
	case <-ctx.Done():
		s.rise()
		return context.Cause(ctx)
	}
}

// sleep is nap for a run, where ctx is the same each time: it is watched once,
// so that each wait is a plain receive, a third cheaper than the select.
func (s *Subscription[T]) sleep(ctx context.Context) error {
	if s.unwatch == nil && ctx.Done() != nil {
		s.helpers.Add(1)
		s.unwatch = context.AfterFunc(ctx, s.interrupt)
	}
	if ctx.Err() != nil { // interrupt may have come before this was asleep
		s.rise()
		return context.Cause(ctx)
	}
	<-s.wake
	return nil
}

func (s *Subscription[T]) interrupt() {
	defer s.helpers.Done()
	s.mu.Lock()
	s.unlockAndWake()
}

// rise ends a sleep from which nobody has woken the consumer. Whoever sets asleep
// to false sends one token, so if somebody was faster a token is on its way.
func (s *Subscription[T]) rise() {
	s.mu.Lock()
	woken := !s.asleep
	s.asleep = false
	s.mu.Unlock()
	if woken {
		<-s.wake
	}
}

// claim takes the next value of the batch that was not dropped meanwhile: the
// consumer and a publisher that makes room move head, and a value belongs to
// the one who moved head over it.
func (s *Subscription[T]) claim() (v T, ok bool) {
	var zero T
	for s.next < len(s.batch) {
		i := s.next
		n := s.base + uint64(i)
		s.next++
		mine := s.head.CompareAndSwap(n, n+1)
		v, s.batch[i] = s.batch[i], zero
		if !mine {
			continue
		}
		if n+1 >= s.wakeAt.Load() {
			s.signalRoom()
		}
		if s.stamp != nil {
			v = s.stamped(v, n)
		}
		return v, true
	}
	return zero, false
}

// refill takes the next value from the ring, and as many as fit into the batch
// behind it. Without a value it returns the end of the stream, or marks the
// consumer as asleep.
func (s *Subscription[T]) refill() (v T, ok bool, err error) {
	s.mu.Lock()
	if s.waiting > 0 {
		s.passRoom() // who is woken looks when the lock is free, and finds it
	}
	n := min(s.tail-s.taken, batchSize)
	if n == 0 {
		err = s.over()
		if err == nil {
			s.asleep = true
			if s.wake == nil {
				s.wake = make(chan struct{}, 1)
			}
		}
		s.mu.Unlock()
		return v, false, err
	}
	first := s.look() // is taken too: the batch before is used up
	n = s.untilGap(first, n)
	v = s.ring.pop(first)
	s.fillBatch(first+1, int(n-1))
	s.taken += n
	s.head.Store(first + 1)
	if s.keyed != nil {
		s.carry += s.keyed.forget(first)
	}
	s.mu.Unlock()
	if s.stamp != nil {
		v = s.stamped(v, first)
	}
	return v, true, nil
}

// over returns what the consumer gets after the last value; nil while more may come.
func (s *Subscription[T]) over() error {
	switch {
	case s.closed:
		return ErrClosed
	case !s.ended:
		return nil
	case s.end != nil:
		return s.end
	default:
		return io.EOF
	}
}

func (s *Subscription[T]) fillBatch(from uint64, n int) {
	if cap(s.batch) < n {
		s.batch = make([]T, roundUp(uint64(n)))
	}
	s.batch, s.next, s.base = s.batch[:n], 0, from
	s.ring.take(s.batch, from)
}

// untilGap counts what is missing before number first and shortens the n values
// from there on so that nothing is missing between them.
func (s *Subscription[T]) untilGap(first, n uint64) uint64 {
	if s.keyed != nil {
		n = 1 // the others must stay where a newer value can replace them
	}
	for len(s.gaps) > 0 && s.gaps[0].at <= first {
		s.carry += s.gaps[0].n
		s.gaps = s.gaps[1:]
	}
	if len(s.gaps) > 0 {
		n = min(n, s.gaps[0].at-first)
	}
	return n
}

// stamped writes what was lost before v, which has number n, into it.
func (s *Subscription[T]) stamped(v T, n uint64) T {
	lost := s.carry + n - s.expect
	s.carry, s.expect = 0, n+1
	if lost == 0 {
		return v
	}
	return s.stamp(v, lost)
}
