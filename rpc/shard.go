package rpc

import (
	"hash/maphash"
	"iter"
	"sync"
)

// A shard is one part of the table of calls, so that many callers need not wait
// for one another, and the counters of the calls that were in it. Calls with one
// place are linked by Pending.next: nothing is allocated for one. It fills a cache
// line of its own, as the array of them begins with one.
type shard struct {
	mu     sync.Mutex
	places []*Pending // a power of two of them; nil before the first call

	started, answered, failed, unanswered uint64
}

const (
	shardCount = 8
	fewPlaces  = 8       // a shard begins with them
	manyPlaces = 1 << 10 // what an empty one keeps at most
)

// seed is that of the hashes of ids. The lowest bits of one choose the shard, the
// next ones the place.
var seed = maphash.MakeSeed()

func hashOf(id string) uint32 { return uint32(maphash.String(seed, id)) }

// All methods need the lock.

func (s *shard) inFlight() int {
	return int(s.started - s.answered - s.failed - s.unanswered)
}

func (s *shard) place(hash uint32) **Pending {
	return &s.places[hash/shardCount&uint32(len(s.places)-1)]
}

// find returns the call with this id; nil when it is not in flight.
func (s *shard) find(hash uint32, id string) *Pending {
	if len(s.places) == 0 {
		return nil
	}
	p := *s.place(hash)
	for p != nil && (p.hash != hash || p.id != id) {
		p = p.next
	}
	return p
}

// add puts p in, whose id is not there, and counts it.
func (s *shard) add(p *Pending) {
	if s.inFlight() == len(s.places) {
		s.grow()
	}
	s.started++
	s.link(p)
}

func (s *shard) link(p *Pending) {
	at := s.place(p.hash)
	p.next, *at = *at, p
}

func (s *shard) grow() {
	calls := s.all()
	s.places = make([]*Pending, max(fewPlaces, 2*len(s.places)))
	for p := range calls {
		s.link(p)
	}
}

// remove takes p out, which is there, and counts its end.
func (s *shard) remove(p *Pending, end error) {
	at := s.place(p.hash)
	for *at != p {
		at = &(*at).next
	}
	*at, p.next = p.next, nil
	switch end.(type) {
	case nil:
		s.answered++
	case *Error:
		s.failed++
	default:
		s.unanswered++
	}
	if len(s.places) > manyPlaces && s.inFlight() == 0 {
		s.places = nil // it was a burst
	}
}

// all iterates over the calls that are there now. The body may link what it is
// given elsewhere.
func (s *shard) all() iter.Seq[*Pending] {
	places := s.places
	return func(yield func(*Pending) bool) {
		for _, p := range places {
			for p != nil {
				next := p.next
				if !yield(p) {
					return
				}
				p = next
			}
		}
	}
}
