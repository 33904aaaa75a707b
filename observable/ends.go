package observable

import (
	"context"
	"fmt"
)

// A ChanOption changes one thing about the channel that Chan returns.
type ChanOption func(*chanOptions)

type chanOptions struct{ buffer int }

// WithBuffer gives the channel room for n values. Default: 0, so that nothing is
// taken from the stream before it is wanted, but for one value in the hand. With
// room for some, say 128, a value costs a third.
func WithBuffer(n int) ChanOption {
	if n < 0 {
		panic(fmt.Sprintf("observable: WithBuffer(%d): give the number of values the channel may hold, 0 or more", n))
	}
	return func(o *chanOptions) { o.buffer = n }
}

// Chan runs the stream on a goroutine of its own and passes the values through a
// channel, for those who want to select. The channel is closed at the end; wait
// then tells why, as Run would have, and returns when the goroutine is gone.
// Leaving early is: cancel ctx, then call wait. Where a loop will do, All is ten
// times faster.
//
//	ch, wait := src.Chan(ctx)
//	for v := range ch {
//		use(v)
//	}
//	return wait()
func (o Observable[T]) Chan(ctx context.Context, opts ...ChanOption) (values <-chan T, wait func() error) {
	var set chanOptions
	for _, opt := range opts {
		opt(&set)
	}
	ch := make(chan T, set.buffer)
	gone := make(chan struct{})
	var end error
	go func() {
		defer close(gone)
		defer close(ch)
		end = o.toChan(ctx, ch)
	}()
	return ch, func() error {
		<-gone
		return end
	}
}

func (o Observable[T]) toChan(ctx context.Context, ch chan<- T) error {
	done := ctx.Done()
	cut := false
	err := o.Run(ctx, func(v T) bool {
		// Trying first spares the two-way select wherever there is room.
		select {
		case ch <- v:
			return true
		default:
		}
		select {
		case ch <- v:
			return true
		case <-done:
			cut = true
			return false
		}
	})
	if err == nil && cut {
		return context.Cause(ctx)
	}
	return err
}

// First returns the first value and leaves the stream. It returns ErrEmpty when
// the stream completed without one.
func (o Observable[T]) First(ctx context.Context) (T, error) {
	var first T
	found := false
	err := o.Run(ctx, func(v T) bool {
		first, found = v, true
		return false
	})
	switch {
	case found:
		ReportLate(ctx, err)
		return first, nil
	case err == nil:
		err = ErrEmpty
	}
	return first, err
}

// Last returns the last value of a stream that completes. It returns ErrEmpty
// when there was none, and the zero value with the error that ended the stream.
func (o Observable[T]) Last(ctx context.Context) (T, error) {
	var last, zero T
	found := false
	err := o.Run(ctx, func(v T) bool {
		last, found = v, true
		return true
	})
	switch {
	case err != nil:
		return zero, err
	case !found:
		return zero, ErrEmpty
	}
	return last, nil
}

// Collect returns all values of a stream that completes; with an error, those
// that came before it.
func (o Observable[T]) Collect(ctx context.Context) ([]T, error) {
	var all []T
	err := o.Run(ctx, func(v T) bool {
		all = append(all, v)
		return true
	})
	return all, err
}

// Count returns the number of values of a stream that completes; with an error,
// of those that came before it.
func (o Observable[T]) Count(ctx context.Context) (int, error) {
	n := 0
	err := o.Run(ctx, func(T) bool {
		n++
		return true
	})
	return n, err
}

// ForEach calls f for each value, on the calling goroutine. An error from f ends
// the stream and is returned as it is.
func (o Observable[T]) ForEach(ctx context.Context, f func(T) error) error {
	if f == nil {
		panic("observable: ForEach(nil): give the function to call for each value")
	}
	var failed error
	err := o.Run(ctx, func(v T) bool {
		failed = f(v)
		return failed == nil
	})
	if failed != nil {
		ReportLate(ctx, err)
		return failed
	}
	return err
}
