package operators

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/xcraft-go/xbus/observable"
)

// Merge emits the items of all sources as they come. The order within each
// source is kept; between sources there is none. It is complete when all are.
// The first error stops the others, and what they fail with meanwhile is joined
// to it.
//
// All sources are started, each on a goroutine of its own, before the first
// item is emitted; an item waits for the consumer while its source waits for
// the item. A source that must not miss an event has to be subscribed before.
func Merge[T any](srcs ...observable.Observable[T]) observable.Observable[T] {
	srcs = slices.Clone(srcs)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			for v := range mergeAll(c, srcs) {
				if !yield(v) {
					return true
				}
			}
			return false
		})
	})
}

// mergeAll runs each source in a branch. The channel is closed with the last.
func mergeAll[T any](c *crew, srcs []observable.Observable[T]) <-chan T {
	to := make(chan T)
	var running atomic.Int64
	running.Store(int64(len(srcs)))
	for _, src := range srcs {
		c.branch(pump(c, src, to), func() {
			if running.Add(-1) == 0 {
				close(to)
			}
		})
	}
	if len(srcs) == 0 {
		close(to)
	}
	return to
}

// Concat runs the sources one after the other, on the goroutine that runs the
// stream. The first error ends it; what comes after is then never started.
func Concat[T any](srcs ...observable.Observable[T]) observable.Observable[T] {
	srcs = slices.Clone(srcs)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		left := false
		for _, src := range srcs {
			err := src.Run(ctx, func(v T) bool {
				left = !yield(v)
				return !left
			})
			if err != nil || left {
				return err
			}
		}
		return nil
	})
}

// StartWith emits the values, then the items of src.
func StartWith[T any](src observable.Observable[T], values ...T) observable.Observable[T] {
	return Concat(each(values), src)
}

// EndWith emits the items of src and, when it is complete, the values. After an
// error they are not emitted.
func EndWith[T any](src observable.Observable[T], values ...T) observable.Observable[T] {
	return Concat(src, each(values))
}

// each emits the values of a slice that it keeps.
func each[T any](values []T) observable.Observable[T] {
	values = slices.Clone(values)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		for _, v := range values {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !yield(v) {
				return nil
			}
		}
		return nil
	})
}

// Race goes with the source that is first to emit, to complete or to fail, and
// stops the others. Each source runs on a goroutine of its own. Without any
// source it is empty.
func Race[T any](srcs ...observable.Observable[T]) observable.Observable[T] {
	srcs = slices.Clone(srcs)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			r := &race{leashes: make([]leash, len(srcs))}
			for i := range srcs {
				r.leashes[i] = newLeash(c.ctx)
			}
			entrants := make([]observable.Observable[T], len(srcs))
			for i, src := range srcs {
				entrants[i] = entrant(r, i, src)
			}
			for v := range mergeAll(c, entrants) {
				if !yield(v) {
					return true
				}
			}
			return false
		})
	})
}

// race is the state of one run of [Race].
type race struct {
	leashes []leash      // one for each source
	winner  atomic.Int64 // index of a source + 1; 0 while there is none
}

// wins says that source i has won, now or before, and stops the others if now.
func (r *race) wins(i int) bool {
	if r.winner.CompareAndSwap(0, int64(i)+1) {
		for j := range r.leashes {
			if j != i {
				r.leashes[j].pull()
			}
		}
	}
	return r.winner.Load() == int64(i)+1
}

// entrant is source i as long as nobody else has won; then it is empty.
func entrant[T any](r *race, i int, src observable.Observable[T]) observable.Observable[T] {
	return observable.New(func(_ context.Context, yield func(T) bool) error {
		own := &r.leashes[i]
		defer own.pull()
		err := src.Run(own.ctx, func(v T) bool { return r.wins(i) && yield(v) })
		if !r.wins(i) {
			lateUnlessEcho(own.ctx, err)
			return nil
		}
		return err
	})
}
