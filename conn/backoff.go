package conn

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Backoff decides how long to wait before the next attempt. It is the part of
// cenkalti's backoff.BackOff that a supervisor needs, so every one of those
// can be given. One Backoff serves one connection and needs no lock.
type Backoff interface {
	// NextBackOff returns the wait, or a negative duration to give up.
	NextBackOff() time.Duration
	// Reset is called when a session has proved good.
	Reset()
}

// BackoffConfig shapes the default [Backoff]. Zero fields take the defaults.
type BackoffConfig struct {
	Initial time.Duration // first window, default 500 ms, at most Max
	Max     time.Duration // largest window, default 30 s
	// Multiplier is the growth of the window, at least 1, default 1.1: the window
	// is then about half a second and a fifth of the time since the loss. A hall
	// that restarts is found soon, one that stays away is asked rarely.
	Multiplier float64
	// Look is the first window for looks at a hall of this machine while it is
	// away, default 20 ms for one of xbus, negative for none; see [Looker].
	Look time.Duration
}

// NewBackoff returns an exponential backoff with full jitter: each wait is
// drawn evenly from 0 to the window, the first one too, so that clients cut at
// the same moment do not come back at the same moment. It never gives up. It
// panics on a negative time and on a multiplier under which windows shrink.
//
// It is a [Looker]: a hall of this machine is looked for during the waits as
// well. One of xbus tells how many clients it has: then the windows are 20 ms or a
// 250th of the time since the loss, times the number of those clients. All of
// them together thus look, and come back, about 100 times a second at most. For
// other halls the windows are about two thirds of those of the waits.
func NewBackoff(cfg BackoffConfig) Backoff {
	if cfg.Initial < 0 || cfg.Max < 0 || cfg.Multiplier != 0 && !(cfg.Multiplier >= 1) {
		panic(fmt.Sprintf("conn: NewBackoff(%+v): give times from 0 on and a multiplier of at least 1, or leave them 0 for the defaults", cfg))
	}
	limit := or(cfg.Max, 30*time.Second)
	initial := min(or(cfg.Initial, 500*time.Millisecond), limit)
	waits := fullJitter{exponential(initial, limit, or(cfg.Multiplier, 1.1))}
	if cfg.Look < 0 {
		return &waits
	}
	return &looking{waits, or(cfg.Look, 20*time.Millisecond), initial * 2 / 3}
}

// StrictBackoff returns the waits of the reference client: 0.5, 0.75, 1, 1 …
// seconds, without jitter (protocol §2.7). It suits tests and single clients;
// many clients that use it return in one herd.
func StrictBackoff() Backoff {
	return exponential(500*time.Millisecond, time.Second, 1.5)
}

// exponential builds cenkalti's without its defaults that do not suit a
// supervisor: it would give up after 15 minutes and vary by half. Its fields
// only count after Reset.
func exponential(initial, limit time.Duration, multiplier float64) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = initial, limit, multiplier
	b.RandomizationFactor, b.MaxElapsedTime = 0, 0
	b.Reset()
	return b
}

type fullJitter struct{ *backoff.ExponentialBackOff }

func (f *fullJitter) NextBackOff() time.Duration {
	window := f.ExponentialBackOff.NextBackOff()
	return time.Duration(rand.Int64N(int64(window) + 1))
}

// looking is a fullJitter that is a Looker.
type looking struct {
	fullJitter
	window time.Duration // for a client that is alone
	wide   time.Duration // where nobody knows how many there are
}

func (l *looking) Look(away time.Duration, clients int) time.Duration {
	if clients < 1 {
		return time.Duration(rand.Int64N(int64(l.wide+away/8) + 1))
	}
	const share = 250 // of the time since the loss
	window := max(l.window, away/share)
	if longest := time.Minute; window > longest/time.Duration(clients) {
		window = longest // longer than waits are
	} else {
		window *= time.Duration(clients)
	}
	return time.Duration(rand.Int64N(int64(window) + 1))
}

// or returns v, or the default when v is its zero value.
func or[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}
