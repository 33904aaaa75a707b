package operators

import (
	"context"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// delayed is how many items [Delay] keeps.
const delayed = 1024

// Delay emits each item d after it came, in the same order and at the same
// distances, and is complete after the last of them. An error is not delayed:
// it ends the stream at once, and the items that wait are dropped.
//
// At most 1024 items wait; then the source does. One goroutine runs src, one
// timer runs while items wait.
func Delay[T any](src observable.Observable[T], d time.Duration) observable.Observable[T] {
	need(d >= 0, "Delay", "a duration, 0 or more")
	type due struct {
		v  T
		at time.Time
	}
	stamped := Map(src, func(v T) due { return due{v, time.Now().Add(d)} })
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			timer := idleTimer()
			defer timer.Stop()
			var queue []due
			for from := feed(c, stamped); from != nil || len(queue) > 0; {
				in := from
				if len(queue) == delayed {
					in = nil
				}
				select {
				case it, ok := <-in:
					switch {
					case ok:
						if queue = append(queue, it); len(queue) == 1 {
							timer.Reset(time.Until(it.at))
						}
					case c.clean():
						from = nil
					default:
						return false
					}
				case <-timer.C:
					it := queue[0]
					queue[0] = due{}
					if queue = queue[1:]; len(queue) > 0 {
						timer.Reset(time.Until(queue[0].at))
					}
					if !yield(it.v) {
						return true
					}
				case <-c.ctx.Done():
					c.cutOff()
					return false
				}
			}
			return false
		})
	})
}

// DelayEach waits d before it emits an item; meanwhile the source waits too. It
// needs no goroutine.
func DelayEach[T any](src observable.Observable[T], d time.Duration) observable.Observable[T] {
	need(d >= 0, "DelayEach", "a duration, 0 or more")
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		timer := idleTimer()
		defer timer.Stop()
		var failed error
		err := src.Run(ctx, func(v T) bool {
			if failed = pause(ctx, timer, d); failed != nil {
				return false
			}
			return yield(v)
		})
		return firstThen(ctx, failed, err)
	})
}

// pause waits for d on a timer that does not run, or until ctx is done.
func pause(ctx context.Context, timer *time.Timer, d time.Duration) error {
	timer.Reset(d)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		timer.Stop()
		return context.Cause(ctx)
	}
}
