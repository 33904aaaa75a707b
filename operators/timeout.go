package operators

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// ErrTimeout is the reason for which [Timeout] ends a stream. It is also a
// context.DeadlineExceeded to errors.Is.
var ErrTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string { return "operators: time-out" }
func (timeoutError) Unwrap() error { return context.DeadlineExceeded }
func (timeoutError) Timeout() bool { return true }

// Timeout ends the stream with [ErrTimeout], and cancels the source, when the
// first item has not come within first, or a later one (or the end) within each
// after the one before it. 0 means no limit.
//
// The clock stands still while the consumer works on an item: only the source
// is measured. It runs where the stream runs, beside one timer.
func Timeout[T any](src observable.Observable[T], first, each time.Duration) observable.Observable[T] {
	need(first >= 0 && each >= 0, "Timeout", "durations, 0 for no limit")
	need(first > 0 || each > 0, "Timeout", "a limit for the first item, for each one after it, or both")
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		source := newLeash(ctx)
		defer source.pull()
		clock := alarm{leash: &source, fired: make(chan struct{})}
		defer clock.stop()

		limit, left, cut := first, false, false
		clock.start(limit)
		err := src.Run(source.ctx, func(v T) bool {
			if cut = !clock.stop(); cut {
				return false
			}
			if left = !yield(v); left {
				return false
			}
			limit = each
			clock.start(limit)
			return true
		})

		rang := !clock.stop()
		switch {
		case left:
			lateUnlessEcho(source.ctx, err)
			return nil
		case !rang, err == nil && !cut: // the end came in time
			return err
		case source.cause() != nil: // ctx was done before the alarm rang
			return source.cause()
		}
		return overdue(&source, limit, err)
	})
}

// overdue returns the error of a stream that did not keep a limit, joined with
// what the source said when it was cancelled for it.
func overdue(source *leash, limit time.Duration, err error) error {
	timeout := fmt.Errorf("%w: no item for %v", ErrTimeout, limit)
	if err == nil || source.echoes(err) {
		return timeout
	}
	return errors.Join(timeout, err)
}

// alarm pulls a leash after some time. It can be stopped and started again
// until it has rung. All of it belongs to the goroutine of the stream.
type alarm struct {
	*leash
	timer *time.Timer   // nil until the first start
	fired chan struct{} // closed when the alarm has rung
	runs  bool
	rang  bool
}

// start lets the alarm ring in d, or not at all when d is 0.
func (a *alarm) start(d time.Duration) {
	switch {
	case d == 0:
		return
	case a.timer == nil:
		a.timer = time.AfterFunc(d, func() {
			a.pull()
			close(a.fired)
		})
	default:
		a.timer.Reset(d)
	}
	a.runs = true
}

// stop returns true when the alarm has not rung, and then it will not.
func (a *alarm) stop() bool {
	if a.runs {
		a.runs = false
		if a.rang = !a.timer.Stop(); a.rang {
			<-a.fired // the goroutine of the timer is through
		}
	}
	return !a.rang
}
