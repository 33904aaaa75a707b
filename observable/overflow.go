package observable

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// overflow applies the policy to a value that does not fit. Displaced means that
// it fits now.
func (s *Subscription[T]) overflow(size int) Outcome {
	switch s.policy.kind {
	case failOnOverflow:
		s.unplaced++
		s.finish(s.overflowError())
		return Overflowed
	case dropNewest:
		s.lose(1)
		return Rejected
	}
	if size > s.byteLimit {
		s.lose(1)
		return Rejected
	}
	if s.policy.kind == block {
		return deferred
	}
	n := uint64(0)
	for s.full(size) {
		if s.dropFirst() {
			n++
		}
	}
	if n == 0 {
		return Accepted // the consumer made room meanwhile
	}
	s.lost(n, n, s.tail+1) // the value that follows has this number
	return Displaced
}

// dropFirst drops the value that has waited longest, unless the consumer took it just now.
func (s *Subscription[T]) dropFirst() bool {
	h := s.look()
	if h == s.tail || !s.head.CompareAndSwap(h, h+1) {
		return false
	}
	s.displaced++
	if h == s.taken {
		s.ring.pop(h)
		s.taken++
	}
	s.look()
	return true
}

func (s *Subscription[T]) overflowError() error {
	e := &OverflowError{Buffered: int(s.tail - s.look()), Limit: int(s.limit)}
	if s.sizeOf != nil {
		e.BufferedBytes, e.ByteLimit = s.sizes.sum, s.byteLimit
	}
	return e
}

// lose counts n values that never got a number.
func (s *Subscription[T]) lose(n uint64) {
	s.unplaced += n
	s.lost(n, 0, s.tail)
	if s.stamp == nil {
		return
	}
	s.addGap(s.tail, n)
}

// addGap notes, for the stamp, that n values are missing before number at.
func (s *Subscription[T]) addGap(at, n uint64) {
	i, found := slices.BinarySearchFunc(s.gaps, at, func(g gap, at uint64) int { return cmp.Compare(g.at, at) })
	if found {
		s.gaps[i].n += n
		return
	}
	s.gaps = slices.Insert(s.gaps, i, gap{at: at, n: n})
}

// wait puts v as soon as there is room, and after those who wait already.
func (s *Subscription[T]) wait(ctx context.Context, v T, size int) Outcome {
	s.mu.Lock()
	turn := s.waiting == 0
	s.waiting++
	s.reckon()
	if s.room == nil {
		s.room = make(chan struct{}, 1)
	}
	for !s.ended && (!turn || s.full(size)) {
		s.wakeAt.Store(s.seen + s.enoughRoom())
		if s.look() >= s.wakeAt.Load() {
			continue // the consumer moved on before it could know
		}
		s.mu.Unlock()
		select {
		case <-s.room:
			turn = true
			s.mu.Lock()
		case <-ctx.Done():
			s.mu.Lock()
			s.waited()
			return s.settleWait(Cancelled)
		}
	}
	s.waited()
	if s.ended {
		return s.settleWait(Closed)
	}
	s.append(v, size)
	return s.settleWait(Accepted)
}

// enoughRoom is how far the consumer must come before it is worth waking a
// publisher: a wake for each value would cost more than the value. One that goes
// for more wakes it in any case.
func (s *Subscription[T]) enoughRoom() uint64 {
	if s.sizeOf != nil {
		return 1
	}
	return max(1, s.limit/8)
}

// waited ends one wait for room and lets the next one look.
func (s *Subscription[T]) waited() {
	if s.waiting--; s.waiting > 0 {
		s.passRoom()
	} else {
		s.wakeAt.Store(math.MaxUint64)
		s.reckon()
	}
}

// settleWait leaves the lock.
func (s *Subscription[T]) settleWait(out Outcome) Outcome {
	if out == Cancelled && s.ended {
		out = Closed
	}
	if out == Cancelled {
		s.lose(1)
	}
	s.unlockAndWake()
	return out
}

func (s *Subscription[T]) signalRoom() {
	s.mu.Lock()
	if s.waiting > 0 {
		s.passRoom()
	}
	s.mu.Unlock()
}

// passRoom wakes one publisher that waits.
func (s *Subscription[T]) passRoom() {
	s.wakeAt.Store(math.MaxUint64)
	select {
	case s.room <- struct{}{}:
	default:
	}
}
