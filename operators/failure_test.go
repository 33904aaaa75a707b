package operators_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

var errDown = errors.New("down")

// flaky fails the first n times it is run, after it has emitted items.
func flaky(n int, items ...any) stream {
	runs := 0
	return observable.New(func(ctx context.Context, yield func(any) bool) error {
		runs++
		for _, v := range items {
			if !yield(v) {
				return nil
			}
		}
		if runs <= n {
			return errDown
		}
		yield("up")
		return nil
	})
}

// waitsOf collects the attempts of a Retry.
func waitsOf(cfg op.RetryConfig) (op.RetryConfig, *[]op.Attempt) {
	attempts := new([]op.Attempt)
	cfg.OnAttempt = func(a op.Attempt) { *attempts = append(*attempts, a) }
	return cfg, attempts
}

func TestRetryWaitsAsTheBackoffSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		cfg, attempts := waitsOf(op.RetryConfig{Backoff: func() op.Backoff {
			b := backoff.NewExponentialBackOff()
			b.InitialInterval, b.Multiplier, b.RandomizationFactor, b.MaxElapsedTime = time.Second, 2, 0, 0
			b.Reset()
			return b
		}})
		s := op.Retry(flaky(3), cfg)
		want(t, s, any("up"))
		if d := time.Since(began); d != 7*time.Second {
			t.Errorf("took %v, want 1 + 2 + 4 s", d)
		}
		if !slices.Equal(*attempts, []op.Attempt{{1, errDown, time.Second}, {2, errDown, 2 * time.Second}, {3, errDown, 4 * time.Second}}) {
			t.Errorf("attempts: %v", *attempts)
		}
	})
}

// stopping says each wait in turn and then Stop; it counts its resets.
type stopping struct {
	waits  []time.Duration
	resets int
}

func (s *stopping) NextBackOff() time.Duration {
	if len(s.waits) == 0 {
		return op.Stop
	}
	wait := s.waits[0]
	s.waits = s.waits[1:]
	return wait
}

func (s *stopping) Reset() { s.resets++ }

func TestRetryGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forever := func() stream { return flaky(1 << 30) }
		for name, cfg := range map[string]op.RetryConfig{
			"back-off":  {Backoff: func() op.Backoff { return &stopping{waits: []time.Duration{ms, ms}} }},
			"attempts":  {Backoff: op.ConstantBackoff(ms), MaxAttempts: 3},
			"retryable": {Backoff: op.ConstantBackoff(ms), Retryable: new(third).is},
		} {
			cfg, attempts := waitsOf(cfg)
			if _, err := op.Retry(forever(), cfg).Collect(t.Context()); err != errDown {
				t.Errorf("%s: %v, want the last error as it is", name, err)
			}
			if n := len(*attempts); n != 3 || (*attempts)[2] != (op.Attempt{3, errDown, op.Stop}) {
				t.Errorf("%s: attempts %v", name, *attempts)
			}
		}
	})
}

// third says no to the third error.
type third int

func (n *third) is(error) bool { *n++; return *n < 3 }

func TestRetryResetsAfterSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			src    stream
			stable time.Duration
			resets int
		}{
			"no item":            {flaky(3), 0, 0},
			"an item":            {flaky(3, 1), 0, 3},
			"an item, too short": {flaky(3, 1), time.Second, 0},
			"long, without item": {op.Concat(op.Skip(every(time.Second, 2), 2), flaky(3)), time.Second, 0},
			"long, with item":    {op.Concat(every(time.Second, 2), flaky(3)), time.Second, 3},
		} {
			b := &stopping{waits: slices.Repeat([]time.Duration{ms}, 9)}
			s := op.Retry(tt.src, op.RetryConfig{Backoff: func() op.Backoff { return b }, StableAfter: tt.stable})
			collect(t, s)
			if b.resets != tt.resets {
				t.Errorf("%s: %d resets, want %d", name, b.resets, tt.resets)
			}
		}
	})
}

// The wait ends with the context, at once, and each run has a back-off of its own.
func TestRetryIsCancelledWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("cause")
		made := 0
		s := op.Retry(flaky(1<<30), op.RetryConfig{Backoff: func() op.Backoff {
			made++
			return op.ConstantBackoff(time.Hour)()
		}})
		for range 3 {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(cause) })
			began := time.Now()
			if err := s.Run(ctx, nil); err != cause || time.Since(began) != time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
		if made != 3 {
			t.Errorf("%d back-offs for 3 runs", made)
		}
	})
}

// A cancellation is no failed attempt.
func TestRetryDoesNotCountACancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		cfg, attempts := waitsOf(op.RetryConfig{})
		if err := op.Retry(never(), cfg).Run(ctx, nil); err != context.Canceled || len(*attempts) > 0 {
			t.Errorf("%v, attempts %v", err, *attempts)
		}
	})
}

// A hot source is joined again: what is published between two attempts is gone,
// and what comes after the second is heard.
func TestRetryJoinsAHotSourceAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var subject observable.Subject[int]
		attempt := 0
		source := op.MapErr(observable.Defer(func() observable.Observable[int] {
			attempt++
			return subject.Observable()
		}), func(v int) (int, error) {
			if v == 2 {
				return 0, errDown
			}
			return v, nil
		})
		ch, wait := op.Take(op.Retry(source, op.RetryConfig{Backoff: op.ConstantBackoff(time.Second)}), 2).Chan(t.Context())
		publish := func(v int) {
			synctest.Wait()
			subject.Publish(t.Context(), v)
		}
		go func() {
			publish(1)
			publish(2)
			publish(3) // nobody listens
			time.Sleep(2 * time.Second)
			publish(4)
		}()
		var got []int
		for v := range ch {
			got = append(got, v)
		}
		if err := wait(); err != nil || !slices.Equal(got, []int{1, 4}) || attempt != 2 {
			t.Errorf("%v, %v, %d attempts", got, err, attempt)
		}
	})
}

func TestExponentialBackoff(t *testing.T) {
	newBackoff := op.ExponentialBackoff(time.Second, 10*time.Second)
	b := newBackoff()
	for _, window := range []time.Duration{1, 2, 4, 8, 10, 10} {
		if wait := b.NextBackOff(); wait < 0 || wait > window*time.Second {
			t.Errorf("%v, want at most %d s", wait, window)
		}
	}
	b.Reset()
	if wait := b.NextBackOff(); wait > time.Second {
		t.Errorf("%v after Reset", wait)
	}
	most := time.Duration(0)
	for range 100 { // drawn from the whole window, the first one too
		most = max(most, newBackoff().NextBackOff())
	}
	if most < 500*ms {
		t.Errorf("the first wait was never above %v", most)
	}
}

func TestCatchCatchesUpstreamOnly(t *testing.T) {
	other := errors.New("other")
	caught := 0
	catch := func(src stream, fallback stream) stream {
		return op.Catch(src, func(error) stream { caught++; return fallback })
	}
	want(t, catch(flaky(1, 1), of(2)), any(1), any(2))
	if _, err := catch(flaky(9), observable.Fail[any](other)).Collect(t.Context()); err != other || caught != 2 {
		t.Errorf("%v, caught %d times: an error of the fallback is not caught", err, caught)
	}
	_, err := op.MapErr(catch(of(1), of(2)), func(any) (any, error) { return nil, other }).Collect(t.Context())
	if err != other || caught != 2 {
		t.Errorf("%v, caught %d times: a failure downstream is not caught", err, caught)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := catch(never(), of(2)).Collect(ctx); err != context.Canceled || caught != 2 {
		t.Errorf("%v, caught %d times: a cancellation is not caught", err, caught)
	}
}
