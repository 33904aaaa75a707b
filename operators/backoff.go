package operators

import (
	"math/rand/v2"
	"time"
)

// Stop is the wait that means: do not try again.
const Stop time.Duration = -1

// A Backoff decides how long to wait before the next attempt. Every BackOff of
// github.com/cenkalti/backoff is one:
//
//	RetryConfig{Backoff: func() operators.Backoff {
//		b := backoff.NewExponentialBackOff()
//		b.MaxElapsedTime = 0
//		return b
//	}}
//
// Mind its default: an ExponentialBackOff gives up 15 minutes after it was made
// or reset, unless MaxElapsedTime is 0. Its other fields, when they are changed,
// count from the next Reset on.
type Backoff interface {
	// NextBackOff returns the wait, or Stop (any negative one) to give up.
	NextBackOff() time.Duration
	// Reset begins anew, after an attempt that was good.
	Reset()
}

// ExponentialBackoff makes back-offs that never give up: a wait is drawn evenly
// from 0 to a window, the first one too, so that streams that failed together
// do not come back together. The window begins as first and doubles up to limit.
func ExponentialBackoff(first, limit time.Duration) func() Backoff {
	need(first > 0 && limit >= first, "ExponentialBackoff", "a first window above zero and a limit that is not below it")
	return func() Backoff { return &exponential{first: first, limit: limit, window: first} }
}

type exponential struct{ first, limit, window time.Duration }

func (e *exponential) NextBackOff() time.Duration {
	wait := rand.N(e.window)
	if e.window < e.limit/2 {
		e.window *= 2
	} else {
		e.window = e.limit
	}
	return wait
}

func (e *exponential) Reset() { e.window = e.first }

// ConstantBackoff makes back-offs that always wait d and never give up.
func ConstantBackoff(d time.Duration) func() Backoff {
	need(d >= 0, "ConstantBackoff", "a duration, 0 or more")
	return func() Backoff { return constant(d) }
}

type constant time.Duration

func (c constant) NextBackOff() time.Duration { return time.Duration(c) }
func (constant) Reset()                       {}
