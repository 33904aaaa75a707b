package operators_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// The traps of samber/ro, in the order in which they were found, and their tests
// (o: in package observable):
//
//	 1 a source does not stop            SynchronousSourceDoesNotStop, o SynchronousSourceStops
//	 2 cancel does not unsubscribe       CancelledContextDoesNotUnsubscribe, o CancelUnsubscribes
//	 3 publishing inside an observer     ReentranceDeadlocks, o Reentrance
//	 4 subscribing inside an observer    the same
//	 5 a busy observer holds others up   ReentranceDeadlocks, o ABusyConsumerHoldsNobodyUp
//	 6 signals after a panic             PanicsBecomeErrors, o PanicIsAPanic
//	 7 a panic becomes an error value    the same
//	 8 leaving panics the producer       LeavingABufferPanicsTheProducer, o LeavingUnderFire
//	 9 ToChannel leaves goroutines       o ChannelsLeaveNothing
//	10 FromChannel, no context           o ChannelsLeaveNothing
//	11 Retry cannot be left              RetryCannotBeLeft
//	12 errors vanish                     ErrorsVanish, o ErrorsAreReturned
//	13 Distinct remembers for ever       DistinctRemembersEverything
//	14 operators that are missing        candidates in table_test.go

// samber/ro: Take(1) of a synchronous source makes all 5,000,000 items.
func TestTrapRoSynchronousSourceDoesNotStop(t *testing.T) {
	made := 0
	want(t, op.Take(op.Tap(count(5_000_000), func(int) { made++ }), 1), 0)
	if made != 1 {
		t.Errorf("%d items made for 1", made)
	}
}

// samber/ro: a cancelled context does not unsubscribe.
func TestTrapRoCancelledContextDoesNotUnsubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var subject observable.Subject[int]
		ctx, cancel := context.WithCancel(t.Context())
		ch, wait := op.Map(subject.Observable(), same).Chan(ctx)
		synctest.Wait()
		cancel()
		if err := wait(); err != context.Canceled || subject.Len() != 0 {
			t.Errorf("%v, %d subscriptions", err, subject.Len())
		}
		if r := subject.Publish(t.Context(), 1); r.Delivered != 0 {
			t.Errorf("%+v", r)
		}
		if v, ok := <-ch; ok {
			t.Error(v)
		}
	})
}

// samber/ro: publishing to, or subscribing to, a subject inside an observer of
// it is a deadlock; a busy observer keeps others from subscribing.
func TestTrapRoReentranceDeadlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var subject observable.Subject[int]
		sub := subject.Subscribe()
		subject.Publish(t.Context(), 1)
		s := op.Tap(sub.Observable(), func(v int) {
			subject.Subscribe().Close()
			subject.Publish(t.Context(), v+1)
		})
		merged := op.Merge(op.Take(s, 3), observable.Of[int]())
		want(t, merged, 1, 2, 3)
	})
}

// samber/ro: after a panic in onNext the same observer gets error, next and
// complete; a panic in Map becomes an error value.
func TestTrapRoPanicsBecomeErrors(t *testing.T) {
	calls, ends := 0, 0
	s := op.OnEnd(observable.Of(1, 2, 3), func(error) { ends++ })
	if v := recovered(func() { _ = s.Run(t.Context(), func(int) bool { calls++; panic("consumer") }) }); v != "consumer" {
		t.Errorf("panic %v", v)
	}
	if calls != 1 || ends != 1 {
		t.Errorf("%d calls, %d ends", calls, ends)
	}
	var none *op.Attempt
	v := recovered(func() { _, _ = op.Map(s, func(int) int { return none.Number }).Collect(t.Context()) })
	if _, ok := v.(runtime.Error); !ok {
		t.Errorf("panic %v, want the nil dereference itself", v)
	}
}

// samber/ro: leaving ObserveOn(1) makes the producer panic, swallowed.
func TestTrapRoLeavingABufferPanicsTheProducer(t *testing.T) {
	for range 100 {
		var stopped atomic.Bool
		src := op.OnEnd(count(-1), func(err error) { stopped.Store(err == op.ErrLeft || errors.Is(err, context.Canceled)) })
		want(t, op.Take(op.Buffer(src, observable.WithLimit(1)), 3), 0, 1, 2)
		if !stopped.Load() {
			t.Fatal("the source was not stopped in order")
		}
	}
}

// samber/ro: Retry on an endless source never returns, so it cannot be left.
func TestTrapRoRetryCannotBeLeft(t *testing.T) {
	want(t, op.Take(op.Retry(count(-1), op.RetryConfig{}), 2), 0, 1)
}

// samber/ro: errors vanish where no handler is given. Here one is returned, and
// one that comes too late goes to a hook that logs by default.
func TestTrapRoErrorsVanish(t *testing.T) {
	late := lateErrors(t)
	src := observable.New(func(_ context.Context, yield func(int) bool) error {
		yield(1)
		return errDown
	})
	want(t, op.Take(src, 1), 1)
	if errs := late(); len(errs) != 1 || errs[0] != errDown {
		t.Errorf("late errors %v", errs)
	}
}

// samber/ro: Distinct remembers all values for ever.
func TestTrapRoDistinctRemembersEverything(t *testing.T) {
	before := heap()
	var after uint64
	s := op.Distinct(op.Map(count(2000), func(v int) [1024]byte { return [1024]byte{0: byte(v), 1: byte(v >> 8)} }))
	n := 0
	_ = s.Run(t.Context(), func([1024]byte) bool {
		if n++; n == 2000 {
			after = heap()
		}
		return true
	})
	if n != 2000 || after > before+1<<20 {
		t.Errorf("%d items, the heap grew from %d to %d", n, before, after)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// reactor: a group with nobody to read it stops the others. (The other ways are
// in group_test.go.)
func TestTrapReactorGroupWithoutReaderStopsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		odd := op.MergeMap(op.GroupBy(count(5000), parity, op.GroupConfig{Buffer: []observable.SubscribeOption{
			observable.WithLimit(5000)}}), 2, func(g group) observable.Observable[int] {
			if g.Key == "even" {
				return observable.Of[int]() // nobody reads it
			}
			return g.Observable
		})
		if n := len(collect(t, odd)); n != 2500 {
			t.Errorf("%d items, want 2500", n)
		}
	})
}
