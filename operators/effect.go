package operators

import (
	"context"
	"errors"

	"github.com/xcraft-go/xbus/observable"
)

// Tap calls f with each item before it goes on.
func Tap[T any](src observable.Observable[T], f func(T)) observable.Observable[T] {
	need(f != nil, "Tap", aFunction)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		return src.Run(ctx, func(v T) bool {
			f(v)
			return yield(v)
		})
	})
}

// What [OnEnd] tells when there is no error to tell.
var (
	// ErrLeft: the consumer has left before the end.
	ErrLeft = errors.New("operators: the consumer left")

	// ErrPanicked: a panic, or a runtime.Goexit, passes through the stream.
	ErrPanicked = errors.New("operators: the stream panicked")
)

// OnEnd calls f exactly once in each run, when the source has ended: with nil
// when it is complete, with the error that it ended with, with the cause of the
// cancellation, with [ErrLeft] or with [ErrPanicked].
func OnEnd[T any](src observable.Observable[T], f func(error)) observable.Observable[T] {
	need(f != nil, "OnEnd", aFunction)
	return observable.New(func(ctx context.Context, yield func(T) bool) (err error) {
		end := ErrPanicked
		defer func() { f(end) }()
		left := false
		err = src.Run(ctx, func(v T) bool {
			left = !yield(v)
			return !left
		})
		if end = err; left && err == nil {
			end = ErrLeft
		}
		return err
	})
}
