package operators_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// The fine print of single operators that neither the laws nor the marbles show.

func collect[T any](t *testing.T, s observable.Observable[T]) []T {
	t.Helper()
	got, err := s.Collect(t.Context())
	if err != nil {
		t.Error(err)
	}
	return got
}

func want[T comparable](t *testing.T, s observable.Observable[T], items ...T) {
	t.Helper()
	if got := collect(t, s); !slices.Equal(got, items) {
		t.Errorf("%v, want %v", got, items)
	}
}

func TestPlainOperators(t *testing.T) {
	five, empty := observable.Of(1, 2, 3, 4, 5), observable.Of[int]()
	even := func(v int) bool { return v%2 == 0 }
	below3 := func(v int) bool { return v < 3 }
	sum := func(a, v int) int { return a + v }

	want(t, op.Filter(five, even), 2, 4)
	want(t, op.FilterMap(five, func(v int) (string, bool) { return strconv.Itoa(v), even(v) }), "2", "4")
	want(t, op.Scan(five, 10, sum), 11, 13, 16, 20, 25)
	want(t, op.Scan(empty, 10, sum))
	want(t, op.Reduce(five, 10, sum), 25)
	want(t, op.Reduce(empty, 10, sum), 10)
	want(t, op.Take(five, 2), 1, 2)
	want(t, op.Take(five, 9), 1, 2, 3, 4, 5)
	want(t, op.Take(observable.Fail[int](errors.New("must not run")), 0))
	want(t, op.TakeWhile(five, below3), 1, 2)
	want(t, op.TakeWhile(observable.Of(1, 5, 1), below3), 1)
	want(t, op.Skip(five, 2), 3, 4, 5)
	want(t, op.Skip(five, 9))
	want(t, op.SkipWhile(observable.Of(1, 5, 1), below3), 5, 1)
	want(t, op.Distinct(observable.Of(0, 0, 1, 1, 0)), 0, 1, 0)
	want(t, op.DistinctBy(five, even), 1, 2, 3, 4, 5)
	want(t, op.DistinctBy(five, below3), 1, 3)
	want(t, op.DistinctFunc(five, func(last, v int) bool { return v-last < 2 }), 1, 3, 5)
	want(t, op.Pairwise(observable.Of(1, 2, 3)), op.Pair[int]{1, 2}, op.Pair[int]{2, 3})
	want(t, op.Pairwise(observable.Of(1)))
	want(t, op.StartWith(five, 0), 0, 1, 2, 3, 4, 5)
	want(t, op.EndWith(empty, 6, 7), 6, 7)
	if got := collect(t, op.Distinct(observable.Of(math.NaN(), math.NaN()))); len(got) != 2 {
		t.Errorf("%v: a NaN differs from itself", got)
	}
}

// DistinctFunc compares with the last item that was emitted, not the last seen.
func TestDistinctFuncIsADeadBand(t *testing.T) {
	near := func(last, v float64) bool { return math.Abs(v-last) < 1 }
	want(t, op.DistinctFunc(observable.Of(1, 1.6, 2.2, 2.8, 3.4), near), 1, 2.2, 3.4)
}

func TestSlicesOfArgumentsAreCopied(t *testing.T) {
	values, sources := []int{1, 2}, []observable.Observable[int]{observable.Of(1), observable.Of(2)}
	started, merged, concatenated := op.StartWith(observable.Of(3), values...), op.Merge(sources...), op.Concat(sources...)
	raced := op.Race(sources[:1]...)
	values[0], sources[0] = 9, observable.Of(9)
	want(t, started, 1, 2, 3)
	want(t, concatenated, 1, 2)
	want(t, raced, 1)
	if got := collect(t, merged); slices.Contains(got, 9) {
		t.Error(got)
	}
}

func TestMapErrStopsTheSource(t *testing.T) {
	asked := 0
	broken := errors.New("broken")
	src := op.Tap(count(-1), func(int) { asked++ })
	got, err := op.MapErr(src, func(v int) (int, error) {
		if v == 3 {
			return 0, broken
		}
		return v, nil
	}).Collect(t.Context())
	if err != broken || !slices.Equal(got, ints(3)) || asked != 4 {
		t.Errorf("%v, %v after %d items", got, err, asked)
	}
}

// What the source says after MapErr has stopped it is reported.
func TestMapErrReportsWhatTheSourceSaysAfterwards(t *testing.T) {
	late := lateErrors(t)
	broken, closing := errors.New("broken"), errors.New("closing failed")
	src := observable.New(func(_ context.Context, yield func(int) bool) error {
		yield(1)
		return closing
	})
	_, err := op.MapErr(src, func(int) (int, error) { return 0, broken }).Collect(t.Context())
	if errs := late(); err != broken || len(errs) != 1 || errs[0] != closing {
		t.Errorf("%v, late %v", err, errs)
	}
}

func TestMaterialize(t *testing.T) {
	broken := errors.New("broken")
	failing := op.Concat(observable.Of(1), observable.Fail[int](broken))
	want(t, op.Materialize(failing), op.Result[int]{Value: 1}, op.Result[int]{Err: broken})
	want(t, op.Materialize(observable.Of(1)), op.Result[int]{Value: 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if results, err := op.Materialize(never()).Collect(ctx); err != context.Canceled || len(results) > 0 {
		t.Errorf("%v, %v: a cancellation is no Result", results, err)
	}
	got, err := op.Dematerialize(op.Materialize(failing)).Collect(t.Context())
	if err != broken || !slices.Equal(got, []int{1}) {
		t.Errorf("%v, %v", got, err)
	}
	numbers := op.Map(observable.Of("1", "x", "2"), func(s string) op.Result[int] { return op.ResultOf(strconv.Atoi(s)) })
	if got := collect(t, numbers); len(got) != 3 || got[1].Err == nil || got[2].Value != 2 {
		t.Errorf("%v: a bad item must not end the stream", got)
	}
}

func TestOnEndTellsHowItEnded(t *testing.T) {
	broken, cause := errors.New("broken"), errors.New("cause")
	src := numbers(2)
	src.gap = 0
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	stay := func(any) bool { return true }
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		src   stream
		yield func(any) bool
		want  error
	}{
		{"complete", t.Context(), src.stream(), stay, nil},
		{"error", t.Context(), observable.Fail[any](broken), stay, broken},
		{"cancel", cancelled, src.stream(), stay, cause},
		{"stop", t.Context(), src.stream(), func(any) bool { return false }, op.ErrLeft},
		{"panic", t.Context(), src.stream(), func(any) bool { panic(1) }, op.ErrPanicked},
		{"panic of the source", t.Context(), panics(1), stay, op.ErrPanicked},
	} {
		var ends []error
		s := op.OnEnd(tt.src, func(err error) { ends = append(ends, err) })
		recovered(func() { _ = s.Run(tt.ctx, tt.yield) })
		if len(ends) != 1 || ends[0] != tt.want {
			t.Errorf("%s: told %v, want %v once", tt.name, ends, tt.want)
		}
	}
}

// The clock of Timeout stands still while the consumer works.
func TestTimeoutMeasuresTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		err := op.Timeout(every(9*ms, 5), 10*ms, 10*ms).Run(t.Context(), func(any) bool {
			n++
			time.Sleep(time.Hour)
			return true
		})
		if err != nil || n != 5 {
			t.Errorf("%v after %d items", err, n)
		}
	})
}

func TestTimeoutError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing := errors.New("closing failed")
		err := op.Timeout(failing(time.Hour, nil, closing), time.Second, 0).Run(t.Context(), nil)
		for _, target := range []error{op.ErrTimeout, context.DeadlineExceeded, closing} {
			if !errors.Is(err, target) {
				t.Errorf("%v is not %v", err, target)
			}
		}
		if err := op.Timeout(never(), time.Second, 0).Run(t.Context(), nil); err.Error() != "operators: time-out: no item for 1s" {
			t.Error(err)
		}
		// A deadline of the run is not the time-out of the operator.
		ctx, cancel := context.WithTimeout(t.Context(), ms)
		defer cancel()
		if err := op.Timeout(never(), time.Second, 0).Run(ctx, nil); err != context.DeadlineExceeded {
			t.Error(err)
		}
	})
}

// A run that is cancelled ends with the cause, though its source takes so long
// to go that the limit passes too.
func TestTimeoutAfterCancel(t *testing.T) {
	cause := errors.New("cause")
	synctest.Test(t, func(t *testing.T) {
		slow := observable.New(func(ctx context.Context, _ func(int) bool) error {
			<-ctx.Done()
			time.Sleep(time.Hour)
			return context.Cause(ctx)
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(ms, func() { cancel(cause) })
		if err := op.Timeout(slow, time.Second, 0).Run(ctx, nil); err != cause {
			t.Error(err)
		}
	})
}

// At most 1024 items wait in Delay; then the source waits, and nothing is lost.
func TestDelayBoundsItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made atomic.Int64
		src := op.Tap(count(3000), func(int) { made.Add(1) })
		n, most := 0, 0
		err := op.Delay(src, time.Second).Run(t.Context(), func(v int) bool {
			if v != n {
				t.Fatalf("%d, want %d", v, n)
			}
			n++
			most = max(most, int(made.Load())-n)
			return true
		})
		if err != nil || n != 3000 || most > 1026 {
			t.Errorf("%v, %d items, %d were ahead", err, n, most)
		}
	})
}

// A chunk belongs to who receives it.
func TestChunksAreNotReused(t *testing.T) {
	for _, d := range []time.Duration{0, time.Hour} {
		got := collect(t, op.Chunk(count(7), 3, d))
		if len(got) != 3 || !slices.Equal(slices.Concat(got...), ints(7)) || len(got[0]) != 3 || len(got[2]) != 1 {
			t.Errorf("%v", got)
		}
	}
}

// Combinations are complete and typed: no value is taken for absence.
func TestCombineLatestAllGivesSlicesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := collect(t, op.CombineLatestAll([]stream{every(10*ms, 2), op.Delay(of("x", "y"), 15*ms)}))
		if len(got) != 3 || got[0][0] != 0 || got[2][0] != 1 || got[2][1] != "y" {
			t.Errorf("%v", got)
		}
	})
}
