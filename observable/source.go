package observable

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"time"
)

// Of is the stream of the given values. Each run has all of them.
func Of[T any](values ...T) Observable[T] {
	return New(func(ctx context.Context, yield func(T) bool) error {
		cancellable := ctx.Done() != nil
		for _, v := range values {
			if cancellable && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !yield(v) {
				return nil
			}
		}
		return nil
	})
}

// FromSeq is the stream of the values of seq, which is ranged over anew by each
// run: if it can be ranged over only once, so can the stream be run.
func FromSeq[T any](seq iter.Seq[T]) Observable[T] {
	if seq == nil {
		panic("observable: FromSeq(nil): give the sequence to range over")
	}
	return New(func(ctx context.Context, yield func(T) bool) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		cancellable := ctx.Done() != nil
		for v := range seq {
			if cancellable && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !yield(v) {
				return nil
			}
		}
		return nil
	})
}

// FromChan is the stream of what is received from ch, complete when ch is
// closed. It adds no queue of its own.
//
// A channel gives each value once, so runs that go on at the same time compete:
// each value reaches one of them. To give all values to all, put Share around
// it. A run that begins after another has seen the channel closed fails with a
// *OneShotError, for it would look like an empty stream.
func FromChan[T any](ch <-chan T) Observable[T] {
	if ch == nil {
		panic("observable: FromChan(nil): give the channel to receive from, or use Never")
	}
	used := new(atomic.Bool)
	return New(func(ctx context.Context, yield func(T) bool) error {
		if used.Load() {
			return &OneShotError{Source: "FromChan", Advice: "its channel was closed and read to the end; make a new one, or put Share around it"}
		}
		done := ctx.Done()
		for {
			if done != nil && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			select {
			case v, ok := <-ch:
				if !ok {
					used.Store(true)
					return nil
				}
				if !yield(v) {
					return nil
				}
			case <-done:
				return context.Cause(ctx)
			}
		}
	})
}

// Never is the stream that gives nothing and ends only with its context.
func Never[T any]() Observable[T] {
	return New(func(ctx context.Context, _ func(T) bool) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
}

// Fail is the stream that gives nothing and ends with err at once.
func Fail[T any](err error) Observable[T] {
	if err == nil {
		panic("observable: Fail(nil): give the error, or use the zero Observable for a stream that completes")
	}
	return New(func(ctx context.Context, _ func(T) bool) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	})
}

// Defer calls make at each run and runs what it returns: for streams that
// depend on the moment at which they begin.
func Defer[T any](make func() Observable[T]) Observable[T] {
	if make == nil {
		panic("observable: Defer(nil): give the function that makes the stream")
	}
	return New(func(ctx context.Context, yield func(T) bool) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return make().Run(ctx, yield)
	})
}

// Interval gives 0, 1, 2, … every d, the first after d. While the consumer is
// busy one tick waits for it and the others are skipped: the numbers have no gap,
// the time has.
func Interval(d time.Duration) Observable[int] {
	if d <= 0 {
		panic(fmt.Sprintf("observable: Interval(%v): give a duration above 0", d))
	}
	return New(func(ctx context.Context, yield func(int) bool) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		ticker := time.NewTicker(d)
		defer ticker.Stop()
		for n := 0; ; n++ {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !yield(n) {
				return nil
			}
		}
	})
}

// Timer gives one value, the time at which it is given, after d, and completes.
func Timer(d time.Duration) Observable[time.Time] {
	return New(func(ctx context.Context, yield func(time.Time) bool) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case now := <-timer.C:
			yield(now)
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}
