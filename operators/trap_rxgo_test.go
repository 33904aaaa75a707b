package operators_test

import (
	"context"
	"math"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// Each trap was met in another library; its test shows the right behaviour here.
// Those of rxgo v2.5.0, in the order in which they were found, and their tests
// (o: in package observable, r: in package rx as well):
//
//	 1 Take ends one item late          TakeEndsOneItemLate
//	 2 an ended consumer, its source    EndedConsumerLeavesItsSourceRunning, r LeavingLeavesNothing
//	 3 SkipLast takes the first two     there is no SkipLast; Skip and Take: TestCompletes, ExampleSkip
//	 4 First takes several              ErrorsDoNotEndTheStream, o FirstEndsWithItsValue
//	 5 BackOffRetry panics on cancel    BackOffRetrySleepsThroughCancelAndPanics
//	 6 BackOffRetry sleeps through it   the same
//	 7 buffers exceed their count       BuffersExceedTheirCount, BufferTimeNeverFiresWhileDataFlows
//	 8 a cancelled observer stops all   o CancelledConsumerDoesNotStopTheOthers, r NoNeighbourIsStalled
//	 9 cancel while blocked             o CancelWhileThePublisherIsBlocked
//	10 the buffer option is ignored     o TheBufferIsThereAndLossesAreCounted
//	11 items are split                  o ChannelForSeveralConsumers, r NothingIsSplit
//	12 Debounce loses the last, wakes   DebounceLosesTheLast, DebounceWakesWhileIdle
//	13 observing twice panics           SecondObserverPanics, o RunningAgain
//	14 a nil item panics                NilItemPanics, r ValuesStayWhatTheyAre
//	15 slices are flattened             SlicesAreFlattened
//	16 ForEach ignores its context      o ForEach
//	17 signals after an error           SignalsAfterAnError
//	18 CombineLatest passes nil         CombineLatestRace
//	19 CombineLatest counts nils        CombineLatestCountsNils
//	20 Distinct drops a first nil       DistinctDropsAFirstNil
//	21 groups read in turn deadlock     GroupsReadInTurnDeadlock
//	22 Retry tries once                 RetryTriesOnceAndLosesTheError
//	23 Timer emits nothing              o TimerGivesItsValue
//	24 merged contexts leak             ContextsAreMergedByLeakingGoroutines, r BothContextsEndAnObservation
//	25 a pool loses the order           PoolLosesOrder
//	26 the stream goes on after errors  StreamGoesOnAfterAnErrorWasReplaced

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
	synctest.Test(t, func(t *testing.T) { want(t, op.Debounce(observable.Of(1, 2, 3), time.Second), 3) })
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
	synctest.Test(t, func(t *testing.T) { // where a debounce waits for nobody's turn
		s := op.ConcatMap(op.Debounce(observable.Of(1, 2), ms), func(v int) observable.Observable[int] {
			return op.Map(op.Chunk(observable.Of(v), 9, ms), func(vs []int) int { return vs[0] })
		})
		want(t, s, 2)
		want(t, s, 2)
	})
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
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && time.Now().Before(end); {
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
