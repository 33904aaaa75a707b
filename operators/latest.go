package operators

import (
	"context"
	"slices"
	"sync"

	"github.com/xcraft-go/xbus/observable"
)

// latest is the last value of one source of a combination. The lead owns it.
type latest[T any] struct {
	from <-chan T // nil when the source is complete
	v    T
	some bool // v is there: presence is never told from the value
}

func listen[T any](c *crew, src observable.Observable[T]) latest[T] {
	return latest[T]{from: feed(c, src)}
}

// take takes in what was received from the channel and says if it was a value.
func (l *latest[T]) take(v T, ok bool) bool {
	if !ok {
		l.from = nil
		return false
	}
	l.v, l.some = v, true
	return true
}

func (l *latest[T]) open() bool { return l.from != nil }

// CombineLatest emits f of the last values of its sources whenever one of them
// emits, as soon as each has emitted. It is complete when all are; an error of
// one ends it and stops the others.
//
// Each item is combined once, none is left out, and f runs where the stream
// runs. There is no promise about glitches: two sources that change together
// give two combinations, and the first pairs the new value of one with the old
// value of the other. Each source has a goroutine of its own.
func CombineLatest[A, B, R any](a observable.Observable[A], b observable.Observable[B], f func(A, B) R) observable.Observable[R] {
	need(f != nil, "CombineLatest", aFunction)
	return observable.New(func(ctx context.Context, yield func(R) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			x, y := listen(c, a), listen(c, b)
			for x.open() || y.open() {
				var fresh bool
				select {
				case v, ok := <-x.from:
					fresh = x.take(v, ok)
				case v, ok := <-y.from:
					fresh = y.take(v, ok)
				}
				if fresh && x.some && y.some && !yield(f(x.v, y.v)) {
					return true
				}
			}
			return false
		})
	})
}

// CombineLatest3 is [CombineLatest] of three sources.
func CombineLatest3[A, B, C, R any](a observable.Observable[A], b observable.Observable[B], c observable.Observable[C],
	f func(A, B, C) R) observable.Observable[R] {
	need(f != nil, "CombineLatest3", aFunction)
	return observable.New(func(ctx context.Context, yield func(R) bool) error {
		return gather(ctx, func(g *crew) (left bool) {
			x, y, z := listen(g, a), listen(g, b), listen(g, c)
			for x.open() || y.open() || z.open() {
				var fresh bool
				select {
				case v, ok := <-x.from:
					fresh = x.take(v, ok)
				case v, ok := <-y.from:
					fresh = y.take(v, ok)
				case v, ok := <-z.from:
					fresh = z.take(v, ok)
				}
				if fresh && x.some && y.some && z.some && !yield(f(x.v, y.v, z.v)) {
					return true
				}
			}
			return false
		})
	})
}

// CombineLatest4 is [CombineLatest] of four sources.
func CombineLatest4[A, B, C, D, R any](a observable.Observable[A], b observable.Observable[B], c observable.Observable[C],
	d observable.Observable[D], f func(A, B, C, D) R) observable.Observable[R] {
	need(f != nil, "CombineLatest4", aFunction)
	return observable.New(func(ctx context.Context, yield func(R) bool) error {
		return gather(ctx, func(g *crew) (left bool) {
			x, y, z, w := listen(g, a), listen(g, b), listen(g, c), listen(g, d)
			for x.open() || y.open() || z.open() || w.open() {
				var fresh bool
				select {
				case v, ok := <-x.from:
					fresh = x.take(v, ok)
				case v, ok := <-y.from:
					fresh = y.take(v, ok)
				case v, ok := <-z.from:
					fresh = z.take(v, ok)
				case v, ok := <-w.from:
					fresh = w.take(v, ok)
				}
				if fresh && x.some && y.some && z.some && w.some && !yield(f(x.v, y.v, z.v, w.v)) {
					return true
				}
			}
			return false
		})
	})
}

// CombineLatestAll is [CombineLatest] of any number of sources of one type. It
// emits the last values in the order of the sources, each time in a slice of
// its own. Of no sources it makes the empty stream.
func CombineLatestAll[T any](srcs []observable.Observable[T]) observable.Observable[[]T] {
	type numbered struct {
		source int
		v      T
	}
	tagged := make([]observable.Observable[numbered], len(srcs))
	for i, src := range srcs {
		tagged[i] = Map(src, func(v T) numbered { return numbered{i, v} })
	}
	return observable.New(func(ctx context.Context, yield func([]T) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			last, some, missing := make([]T, len(srcs)), make([]bool, len(srcs)), len(srcs)
			for it := range mergeAll(c, tagged) {
				if !some[it.source] {
					some[it.source] = true
					missing--
				}
				last[it.source] = it.v
				if missing == 0 && !yield(slices.Clone(last)) {
					return true
				}
			}
			return false
		})
	})
}

// WithLatestFrom emits f of each item of src and the last value of other. Items
// of src that come before other has emitted are dropped. It is complete when src
// is; when other completes, its last value stays. An error of either ends it.
//
// One goroutine runs other; src runs where the stream runs.
func WithLatestFrom[A, B, R any](src observable.Observable[A], other observable.Observable[B], f func(A, B) R) observable.Observable[R] {
	need(f != nil, "WithLatestFrom", aFunction)
	return observable.New(func(ctx context.Context, yield func(R) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			var mu sync.Mutex // guards last and some together
			var last B
			some := false
			c.branch(func(ctx context.Context) error {
				return other.Run(ctx, func(w B) bool {
					mu.Lock()
					defer mu.Unlock()
					last, some = w, true
					return true
				})
			}, func() {})
			c.settle(src.Run(c.ctx, func(v A) bool {
				if c.ending() {
					return false
				}
				mu.Lock()
				w, ok := last, some
				mu.Unlock()
				if !ok {
					return true
				}
				left = !yield(f(v, w))
				return !left
			}))
			return left
		})
	})
}

// Zip emits f of the first items of both sources, then of the second ones, and
// so on. The faster source waits for the slower one. It is complete, and the
// other source is stopped, when one is complete and all its items are paired.
// Each source has a goroutine of its own.
func Zip[A, B, R any](a observable.Observable[A], b observable.Observable[B], f func(A, B) R) observable.Observable[R] {
	need(f != nil, "Zip", aFunction)
	return observable.New(func(ctx context.Context, yield func(R) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			as, bs := feed(c, a), feed(c, b)
			for {
				x, y := latest[A]{from: as}, latest[B]{from: bs}
				for !x.some || !y.some {
					// A source whose item waits for its partner is not listened to.
					fromA, fromB := x.from, y.from
					if x.some {
						fromA = nil
					}
					if y.some {
						fromB = nil
					}
					select {
					case v, ok := <-fromA:
						if !x.take(v, ok) {
							return false
						}
					case v, ok := <-fromB:
						if !y.take(v, ok) {
							return false
						}
					}
				}
				if !yield(f(x.v, y.v)) {
					return true
				}
			}
		})
	})
}
