package observable

import (
	"context"
	"iter"
)

// An Observable is a recipe for a stream of values: each run is a subscription
// of its own. It is a value: copy it, keep it, run it as often as you like and
// from as many goroutines as you like. The zero Observable is the empty stream.
type Observable[T any] struct {
	run   func(ctx context.Context, yield func(T) bool) error
	steps []step[T] // that each value goes through; see fuse.go
}

// New makes an Observable of a function that pushes values into yield, on the
// goroutine that called it, until the stream is over:
//
//   - it returns nil when the stream is complete, or at once after yield has
//     returned false (the consumer has left);
//   - it returns the error that ends the stream, once, as it is;
//   - it returns context.Cause(ctx) soon after ctx is done, also while it
//     waits for something;
//   - it never calls yield from two goroutines at a time, nor after it returned.
//
// New panics when run is nil.
func New[T any](run func(ctx context.Context, yield func(T) bool) error) Observable[T] {
	if run == nil {
		panic("observable: New(nil): give the function that makes the stream")
	}
	return Observable[T]{run: run}
}

// Run runs the stream on the calling goroutine and returns when it is over: nil
// when it completed or when yield returned false, else the error that ended it.
func (o Observable[T]) Run(ctx context.Context, yield func(T) bool) error {
	if o.run == nil {
		return nil
	}
	if len(o.steps) > 0 {
		yield = through(o.steps, yield)
	}
	return o.run(ctx, yield)
}

// All runs the stream as a loop, on the calling goroutine:
//
//	for v, err := range o.All(ctx) {
//		if err != nil {
//			return err
//		}
//		use(v)
//	}
//
// The error, if any, comes once and last, with the zero value. Leaving the loop
// ends the run; an error that comes of leaving goes to OnLateError. It is the
// fast way to consume a stream: no goroutine, no channel.
func (o Observable[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		left := false
		err := o.Run(ctx, func(v T) bool {
			left = !yield(v, nil)
			return !left
		})
		if left {
			ReportLate(ctx, err)
		} else if err != nil {
			var zero T
			yield(zero, err)
		}
	}
}
