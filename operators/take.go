package operators

import (
	"context"

	"github.com/xcraft-go/xbus/observable"
)

// Take emits the first n items and is complete with the n-th: it does not wait
// for one more. Take(src, 0) is empty and does not run the source.
func Take[T any](src observable.Observable[T], n int) observable.Observable[T] {
	need(n >= 0, "Take", "the number of items to emit, 0 or more")
	if n == 0 {
		return observable.Observable[T]{}
	}
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		taken := 0
		err := src.Run(ctx, func(v T) bool {
			taken++
			return yield(v) && taken < n
		})
		return enough(ctx, taken >= n, err)
	})
}

// TakeWhile emits items as long as pred is true. The first for which it is
// false is not emitted, and the stream is complete with it.
func TakeWhile[T any](src observable.Observable[T], pred func(T) bool) observable.Observable[T] {
	need(pred != nil, "TakeWhile", aFunction)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		over := false
		err := src.Run(ctx, func(v T) bool {
			if over = !pred(v); over {
				return false
			}
			return yield(v)
		})
		return enough(ctx, over, err)
	})
}

// enough returns the end of a stream: that of its source, or nil when the
// operator had enough and stopped the source, whatever that said afterwards.
func enough(ctx context.Context, over bool, err error) error {
	if !over {
		return err
	}
	lateUnlessEcho(ctx, err)
	return nil
}

// TakeUntil emits the items of src until other emits something; then src is
// cancelled and the stream is complete. An error of other ends the stream with
// that error; if other only completes, nothing happens.
//
// One goroutine runs other; src runs where the stream runs.
func TakeUntil[T, U any](src observable.Observable[T], other observable.Observable[U]) observable.Observable[T] {
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			c.branch(func(ctx context.Context) error {
				return other.Run(ctx, func(U) bool {
					c.pull()
					return false
				})
			}, func() {})
			c.settle(src.Run(c.ctx, func(v T) bool {
				if c.ending() {
					return false
				}
				left = !yield(v)
				return !left
			}))
			return left
		})
	})
}
