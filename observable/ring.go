package observable

import "math/bits"

const (
	firstRing = 8  // slots of a ring that is used for the first time
	batchSize = 16 // values a consumer takes in one visit: more would only crowd the cache
)

// A ring holds the values of one subscription by their number: value n is in
// slot n modulo the length, which is a power of two and doubles on demand. Its
// owner knows which numbers are in it.
type ring[T any] []T

func (r ring[T]) len() uint64 { return uint64(len(r)) }

func (r ring[T]) at(n uint64) *T { return &r[n&uint64(len(r)-1)] }

// pop returns value n and forgets it.
func (r ring[T]) pop(n uint64) T {
	var zero T
	p := r.at(n)
	v := *p
	*p = zero
	return v
}

// grown returns a ring of twice the length, but no longer than limit needs, with
// the values from..to-1 in it.
func (r ring[T]) grown(from, to, limit uint64) ring[T] {
	bigger := make(ring[T], max(2*r.len(), min(firstRing, roundUp(limit))))
	for ; from < to; from++ {
		*bigger.at(from) = *r.at(from)
	}
	return bigger
}

// take moves the values from, from+1, … into dst and forgets them.
func (r ring[T]) take(dst []T, from uint64) {
	for len(dst) > 0 {
		i := int(from & (r.len() - 1))
		n := copy(dst, r[i:])
		clear(r[i : i+n])
		dst, from = dst[n:], from+uint64(n)
	}
}

func roundUp(n uint64) uint64 {
	if n <= 1 {
		return 1
	}
	return 1 << bits.Len64(n-1)
}

// sizes keeps the account of the bytes that wait.
type sizes struct {
	of   ring[int] // by number
	from uint64    // all before have been taken off the account
	to   uint64
	sum  int
}

func (z *sizes) add(n uint64, size int, limit uint64) {
	if n-z.from >= z.of.len() {
		z.of = z.of.grown(z.from, n, limit)
	}
	*z.of.at(n) = size
	z.sum += size
	z.to = n + 1
}

func (z *sizes) change(n uint64, size int) {
	z.sum += size - *z.of.at(n)
	*z.of.at(n) = size
}

// forgetTo takes all before number n off the account.
func (z *sizes) forgetTo(n uint64) {
	for ; z.from < n && z.from < z.to; z.from++ {
		z.sum -= *z.of.at(z.from)
	}
	z.from = n
}
