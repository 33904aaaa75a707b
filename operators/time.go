package operators

import (
	"context"
	"math"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// idleTimer returns a timer that does not run until it is reset.
func idleTimer() *time.Timer {
	t := time.NewTimer(math.MaxInt64)
	t.Stop()
	return t
}

// held is the item that waits for its time, in operators that emit the latest
// of several.
type held[T any] struct {
	v    T
	some bool
}

func (h *held[T]) put(v T) { h.v, h.some = v, true }

func (h *held[T]) take() T {
	v := h.v
	*h = held[T]{}
	return v
}

// flush emits what is held when the source is complete, and drops it when the
// source has failed or was cancelled.
func flush[T any](c *crew, h *held[T], yield func(T) bool) (left bool) {
	return h.some && c.clean() && !yield(h.take())
}

// Debounce emits an item when d has passed without another one: the last of
// each flurry. When the source completes, the item that waits is emitted at
// once; when it fails, that item is dropped.
//
// One goroutine runs src, one timer runs while an item waits.
func Debounce[T any](src observable.Observable[T], d time.Duration) observable.Observable[T] {
	needPositive(d, "Debounce")
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			timer := idleTimer()
			defer timer.Stop()
			var wait held[T]
			from := feed(c, src)
			for {
				select {
				case v, ok := <-from:
					if !ok {
						return flush(c, &wait, yield)
					}
					wait.put(v)
					timer.Reset(d)
				case <-timer.C:
					if !yield(wait.take()) {
						return true
					}
				}
			}
		})
	})
}

// Sample emits, every d, the latest item, if one has come since the last time.
// When the source completes, an item that waits is emitted at once; when it
// fails, that item is dropped.
//
// One goroutine runs src, one timer runs while an item waits.
func Sample[T any](src observable.Observable[T], d time.Duration) observable.Observable[T] {
	needPositive(d, "Sample")
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			timer := idleTimer()
			defer timer.Stop()
			began := time.Now()
			var wait held[T]
			from := feed(c, src)
			for {
				select {
				case v, ok := <-from:
					if !ok {
						return flush(c, &wait, yield)
					}
					if !wait.some {
						timer.Reset(d - time.Since(began)%d)
					}
					wait.put(v)
				case <-timer.C:
					if !yield(wait.take()) {
						return true
					}
				}
			}
		})
	})
}

// Edges are the ends of a period of [Throttle] at which an item is emitted.
type Edges uint8

const (
	Leading  Edges = 1 << iota // the item that begins the period, at once
	Trailing                   // the latest item of those that came during the period, at its end
)

// Throttle emits at most one item in d, or one at each end of it:
//
//   - Leading: an item is emitted at once, and those that come within d after
//     it are left out;
//   - Leading|Trailing: as above, and the latest of those left out is emitted at
//     the end of the period, which begins another one;
//   - Trailing: an item begins a period without being emitted, then as above.
//
// When the source completes, an item that waits for the end of its period is
// emitted at once; when it fails, that item is dropped.
//
// Leading alone needs no goroutine and no timer. With Trailing one goroutine
// runs src, and one timer runs during a period.
func Throttle[T any](src observable.Observable[T], d time.Duration, edges Edges) observable.Observable[T] {
	needPositive(d, "Throttle")
	switch edges {
	case Leading:
		return throttleLeading(src, d)
	case Trailing, Leading | Trailing:
		return periods(src, d, edges&Leading != 0, true)
	}
	panic("operators: Throttle: give the edges, Leading, Trailing or Leading|Trailing")
}

func throttleLeading[T any](src observable.Observable[T], d time.Duration) observable.Observable[T] {
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		var began time.Time
		some := false
		return src.Run(ctx, func(v T) bool {
			now := time.Now()
			if some && now.Sub(began) < d {
				return true
			}
			began, some = now, true
			return yield(v)
		})
	})
}

// Audit begins a period of d with an item and emits, at its end, the latest
// item that has come. The next item begins the next period. When the source
// completes, an item that waits is emitted at once; when it fails, that item is
// dropped.
//
// One goroutine runs src, one timer runs during a period.
func Audit[T any](src observable.Observable[T], d time.Duration) observable.Observable[T] {
	needPositive(d, "Audit")
	return periods(src, d, false, false)
}

// periods lets an item begin a period and emits at its end the latest item that
// waits. leading: the item that begins it is emitted at once and does not wait.
// renew: an item that was emitted at the end of a period begins another one.
func periods[T any](src observable.Observable[T], d time.Duration, leading, renew bool) observable.Observable[T] {
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			timer := idleTimer()
			defer timer.Stop()
			var wait held[T]
			from := feed(c, src)
			for open := false; ; {
				select {
				case v, ok := <-from:
					begins := !open
					switch {
					case !ok:
						return flush(c, &wait, yield)
					case begins:
						open = true
						timer.Reset(d)
					}
					if !begins || !leading {
						wait.put(v)
					} else if !yield(v) {
						return true
					}
				case <-timer.C:
					open = wait.some && renew
					if open {
						timer.Reset(d)
					}
					if wait.some && !yield(wait.take()) {
						return true
					}
				}
			}
		})
	})
}
