package observable

import "math/bits"

const (
	firstRing = 8  // slots of a ring that is used for the first time
	batchSize = 64 // values a consumer takes in one visit
)

// A ring holds the values of one subscription by their number: value n is in
// slot n modulo the length, which is a power of two and doubles on demand. Its
// owner knows which numbers are in it.
type ring[T any] struct {
	slots []T
	sizes []int // bytes of each value; nil when sizes are not counted
}

func (r *ring[T]) len() uint64 { return uint64(len(r.slots)) }

func (r *ring[T]) at(n uint64) *T { return &r.slots[n&(r.len()-1)] }

func (r *ring[T]) sizeAt(n uint64) *int { return &r.sizes[n&(r.len()-1)] }

// grow doubles the ring, which holds the values from..to-1, but not beyond what limit needs.
func (r *ring[T]) grow(from, to, limit uint64, sized bool) {
	n := max(2*r.len(), min(firstRing, roundUp(limit)))
	old := *r
	r.slots = make([]T, n)
	if sized {
		r.sizes = make([]int, n)
	}
	for i := from; i < to; i++ {
		*r.at(i) = *old.at(i)
		if sized {
			*r.sizeAt(i) = *old.sizeAt(i)
		}
	}
}

// take moves the values from, from+1, … into dst and forgets them.
func (r *ring[T]) take(dst []T, from uint64) {
	for len(dst) > 0 {
		i := int(from & (r.len() - 1))
		n := copy(dst, r.slots[i:])
		clear(r.slots[i : i+n])
		dst, from = dst[n:], from+uint64(n)
	}
}

// forget drops the references held by the values from..to-1.
func (r *ring[T]) forget(from, to uint64) {
	var zero T
	for ; from < to; from++ {
		*r.at(from) = zero
	}
}

func roundUp(n uint64) uint64 {
	if n <= 1 {
		return 1
	}
	return 1 << bits.Len64(n-1)
}
