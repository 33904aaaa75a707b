package operators

import (
	"context"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// Catch emits the items of src and, when src fails, those of f(err) in its
// place. It catches what comes from src only: an error of f(err), a consumer
// that leaves and a cancellation of the run are none of its business.
//
// To hand the error on, let f return a stream that fails with it.
func Catch[T any](src observable.Observable[T], f func(error) observable.Observable[T]) observable.Observable[T] {
	need(f != nil, "Catch", aFunction)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		left := false
		err := src.Run(ctx, func(v T) bool {
			left = !yield(v)
			return !left
		})
		if err == nil || left || ctx.Err() != nil {
			return err
		}
		return f(err).Run(ctx, yield)
	})
}

// RetryConfig shapes a [Retry]. The zero value tries for ever, with the waits
// of ExponentialBackoff(500*time.Millisecond, 30*time.Second).
type RetryConfig struct {
	// Backoff makes the waits of one run. It is a function because a back-off
	// has a state, and a stream may run several times and at the same time.
	Backoff func() Backoff

	// StableAfter is how long an attempt must have lasted, and have emitted,
	// for the waits to begin anew after it. 0: as soon as it has emitted.
	StableAfter time.Duration

	// Retryable says if it makes sense to try again after an error. Nil: always.
	Retryable func(error) bool

	// MaxAttempts ends the stream with the error of that attempt. 0: no limit.
	MaxAttempts int

	// OnAttempt is told of each attempt that failed, before the wait. It is
	// called where the stream runs.
	OnAttempt func(Attempt)
}

// An Attempt is a run of the source of a [Retry] that failed.
type Attempt struct {
	Number int           // 1 is the first
	Err    error         // what it failed with
	Wait   time.Duration // until the next attempt; [Stop] when there is none
}

// Retry runs src again when it fails, after a wait that the back-off decides.
// A source that makes its stream when it is run is run anew each time; one that
// listens to something hot joins it again.
//
// The stream ends with the last error, as it is, when the back-off says [Stop],
// when the error is not retryable or when there were enough attempts. A
// cancellation of the run ends a wait at once. Items are emitted as they come:
// those of an attempt that fails later are not taken back.
func Retry[T any](src observable.Observable[T], cfg RetryConfig) observable.Observable[T] {
	need(cfg.MaxAttempts >= 0, "Retry", "the largest number of attempts, 0 for no limit")
	need(cfg.StableAfter >= 0, "Retry", "the duration of a stable attempt, 0 or more")
	if cfg.Backoff == nil {
		cfg.Backoff = ExponentialBackoff(500*time.Millisecond, 30*time.Second)
	}
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		backoff := cfg.Backoff()
		timer := idleTimer()
		defer timer.Stop()
		for number := 1; ; number++ {
			began, emitted, left := time.Now(), false, false
			err := src.Run(ctx, func(v T) bool {
				emitted = true
				left = !yield(v)
				return !left
			})
			if err == nil || left || ctx.Err() != nil {
				return err
			}
			if emitted && time.Since(began) >= cfg.StableAfter {
				backoff.Reset()
			}
			wait := cfg.next(number, err, backoff)
			if cfg.OnAttempt != nil {
				cfg.OnAttempt(Attempt{number, err, wait})
			}
			if wait == Stop {
				return err
			}
			if err := pause(ctx, timer, wait); err != nil {
				return err
			}
		}
	})
}

// next returns the wait after attempt number, or Stop.
func (cfg RetryConfig) next(number int, err error, backoff Backoff) time.Duration {
	if number == cfg.MaxAttempts || cfg.Retryable != nil && !cfg.Retryable(err) {
		return Stop
	}
	if wait := backoff.NextBackOff(); wait >= 0 {
		return wait
	}
	return Stop
}
