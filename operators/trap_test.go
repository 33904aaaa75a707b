package operators_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// Each trap was met in another library; its test shows the right behaviour here.
// The traps of sources and of hot streams are tested in package observable.

// rxgo: Take(1) of a hot source stays open until a second event comes.
func TestTrapRxgoTakeEndsOneItemLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var subject observable.Subject[int]
		ch, wait := op.Take(subject.Observable(), 1).Chan(t.Context())
		synctest.Wait()
		subject.Publish(t.Context(), 1)
		if v := <-ch; v != 1 {
			t.Error(v)
		}
		if err := wait(); err != nil { // without a second event
			t.Error(err)
		}
		if n := subject.Len(); n != 0 {
			t.Errorf("%d subscriptions are left", n)
		}
	})
}

// rxgo: an ended consumer does not end its source; 20 goroutines are left.
func TestTrapRxgoEndedConsumerLeavesItsSourceRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	made := 0
	src := op.Tap(count(-1), func(int) { made++ })
	for range 10 {
		want(t, op.Take(op.Map(src, same), 3), 0, 1, 2)
	}
	if n := runtime.NumGoroutine(); n > before || made != 30 {
		t.Errorf("%d goroutines more, %d items made for 30", n-before, made)
	}
}

// rxgo: with ContinueOnError, errors are items and First takes several.
func TestTrapRxgoErrorsDoNotEndTheStream(t *testing.T) {
	late := lateErrors(t)
	after := false
	src := observable.New(func(_ context.Context, yield func(int) bool) error {
		yield(1)
		return errDown
	})
	s := op.Concat(src, op.Tap(observable.Of(2), func(int) { after = true }))
	if got, err := s.Collect(t.Context()); err != errDown || len(got) != 1 || after {
		t.Errorf("%v, %v", got, err)
	}
	if v, err := s.First(t.Context()); v != 1 || err != nil || len(late()) != 1 {
		t.Errorf("%v, %v, late %v", v, err, late())
	}
}

// rxgo: BackOffRetry sleeps through a cancel and then panics: close of closed
// channel.
func TestTrapRxgoBackOffRetrySleepsThroughCancelAndPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*ms, cancel)
		ch, wait := op.Retry(flaky(math.MaxInt), op.RetryConfig{Backoff: op.ConstantBackoff(200 * ms)}).Chan(ctx)
		for range ch {
		}
		if err := wait(); err != context.Canceled || time.Since(began) != 100*ms {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// rxgo: BufferWithTimeOrCount(1s, 1) makes buffers of up to 6.
func TestTrapRxgoBuffersExceedTheirCount(t *testing.T) {
	for n := 1; n < 5; n++ {
		for _, chunk := range collect(t, op.Chunk(count(1000), n, time.Second)) {
			if len(chunk) > n {
				t.Fatalf("a chunk of %d items, want at most %d", len(chunk), n)
			}
		}
	}
}

// rxgo: the time-out of a buffer never fires while data flows.
func TestTrapRxgoBufferTimeNeverFiresWhileDataFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, chunk := range collect(t, op.Chunk(every(10*ms, 100), 1000, 95*ms)) {
			if len(chunk) != 10 {
				t.Errorf("a chunk of %d items, want 10", len(chunk))
			}
		}
	})
}

// rxgo: Debounce loses the pending item at completion.
func TestTrapRxgoDebounceLosesTheLast(t *testing.T) {
	want(t, op.Debounce(observable.Of(1, 2, 3), time.Second), 3)
}

// rxgo: Debounce re-arms its timer every period while it is idle. Here nothing
// wakes: an hour of periods of a microsecond is one step of virtual time, and
// would else take until the test times out.
func TestTrapRxgoDebounceWakesWhileIdle(t *testing.T) {
	one := op.Concat(of(1), never())
	for name, s := range map[string]stream{
		"Debounce": op.Debounce(one, time.Microsecond), "Sample": op.Sample(one, time.Microsecond),
		"Audit": op.Audit(one, time.Microsecond), "Throttle": op.Throttle(one, time.Microsecond, op.Trailing),
		"Chunk": op.Map(op.Chunk(one, 5, time.Microsecond), func(v []any) any { return v }),
		"Delay": op.Delay(one, time.Microsecond),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				ch, wait := s.Chan(ctx)
				<-ch
				time.Sleep(time.Hour)
				cancel()
				if err := wait(); err != context.Canceled {
					t.Error(err)
				}
			})
		})
	}
}

// rxgo: observing FlatMap, Debounce, BufferWithTime… twice panics.
// (TestRunsAreIndependent has it for every operator.)
func TestTrapRxgoSecondObserverPanics(t *testing.T) {
	s := op.ConcatMap(op.Debounce(observable.Of(1, 2), ms), func(v int) observable.Observable[int] {
		return op.Map(op.Chunk(observable.Of(v), 9, ms), func(vs []int) int { return vs[0] })
	})
	want(t, s, 2)
	want(t, s, 2)
}

// rxgo: Just(1, nil, 2) dereferences nil in a goroutine of the library.
func TestTrapRxgoNilItemPanics(t *testing.T) {
	src := of(1, nil, 2)
	want(t, op.Merge(op.Map(src, func(v any) any { return v })), 1, nil, 2)
}

// rxgo: slices among the items are flattened by reflection.
func TestTrapRxgoSlicesAreFlattened(t *testing.T) {
	got := collect(t, op.Merge(observable.Of([]int{1, 2}, []int{3})))
	if len(got) != 2 || len(got[0]) != 2 {
		t.Errorf("%v", got)
	}
}

// rxgo: after an error: next, error, next, completed.
func TestTrapRxgoSignalsAfterAnError(t *testing.T) {
	var signals []string
	s := op.OnEnd(op.Tap(op.Concat(observable.Of(1), observable.Fail[int](errDown), observable.Of(2)),
		func(int) { signals = append(signals, "next") }), func(err error) { signals = append(signals, err.Error()) })
	_, _ = s.Collect(t.Context())
	if !slices.Equal(signals, []string{"next", "down"}) {
		t.Errorf("%q", signals)
	}
}

// rxgo: CombineLatest passes nil for a source that has emitted, in a race.
func TestTrapRxgoCombineLatestRace(t *testing.T) {
	one := 1
	src := op.Map(count(500), func(int) *int { return &one })
	sum := op.CombineLatest(src, src, func(a, b *int) int { return *a + *b })
	for range 20 {
		if got := collect(t, sum); len(got) < 500 || slices.Max(got) != 2 || slices.Min(got) != 2 {
			t.Fatal(got)
		}
	}
}

// rxgo: CombineLatest counts a nil as presence of the other source.
func TestTrapRxgoCombineLatestCountsNils(t *testing.T) {
	pairs := op.CombineLatest(of(nil, nil), of(), func(a, b any) [2]any { return [2]any{a, b} })
	if got := collect(t, pairs); len(got) != 0 {
		t.Errorf("%v, and the second source never emitted", got)
	}
	if got := collect(t, op.CombineLatest(of(nil), of(nil), func(a, b any) any { return 1 })); len(got) != 1 {
		t.Errorf("%v: nil is a value", got)
	}
}

// rxgo: DistinctUntilChanged drops a first item that is nil.
func TestTrapRxgoDistinctDropsAFirstNil(t *testing.T) {
	want(t, op.Distinct(of(nil, nil, 0)), nil, 0)
	want(t, op.Distinct(observable.Of(0, 0, 1)), 0, 1)
	want(t, op.DistinctBy(observable.Of("", "a"), func(s string) string { return s }), "", "a")
}

// rxgo: groups that are read in turn deadlock.
func TestTrapRxgoGroupsReadInTurnDeadlock(t *testing.T) {
	got := collect(t, op.ConcatMap(op.GroupBy(count(100), parity, op.GroupConfig{}), all))
	if len(got) != 2 {
		t.Errorf("%q", got)
	}
	sizes := op.ConcatMap(op.GroupBy(count(3), func(v int) int { return v }, op.GroupConfig{}),
		func(g op.Group[int, int]) observable.Observable[int] {
			return op.Reduce(g.Observable, 0, func(n, _ int) int { return n + 1 })
		})
	want(t, sizes, 1, 1, 1)
}

// rxgo: Retry(10) over a channel source makes one attempt, and the error is lost.
func TestTrapRxgoRetryTriesOnceAndLosesTheError(t *testing.T) {
	ch := make(chan int, 20)
	for i := range 20 {
		ch <- i
	}
	attempts := 0
	odd := op.MapErr(observable.FromChan(ch), func(v int) (int, error) {
		if v%2 == 1 {
			return 0, errDown
		}
		return v, nil
	})
	_, err := op.Retry(odd, op.RetryConfig{Backoff: op.ConstantBackoff(0), MaxAttempts: 10,
		OnAttempt: func(op.Attempt) { attempts++ }}).Collect(t.Context())
	if err != errDown || attempts != 10 {
		t.Errorf("%v after %d attempts", err, attempts)
	}
}

// rxgo: Map(WithPool(4)) has 223 inversions in 1000.
func TestTrapRxgoPoolLosesOrder(t *testing.T) {
	got := collect(t, op.MapOrdered(count(1000), 4, func(_ context.Context, v int) (int, error) {
		if v%7 == 0 {
			runtime.Gosched()
		}
		return v, nil
	}))
	if !slices.Equal(got, ints(1000)) {
		t.Error("not in order")
	}
}

// rxgo: OnErrorReturnItem lets the stream go on after the error.
func TestTrapRxgoStreamGoesOnAfterAnErrorWasReplaced(t *testing.T) {
	src := op.MapErr(observable.Of(1, 2, 3), func(v int) (int, error) {
		if v == 2 {
			return 0, errDown
		}
		return v, nil
	})
	want(t, op.Catch(src, func(error) observable.Observable[int] { return observable.Of(-1) }), 1, -1)
}

// rxgo: a context on the source and another on the operator leak a goroutine
// for each observation. Here there is one context, that of the run; derived ones
// are let go with it.
func TestTrapRxgoContextsAreMergedByLeakingGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := op.Timeout(op.TakeUntil(op.SwitchMap(observable.Of(1), func(v int) observable.Observable[int] {
		return observable.Of(v)
	}), observable.Never[int]()), time.Hour, time.Hour)
	for range 50 {
		want(t, s, 1)
		if _, err := s.Collect(ctx); err != nil {
			t.Error(err)
		}
	}
	for i := 0; runtime.NumGoroutine() > before && i < 1000; i++ {
		time.Sleep(time.Microsecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines more", n-before)
	}
}

// rxgo: Merge, CombineLatest, WindowWithCount leak when they are cancelled, the
// others when their reader leaves. (TestConsumerLeaves and TestCancelled have it
// for every operator.)
func TestTrapRxgoMergeLeaksOnCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := numbers(0)
		src.hangs = true
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := op.Merge(src.stream(), src.stream(), src.stream()).Collect(ctx); err != context.Canceled {
			t.Error(err)
		}
		if n := src.open.Load(); n != 0 {
			t.Errorf("%d sources go on", n)
		}
	})
}

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
