package operators_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// failing emits nothing and fails with err after d; when it is cancelled before
// that, it fails with onCancel instead of the cause.
func failing(d time.Duration, err, onCancel error) stream {
	return observable.New(func(ctx context.Context, _ func(any) bool) error {
		if sleep(ctx, d) {
			return err
		}
		if onCancel != nil {
			return onCancel
		}
		return context.Cause(ctx)
	})
}

// lateErrors collects what goes to the hook until the test ends.
func lateErrors(t *testing.T) func() []error {
	var mu sync.Mutex
	var errs []error
	t.Cleanup(observable.OnLateError(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	}))
	return func() []error {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(errs)
	}
}

func TestErrorsOfSeveralBranchesAreJoined(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	synctest.Test(t, func(t *testing.T) {
		_, err := op.Merge(failing(time.Second, one, nil), failing(time.Hour, nil, two), never()).Collect(t.Context())
		if !errors.Is(err, one) || !errors.Is(err, two) || err.Error() != "one\ntwo" {
			t.Errorf("error %q, want one and two in the order in which they came", err)
		}
	})
}

// An error that reaches the run by two branches is one error.
func TestSameErrorOfSeveralBranchesCountsOnce(t *testing.T) {
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		src := numbers(3)
		src.err = broken
		shared := src.stream()
		if _, err := op.Merge(shared, shared).Collect(t.Context()); err != broken {
			t.Errorf("error %q, want %q", err, broken)
		}
	})
}

// What a stopped branch says about having been stopped is no error, whether it
// says it by the cause, by ctx.Err or in words of its own around either.
func TestBeingStoppedIsNoError(t *testing.T) {
	says := map[string]func(ctx context.Context) error{
		"cause":         context.Cause,
		"err":           context.Context.Err,
		"wrapped cause": func(ctx context.Context) error { return errors.Join(errors.New("read"), context.Cause(ctx)) },
		"wrapped err":   func(ctx context.Context) error { return errors.Join(errors.New("read"), ctx.Err()) },
		"nothing":       func(context.Context) error { return nil },
	}
	for name, say := range says {
		t.Run(name, func(t *testing.T) {
			late := lateErrors(t)
			source := observable.New(func(ctx context.Context, _ func(any) bool) error {
				<-ctx.Done()
				return say(ctx)
			})
			synctest.Test(t, func(t *testing.T) {
				for operator, s := range map[string]stream{
					"TakeUntil":  op.TakeUntil(source, every(ms, 1)),
					"Race":       op.Race(source, every(ms, 1)),
					"Zip":        op.Zip(of(), source, func(a, _ any) any { return a }),
					"SwitchMap":  op.SwitchMap(op.StartWith(every(ms, 1), any(source)), asStream),
					"nested":     op.Race(op.Merge(source, source), every(ms, 1)),
					"MapOrdered": op.Take(op.MapOrdered(of(1, 2), 2, waits(source)), 1),
				} {
					if _, err := s.Collect(t.Context()); err != nil {
						t.Errorf("%s: %v", operator, err)
					}
				}
			})
			if errs := late(); len(errs) > 0 {
				t.Errorf("late errors: %v", errs)
			}
		})
	}
}

// asStream runs an item that is a stream and else nothing.
func asStream(v any) stream {
	s, _ := v.(stream)
	return s
}

// waits returns 1 for 1, and for everything else what src ends with.
func waits(src stream) func(context.Context, any) (any, error) {
	return func(ctx context.Context, v any) (any, error) {
		if v == 1 {
			return 1, nil
		}
		return nil, src.Run(ctx, func(any) bool { return true })
	}
}

// The cause of a run that is cancelled is returned in place of ctx.Err.
func TestCancelledBranchesReturnTheCause(t *testing.T) {
	cause := errors.New("maintenance")
	source := observable.New(func(ctx context.Context, _ func(any) bool) error {
		<-ctx.Done()
		return ctx.Err()
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(ms, func() { cancel(cause) })
		if _, err := op.Merge(source, source).Collect(ctx); err != cause {
			t.Errorf("error %v, want %v", err, cause)
		}
	})
}

// A source that looks at nothing but what yield returns is stopped all the same.
func TestSpinningSourceIsStopped(t *testing.T) {
	spin := observable.New(func(_ context.Context, yield func(any) bool) error {
		for i := 0; yield(i); i++ {
		}
		return nil
	})
	cause := errors.New("cancelled by the test")
	for _, c := range crewCandidates() {
		if c.mute || c.name == "Buffer/Fail" || c.name == "GroupBy/many" {
			continue // these fail, rightly, when they are flooded
		}
		t.Run(c.name, func(t *testing.T) {
			s := c.apply(spin, nop)
			n := 0
			err := s.Run(t.Context(), func(any) bool { n++; return n < 100 })
			if err != nil {
				t.Error(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			n = 0
			err = s.Run(ctx, func(any) bool {
				if n++; n == 100 {
					cancel(cause)
				}
				return true
			})
			if err != cause {
				t.Errorf("error %v, want %v", err, cause)
			}
		})
	}
}

func panics(v any) stream {
	return observable.New(func(context.Context, func(any) bool) error { panic(v) })
}

func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestPanicOfABranchKeepsValueAndStack(t *testing.T) {
	boom := errors.New("boom")
	v := recovered(func() { _ = op.Merge(op.Merge(panics(boom), never()), never()).Run(t.Context(), nil) })
	p, ok := v.(*observable.Panic)
	if !ok || p.Value != boom || !errors.Is(p, boom) || !strings.Contains(string(p.Stack), "panics.") {
		t.Errorf("panic %v", v)
	}
}

// Where two panics meet, one goes up and the other goes to the hook.
func TestNoPanicIsLost(t *testing.T) {
	late := lateErrors(t)
	v := recovered(func() {
		_ = op.Merge(panics("one"), panics("two")).Run(t.Context(), nil)
	})
	errs := late()
	if p, ok := v.(*observable.Panic); !ok || len(errs) != 1 || errs[0].(*observable.Panic).Value == p.Value {
		t.Errorf("panic %v, late %v", v, errs)
	}

	v = recovered(func() {
		slow := observable.New(func(ctx context.Context, yield func(any) bool) error {
			yield(1)
			<-ctx.Done()
			panic("slow")
		})
		_ = op.Merge(slow).Run(t.Context(), func(any) bool { panic("consumer") })
	})
	if errs = late(); v != "consumer" || len(errs) != 2 || errs[1].(*observable.Panic).Value != "slow" {
		t.Errorf("panic %v, late %v", v, errs)
	}
}

// runtime.Goexit, as in t.FailNow, in a branch ends the goroutine of the run.
func TestGoexitOfABranch(t *testing.T) {
	exits := observable.New(func(context.Context, func(any) bool) error {
		runtime.Goexit()
		return nil
	})
	returned := false
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = op.Merge(exits, never()).Run(t.Context(), nil)
		returned = true
	})
	wg.Wait()
	if returned {
		t.Error("the run returned")
	}
}

// Leaving a loop by panic or Goexit joins the branches too.
func TestGoexitOfTheConsumer(t *testing.T) {
	src := numbers(0)
	src.items, src.hangs = []any{1, 2, 3}, true
	src.gap = 0
	var wg sync.WaitGroup
	wg.Go(func() {
		for range op.Merge(src.stream(), src.stream()).All(t.Context()) {
			runtime.Goexit()
		}
	})
	wg.Wait()
	if n := src.open.Load(); n != 0 {
		t.Errorf("%d runs of the source go on", n)
	}
}

func TestNoLimitOfConcurrency(t *testing.T) {
	got, err := op.MergeMap(count(100), math.MaxInt, func(v int) observable.Observable[int] {
		return observable.Of(v)
	}).Collect(t.Context())
	slices.Sort(got)
	if err != nil || len(got) != 100 || got[99] != 99 {
		t.Errorf("%v, %v", got, err)
	}
	got, err = op.MapOrdered(count(100), math.MaxInt, func(_ context.Context, v int) (int, error) {
		return v, nil
	}).Collect(t.Context())
	if err != nil || !slices.Equal(got, ints(100)) {
		t.Errorf("%v, %v", got, err)
	}
}

// ints returns 0 to n-1.
func ints(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
