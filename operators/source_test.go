package operators_test

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// A script is a source that does what a test wants and keeps the contract of
// observable.New while it does. Each run plays it from the beginning.
type script struct {
	items  []any
	gap    time.Duration // before each item and before the end
	err    error         // the end
	hangs  bool          // no end
	panics any           // instead of the end
	late   error         // returned instead of nil or the cause when it is stopped

	runs, open atomic.Int32
}

// numbers is the script of n items, 0 to n-1, one every 10 ms.
func numbers(n int) *script {
	s := &script{gap: 10 * time.Millisecond}
	for i := range n {
		s.items = append(s.items, i)
	}
	return s
}

func (s *script) stream() observable.Observable[any] {
	return observable.New(func(ctx context.Context, yield func(any) bool) error {
		s.runs.Add(1)
		s.open.Add(1)
		defer s.open.Add(-1)
		for _, v := range s.items {
			if !sleep(ctx, s.gap) {
				return s.stopped(context.Cause(ctx))
			}
			if !yield(v) {
				return s.stopped(nil)
			}
		}
		switch {
		case s.hangs:
			<-ctx.Done()
			return s.stopped(context.Cause(ctx))
		case !sleep(ctx, s.gap):
			return s.stopped(context.Cause(ctx))
		case s.panics != nil:
			panic(s.panics)
		}
		return s.err
	})
}

func (s *script) stopped(otherwise error) error {
	if s.late != nil {
		return s.late
	}
	return otherwise
}

// sleep waits for d, or returns false when ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// every emits 0, 1, 2, … n-1, one every d; without end when n is below 0.
func every(d time.Duration, n int) observable.Observable[any] {
	return observable.New(func(ctx context.Context, yield func(any) bool) error {
		for i := 0; i != n; i++ {
			if !sleep(ctx, d) {
				return context.Cause(ctx)
			}
			if !yield(i) {
				return nil
			}
		}
		return nil
	})
}

// count emits 0, 1, 2, … n-1 as fast as it is asked; without end when n is
// below 0.
func count(n int) observable.Observable[int] {
	return observable.New(func(ctx context.Context, yield func(int) bool) error {
		for i := 0; i != n; i++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !yield(i) {
				return nil
			}
		}
		return nil
	})
}

func never() observable.Observable[any] { return observable.Never[any]() }

func of(values ...any) observable.Observable[any] { return observable.Of(values...) }
