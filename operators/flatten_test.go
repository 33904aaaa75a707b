package operators_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// The old inner stream of SwitchMap is cancelled and joined before the new one
// begins, however long it takes to go.
func TestSwitchMapJoinsTheOldStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var open atomic.Int32
		slow := func(v any) stream {
			return observable.New(func(ctx context.Context, yield func(any) bool) error {
				if open.Add(1) > 1 {
					t.Error("two inner streams at a time")
				}
				defer open.Add(-1)
				stay := yield(v)
				if stay {
					<-ctx.Done()
				}
				time.Sleep(time.Second)
				if stay {
					yield("stale")
				}
				return context.Cause(ctx)
			})
		}
		s := op.Take(op.SwitchMap(op.Concat(every(10*ms, 2), never()), slow), 2)
		got := collect(t, s)
		if !slices.Equal(got, []any{0, 1}) {
			t.Errorf("%v, want [0 1]", got)
		}
		if d := time.Since(began); d != 2*time.Second+20*ms { // 10 ms, 20 ms; each stream takes a second to go
			t.Errorf("took %v", d)
		}
	})
}

// What a stream of SwitchMap fails with when it is replaced is not the end of
// the others, and not lost.
func TestSwitchMapReportsWhatReplacedStreamsSay(t *testing.T) {
	late := lateErrors(t)
	closing := errors.New("closing failed")
	synctest.Test(t, func(t *testing.T) {
		s := op.SwitchMap(every(ms, 2), func(v any) stream {
			if v == 0 {
				return failing(time.Hour, nil, closing)
			}
			return of(v)
		})
		want(t, s, 1)
	})
	if errs := late(); len(errs) != 1 || errs[0] != closing {
		t.Errorf("late errors %v, want %v", errs, closing)
	}
}

// An item of SwitchMap that is overtaken before its turn is passed over; the
// last one is not.
func TestSwitchMapEndsWithTheLast(t *testing.T) {
	for range 200 {
		got := collect(t, op.SwitchMap(count(20), func(v int) observable.Observable[int] { return observable.Of(v) }))
		if len(got) == 0 || got[len(got)-1] != 19 || !slices.IsSorted(got) {
			t.Fatalf("%v", got)
		}
		// The streams before would never end by themselves: none may be overlooked.
		want(t, op.SwitchMap(count(20), func(v int) observable.Observable[int] {
			if v < 19 {
				return observable.Never[int]()
			}
			return observable.Of(v)
		}), 19)
	}
}

func TestMapOrdered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var running, peak int
		var order []int
		began := time.Now()
		got := collect(t, op.MapOrdered(count(6), 3, func(_ context.Context, v int) (int, error) {
			mu.Lock()
			running++
			peak = max(peak, running)
			mu.Unlock()
			time.Sleep(time.Duration(6-v) * time.Second)
			mu.Lock()
			defer mu.Unlock()
			running--
			order = append(order, v)
			return v, nil
		}))
		if !slices.Equal(got, ints(6)) || slices.IsSorted(order) || peak != 3 {
			t.Errorf("got %v, finished in order %v, %d at a time", got, order, peak)
		}
		if d := time.Since(began); d != 9*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

func TestMapOrderedErrorsKeepTheirTurn(t *testing.T) {
	late := lateErrors(t)
	broken, later := errors.New("broken"), errors.New("later")
	synctest.Test(t, func(t *testing.T) {
		f := func(ctx context.Context, v int) (int, error) {
			switch v {
			case 1:
				time.Sleep(time.Second)
			case 2:
				return 0, broken // at once, but after 0 and 1
			case 3:
				<-ctx.Done()
				return 0, later
			}
			return v, nil
		}
		got, err := op.MapOrdered(count(9), 4, f).Collect(t.Context())
		if err != broken || !slices.Equal(got, []int{0, 1}) {
			t.Errorf("%v, %v", got, err)
		}
		// The error of the source comes after the results.
		got, err = op.MapOrdered(op.Concat(count(2), observable.Fail[int](broken)), 4, f).Collect(t.Context())
		if err != broken || !slices.Equal(got, []int{0, 1}) {
			t.Errorf("%v, %v", got, err)
		}
	})
	if errs := late(); len(errs) != 1 || errs[0] != later {
		t.Errorf("late errors %v, want %v", errs, later)
	}
}
