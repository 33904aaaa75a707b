package operators_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/xcraft-go/xbus/observable/obstest"
)

// The laws, for each operator and each place of it, in virtual time. What each
// test shows is in its name and, where it is one of the numbered laws of the
// package, in its comment.

func forEach(t *testing.T, test func(t *testing.T, c candidate)) {
	for _, c := range candidates() {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, c) })
		})
	}
}

// out is what comes out of c when the source emits items.
func (c candidate) out(items []any) []any { return items[min(c.skip, len(items)):] }

// play returns the script for c: a signal does not emit.
func (c candidate) play(n int) *script {
	if c.mute {
		n = 0
	}
	return numbers(n)
}

// The contract as users of the library check it in their own streams.
func TestContract(t *testing.T) {
	for _, c := range candidates() {
		t.Run(c.name, func(t *testing.T) {
			obstest.Run(t, func(t *testing.T) {
				obstest.Check(t, c.apply(obstest.Guard(t, c.play(5).stream()), nop))
				src := c.play(2)
				src.err = errors.New("broken")
				obstest.Check(t, c.apply(obstest.Guard(t, src.stream()), nop), obstest.FailsWith(src.err))
			})
		})
	}
}

func TestCompletes(t *testing.T) {
	forEach(t, func(t *testing.T, c candidate) {
		src := c.play(5)
		r := run(t, t.Context(), c.apply(src.stream(), nop), nil)
		r.wantErr(nil)
		r.wantEnded(src)
		if !c.mute {
			r.wantValues(c.out(src.items)...)
		}
		if n := src.runs.Load(); n != 1 {
			t.Errorf("%d runs of the source, want 1", n)
		}
		if r.peak > c.goroutines {
			t.Errorf("%d goroutines, want at most %d", r.peak, c.goroutines)
		}
	})
}

// Law 5: an error ends the stream and is returned once, as it is.
func TestFails(t *testing.T) {
	forEach(t, func(t *testing.T, c candidate) {
		src := c.play(3)
		src.err = fmt.Errorf("broken")
		r := run(t, t.Context(), c.apply(src.stream(), nop), nil)
		r.wantErr(src.err)
		r.wantEnded(src)
		switch {
		case c.mute:
		case c.atEnd:
			r.wantValues()
		default:
			r.wantValues(c.out(src.items)...)
		}
		if len(r.errsLate) > 0 {
			t.Errorf("late errors: %v", r.errsLate)
		}
	})
}

// Law 2: after the consumer has left there is no further call, and the run
// returns nil.
func TestConsumerLeaves(t *testing.T) {
	forEach(t, func(t *testing.T, c candidate) {
		for at := 1; at <= 5-c.skip; at++ {
			src := c.play(5)
			src.hangs = !c.atEnd && !c.mute
			r := run(t, t.Context(), c.apply(src.stream(), nop), func(n int, _ any) bool { return n < at })
			r.wantErr(nil)
			r.wantEnded(src)
			if len(r.values) != at {
				t.Errorf("%d values, want %d", len(r.values), at)
			}
		}
	})
}

// Law 4: when ctx is done the run returns its cause, at once, wherever it waits.
func TestCancelled(t *testing.T) {
	cause := errors.New("cancelled by the test")
	forEach(t, func(t *testing.T, c candidate) {
		for after := range 75 {
			src := c.play(5)
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := time.AfterFunc(time.Duration(after)*ms, func() { cancel(cause) })
			r := run(t, ctx, c.apply(src.stream(), nop), nil)
			stop.Stop()
			r.wantEnded(src)
			if r.err == nil && !c.mute {
				r.wantValues(c.out(src.items)...)
			} else if r.err != nil {
				r.wantErr(cause)
			}
			if limit := time.Duration(after) * ms; r.err != nil && r.elapsed > limit {
				t.Errorf("cancelled after %v, returned after %v", limit, r.elapsed)
			}
			if len(r.errsLate) > 0 {
				t.Errorf("late errors: %v", r.errsLate)
			}
		}
	})
}

func TestCancelledWhileTheSourceHangs(t *testing.T) {
	cause := errors.New("cancelled by the test")
	forEach(t, func(t *testing.T, c candidate) {
		src := c.play(2)
		src.hangs = true
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		r := run(t, ctx, c.apply(src.stream(), nop), nil)
		r.wantEnded(src)
		if !c.mute {
			r.wantErr(cause)
			if r.elapsed != time.Second {
				t.Errorf("returned after %v, want 1s", r.elapsed)
			}
		}
	})
}

func TestCancelledBefore(t *testing.T) {
	cause := errors.New("cancelled by the test")
	forEach(t, func(t *testing.T, c candidate) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		src := c.play(5)
		r := run(t, ctx, c.apply(src.stream(), nop), nil)
		r.wantErr(cause)
		r.wantValues()
		r.wantEnded(src)
	})
}

// Laws 4 and 8: cancelling inside the consumer works, and nothing follows.
func TestCancelledByConsumer(t *testing.T) {
	cause := errors.New("cancelled by the test")
	forEach(t, func(t *testing.T, c candidate) {
		src := c.play(5)
		ctx, cancel := context.WithCancelCause(t.Context())
		r := run(t, ctx, c.apply(src.stream(), nop), func(n int, _ any) bool {
			if n == 2 {
				cancel(cause)
			}
			return true
		})
		r.wantErr(cause)
		r.wantEnded(src)
		if len(r.values) != 2 {
			t.Errorf("%d values, want 2: %v", len(r.values), r.values)
		}
	})
}

// Law 9: a panic reaches the goroutine that runs the stream, branches joined.
func TestPanics(t *testing.T) {
	boom := errors.New("boom")
	forEach(t, func(t *testing.T, c candidate) {
		src := c.play(3)
		r := run(t, t.Context(), c.apply(src.stream(), nop), func(n int, _ any) bool {
			if n == 2 {
				panic(boom)
			}
			return true
		})
		r.wantEnded(src)
		if r.panicked != boom {
			t.Errorf("the consumer panicked, and the run with %v", r.panicked)
		}

		src = c.play(3)
		src.panics = boom
		r = run(t, t.Context(), c.apply(src.stream(), nop), nil)
		r.wantPanic(boom)
		r.wantEnded(src)

		src = c.play(3)
		var called atomic.Bool
		r = run(t, t.Context(), c.apply(src.stream(), func() { called.Store(true); panic(boom) }), nil)
		r.wantEnded(src)
		if called.Load() {
			r.wantPanic(boom)
		}
	})
}

// Laws 6 and 14: runs are independent, one after the other and side by side.
func TestRunsAreIndependent(t *testing.T) {
	forEach(t, func(t *testing.T, c candidate) {
		src := c.play(4)
		s := c.apply(src.stream(), nop)
		want, _ := s.Collect(t.Context())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if got, err := s.Collect(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%v, %v; want %v", got, err, want)
				}
			})
		}
		wg.Wait()
		if n := src.runs.Load(); n != 4 {
			t.Errorf("%d runs of the source, want 4", n)
		}
	})
}

// Law 8: no lock is held while user code runs. The consumer and the functions
// of the operator run the same stream again.
func TestReentrance(t *testing.T) {
	forEach(t, func(t *testing.T, c candidate) {
		var s stream
		var once atomic.Bool
		again := func() {
			if once.CompareAndSwap(false, true) {
				if _, err := s.Collect(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		src := c.play(3)
		s = c.apply(src.stream(), again)
		r := run(t, t.Context(), s, func(int, any) bool {
			again()
			_, err := s.Collect(t.Context())
			return err == nil
		})
		r.wantErr(nil)
	})
}

// Law 10: nil and zero are values like others.
func TestZeroValues(t *testing.T) {
	forEach(t, func(t *testing.T, c candidate) {
		if c.mute {
			return
		}
		src := numbers(0)
		src.items = []any{nil, 0, "", false, nil, 0.0, (*int)(nil)}
		r := run(t, t.Context(), c.apply(src.stream(), nop), nil)
		r.wantErr(nil)
		r.wantValues(c.out(src.items)...)
	})
}

// Law 5, second half: an error that arises after the consumer left is returned
// or goes to the hook, once.
func TestLateErrors(t *testing.T) {
	forEach(t, func(t *testing.T, c candidate) {
		src := c.play(5)
		src.late = errors.New("failed to stop")
		r := run(t, t.Context(), c.apply(src.stream(), nop), func(int, any) bool { return false })
		if c.atEnd {
			return // the source is complete before
		}
		seen := len(r.errsLate)
		if r.err != nil {
			seen++
		}
		if seen != 1 || r.err != nil && r.err != src.late || r.err == nil && r.errsLate[0] != src.late {
			t.Errorf("returned %v, late %v, want %v in one of them", r.err, r.errsLate, src.late)
		}
	})
}

// The same for an error that arises when the run is cancelled.
func TestLateErrorsAfterCancel(t *testing.T) {
	forEach(t, func(t *testing.T, c candidate) {
		src := c.play(5)
		src.late = errors.New("failed to stop")
		src.hangs = true
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(25*ms, cancel)
		r := run(t, ctx, c.apply(src.stream(), nop), nil)
		if all := errors.Join(append(r.errsLate, r.err)...); !errors.Is(all, src.late) {
			t.Errorf("returned %v, late %v: %v is lost", r.err, r.errsLate, src.late)
		}
	})
}

// Law 11: when a run is over nothing refers to its consumer any more.
func TestConsumerIsForgotten(t *testing.T) {
	forEach(t, func(t *testing.T, c candidate) {
		s := c.apply(c.play(3).stream(), nop)
		consumer := func() weak.Pointer[[64]int] {
			state := new([64]int)
			_ = s.Run(t.Context(), func(any) bool {
				state[0]++
				return state[0] < 2
			})
			return weak.Make(state)
		}()
		synctest.Wait()
		runtime.GC()
		runtime.GC()
		if consumer.Value() != nil {
			t.Error("the consumer is still referred to")
		}
		runtime.KeepAlive(s)
	})
}

// Law 14, for spinning sources under the race detector: many runs of one value.
func TestConcurrentRuns(t *testing.T) {
	forEach(t, func(t *testing.T, c candidate) {
		if c.mute {
			return
		}
		fast := numbers(20)
		fast.gap = 0
		s := c.apply(fast.stream(), nop)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				last := -1
				err := s.Run(t.Context(), func(v any) bool {
					if v.(int) <= last && c.name != "MergeMap/outer" { // law 7
						t.Errorf("%v after %v", v, last)
					}
					last = v.(int)
					return true
				})
				if err != nil && c.name != "Buffer/Fail" {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}
