package observable

// A keyedQueue is the part of a subscription under ConflateBy that knows the
// type of the key.
type keyedQueue[T any] interface {
	// put is Offer. It calls the key function before it takes the lock.
	put(s *Subscription[T], v T, size int) Outcome
	// forget is called, under the lock, for a number that leaves the queue. It
	// returns how many values the one that leaves has replaced.
	forget(n uint64) uint64
}

type keyedValues[T any, K comparable] struct {
	key    func(T) K
	number map[K]uint64       // where the value of a key waits
	waits  map[uint64]kept[K] // by number
}

type kept[K comparable] struct {
	key      K
	replaced uint64
}

func newKeyedQueue[T any, K comparable](key func(T) K) keyedQueue[T] {
	return &keyedValues[T, K]{key: key, number: map[K]uint64{}, waits: map[uint64]kept[K]{}}
}

func (q *keyedValues[T, K]) put(s *Subscription[T], v T, size int) Outcome {
	k := q.key(v)
	s.mu.Lock()
	defer s.unlockAndWake()
	if s.ended {
		return Closed
	}
	if size > s.byteLimit {
		s.lose(1)
		return Rejected
	}
	if n, ok := q.number[k]; ok {
		q.replace(s, n, v, size)
		return Displaced
	}
	dropped := uint64(0)
	for s.full(size) {
		dropped += q.dropFirst(s)
	}
	n := s.tail
	s.append(v, size)
	q.number[k], q.waits[n] = n, kept[K]{key: k}
	if dropped > 0 {
		s.lost(dropped, dropped, s.tail)
		return Displaced
	}
	return Accepted
}

// replace puts v in the place of the value that waits under number n.
func (q *keyedValues[T, K]) replace(s *Subscription[T], n uint64, v T, size int) {
	*s.ring.at(n) = v
	if s.sizeOf != nil {
		s.sizes.change(n, size)
	}
	e := q.waits[n]
	e.replaced++
	q.waits[n] = e
	s.unplaced++
	dropped := uint64(0)
	for s.look(); s.sizes.sum > s.byteLimit; {
		dropped += q.dropFirst(s)
	}
	s.lost(1+dropped, dropped, s.tail)
}

// dropFirst drops the key that has waited longest. The consumer takes values
// under the lock here, so head stands still.
func (q *keyedValues[T, K]) dropFirst(s *Subscription[T]) uint64 {
	n := s.look()
	replaced := q.forget(n)
	s.dropFirst()
	if replaced > 0 && s.stamp != nil {
		s.addGap(n+1, replaced)
	}
	return 1
}

func (q *keyedValues[T, K]) forget(n uint64) uint64 {
	e := q.waits[n]
	delete(q.waits, n)
	delete(q.number, e.key)
	return e.replaced
}
