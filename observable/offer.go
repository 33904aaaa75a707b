package observable

import "context"

// An Outcome says what became of a value that was offered to a subscription.
type Outcome uint8

const (
	Accepted   Outcome = iota // it is buffered
	Displaced                 // it is buffered, and an older one was dropped for it
	Rejected                  // it was dropped: there was no room, or it is larger than the byte limit
	Overflowed                // it was dropped, and that ended the subscription (FailOnOverflow)
	Cancelled                 // it was dropped: ctx was done before there was room (Block)
	Closed                    // the subscription is over; the value does not count as matched

	deferred // not an outcome: Block has to wait
)

// String names the outcome, as in "Accepted".
func (o Outcome) String() string {
	names := [...]string{"Accepted", "Displaced", "Rejected", "Overflowed", "Cancelled", "Closed"}
	if int(o) < len(names) {
		return names[o]
	}
	return "unknown outcome"
}

// Offer puts v into the subscription, by its policy. It never waits, except
// under Block, where ctx bounds the wait. A router may forget the subscription
// when the outcome is Overflowed or Closed.
func (s *Subscription[T]) Offer(ctx context.Context, v T) Outcome {
	size := 0
	if s.sizeOf != nil {
		size = max(0, s.sizeOf(v))
	}
	if s.keyed != nil {
		return s.keyed.put(s, v, size)
	}
	out := s.put(v, size)
	if out == deferred {
		return s.wait(ctx, v, size)
	}
	return out
}

// put buffers v without waiting.
func (s *Subscription[T]) put(v T, size int) Outcome {
	s.mu.Lock()
	if s.tail < s.open && !s.asleep {
		*s.ring.at(s.tail) = v
		s.tail++
		s.mu.Unlock()
		return Accepted
	}
	if s.asleep && len(s.gaps) == 0 && size <= s.byteLimit {
		s.hand(v, size)
		s.mu.Unlock()
		s.wake <- struct{}{} // there is room: one token per sleep
		return Accepted
	}
	out := s.putSlow(v, size)
	s.unlockAndWake()
	return out
}

// hand puts v straight into the batch of the consumer, who is asleep: it need
// not take the lock when it wakes, and an idle subscription needs no ring.
func (s *Subscription[T]) hand(v T, size int) {
	s.asleep = false
	s.batch, s.next, s.base = append(s.batch[:0], v), 0, s.tail
	if s.sizeOf != nil {
		s.look()
		s.sizes.add(s.tail, size, s.limit)
	}
	s.tail++
	s.taken = s.tail
}

// putSlow is for the values for which there is something to look at.
func (s *Subscription[T]) putSlow(v T, size int) (out Outcome) {
	switch {
	case s.ended:
		return Closed
	case s.waiting > 0 && size <= s.byteLimit:
		return deferred // those who wait were here first
	case s.full(size):
		if out = s.overflow(size); out > Displaced {
			return out
		}
	}
	s.append(v, size)
	return out
}

// append gives v the next number; there is room.
func (s *Subscription[T]) append(v T, size int) {
	if s.tail-s.taken >= s.ring.len() {
		s.ring = s.ring.grown(s.taken, s.tail, s.limit)
	}
	*s.ring.at(s.tail) = v
	if s.sizeOf != nil {
		s.sizes.add(s.tail, size, s.limit)
	}
	s.tail++
	s.reckon()
}

// reckon sets how far tail may go before the next look: as long as there is a
// slot, no limit is reached, and no size or key counts.
func (s *Subscription[T]) reckon() {
	s.open = 0
	if !s.ended && s.waiting == 0 && s.plain {
		s.open = min(s.seen+s.limit, s.taken+s.ring.len())
	}
}

// full tells whether there is no room for one more value of that size.
func (s *Subscription[T]) full(size int) bool {
	if s.tail-s.seen >= s.limit && s.tail-s.look() >= s.limit {
		return true
	}
	if s.sizes.sum+size <= s.byteLimit {
		return false
	}
	s.look()
	return s.sizes.sum+size > s.byteLimit
}

// look learns how far the consumer is.
func (s *Subscription[T]) look() uint64 {
	s.seen = s.head.Load()
	s.high = max(s.high, s.tail-s.seen)
	if s.sizeOf != nil {
		s.sizes.forgetTo(s.seen)
	}
	return s.seen
}

// unlockAndWake leaves the lock after something has changed for the consumer.
func (s *Subscription[T]) unlockAndWake() {
	wake := s.asleep
	s.asleep = false
	s.mu.Unlock()
	if wake {
		s.wake <- struct{}{} // there is room: one token per sleep
	}
}

// Finish ends the subscription from the publisher's side: the consumer still
// gets what is buffered and then err, or completion when err is nil. Only the
// first end counts.
func (s *Subscription[T]) Finish(err error) {
	s.mu.Lock()
	s.finish(err)
	s.unlockAndWake()
}

// finish wakes the publishers that wait; they find that it ended.
func (s *Subscription[T]) finish(err error) {
	if s.ended {
		return
	}
	s.ended, s.end = true, err
	s.reckon()
	if s.done != nil {
		close(s.done)
	}
	if s.waiting > 0 {
		s.passRoom()
	}
}

// OnClose has f called once when the consumer closes the subscription or leaves
// it, on the goroutine that closed it and outside of locks; at once when that
// has happened. A router takes the subscription out of its tables in it.
func (s *Subscription[T]) OnClose(f func()) {
	if f == nil {
		panic("observable: OnClose(nil): give the function to call")
	}
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.leave = append(s.leave, f)
	}
	s.mu.Unlock()
	if closed {
		f()
	}
}
