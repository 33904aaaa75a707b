package observable_test

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
)

func TestValueSetAndUpdate(t *testing.T) {
	v := observable.NewValue("a")
	if v.Load() != "a" || v.Set("a") || !v.Set("b") || v.Load() != "b" {
		t.Errorf("Load %q", v.Load())
	}
	if got := v.Update(func(s string) string { return s + "c" }); got != "bc" || v.Load() != "bc" {
		t.Errorf("Update returned %q, Load %q", got, v.Load())
	}
	if got := v.Update(func(s string) string { return s }); got != "bc" {
		t.Errorf("Update returned %q", got)
	}
	v.Close()
	v.Close()
	if v.Set("d") || v.Load() != "bc" || v.Update(func(string) string { return "e" }) != "bc" {
		t.Errorf("a closed Value has changed to %q", v.Load())
	}
}

func TestValueFuncComparesByFunction(t *testing.T) {
	v := observable.NewValueFunc([]int{1}, slices.Equal[[]int])
	if v.Set([]int{1}) || !v.Set([]int{2}) {
		t.Error("the given equal was not asked")
	}
}

func TestUpdatesAreNotLost(t *testing.T) {
	v := observable.NewValue(0)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				v.Update(func(n int) int { return n + 1 })
			}
		})
	}
	wg.Wait()
	if v.Load() != 2000 {
		t.Errorf("2000 updates made %d", v.Load())
	}
}

func TestWaitReturnsWhatIsTrueAlready(t *testing.T) {
	v := observable.NewValue(7)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := v.Wait(ctx, func(n int) bool { return n == 7 }); got != 7 || err != nil {
		t.Errorf("what is true must win over a context that is done: %v, %v", got, err)
	}
	if _, err := v.Wait(ctx, func(n int) bool { return n == 8 }); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := observable.NewValue(0)
		go func() {
			for i := range 5 {
				time.Sleep(time.Second)
				v.Set(i + 1)
			}
			time.Sleep(time.Second)
			v.Close()
		}()
		begin := time.Now()
		if got, err := v.Wait(t.Context(), func(n int) bool { return n >= 3 }); got != 3 || err != nil || time.Since(begin) != 3*time.Second {
			t.Errorf("%v, %v after %v", got, err, time.Since(begin))
		}
		cause := errors.New("too late")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second/2, cause)
		defer cancel()
		if _, err := v.Wait(ctx, func(n int) bool { return n > 9 }); err != cause {
			t.Errorf("error %v, want the cause", err)
		}
		if _, err := v.Wait(t.Context(), func(n int) bool { return n > 9 }); err != observable.ErrClosed || time.Since(begin) != 6*time.Second {
			t.Errorf("error %v after %v, want ErrClosed after 6s", err, time.Since(begin))
		}
	})
}

func TestWatchersSeeTheLastValue(t *testing.T) {
	v := observable.NewValue(0)
	const last = 5000
	var wg sync.WaitGroup
	var skipped atomic.Int64
	for range 8 {
		wg.Go(func() {
			seen := -1
			for n, err := range v.Observable().All(context.Background()) {
				if err != nil || n <= seen {
					t.Errorf("after %d came %d, %v", seen, n, err)
				}
				skipped.Add(int64(n - seen - 1))
				seen = n
			}
			if seen != last {
				t.Errorf("the stream completed after %d, and the last value was %d", seen, last)
			}
		})
	}
	for i := range last {
		v.Set(i + 1)
	}
	v.Close()
	wg.Wait()
	t.Logf("%d of %d values were conflated", skipped.Load(), 8*last)
}

func TestObservableSkipsWhatCameBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := observable.NewValue("a")
		var seen []string
		go func() {
			time.Sleep(time.Second)
			v.Set("b") // while the watcher is busy with a
			v.Set("a")
			time.Sleep(time.Hour)
			v.Set("d")
			v.Close()
		}()
		err := v.Observable().ForEach(t.Context(), func(s string) error {
			seen = append(seen, s)
			time.Sleep(2 * time.Second)
			return nil
		})
		if !slices.Equal(seen, []string{"a", "d"}) || err != nil {
			t.Errorf("saw %q, %v; want a, which was back when it looked, and d", seen, err)
		}
	})
}

// Close is no change, also to an equality that takes everything for one: the last
// value is seen once, by who has seen it before Close and by who comes later.
func TestCloseIsNoChange(t *testing.T) {
	never := func(int, int) bool { return false }
	synctest.Test(t, func(t *testing.T) {
		v := observable.NewValueFunc(1, never)
		var seen []int
		var wg sync.WaitGroup
		wg.Go(func() {
			for n, err := range v.Observable().All(t.Context()) {
				if err != nil {
					t.Error(err)
				}
				seen = append(seen, n)
			}
		})
		synctest.Wait()
		v.Set(1)
		synctest.Wait()
		v.Close()
		wg.Wait()
		if !slices.Equal(seen, []int{1, 1}) {
			t.Errorf("seen %v, want the value and its one change", seen)
		}

		// A last change that is closed at once is seen, too.
		v, seen = observable.NewValueFunc(1, never), nil
		for n := range v.Observable().All(t.Context()) {
			if seen = append(seen, n); n == 1 {
				v.Set(2)
				v.Close()
			}
		}
		if !slices.Equal(seen, []int{1, 2}) {
			t.Errorf("seen %v, want the last change", seen)
		}
		if n, err := v.Observable().Count(t.Context()); n != 1 || err != nil {
			t.Errorf("a closed Value has %d values, %v", n, err)
		}
	})
}

// All who wait are woken, also when the one that is woken first leaves at that moment.
func TestEveryWatcherIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := observable.NewValue(0)
		for round := 1; round <= 50; round++ {
			var wg sync.WaitGroup
			var woken atomic.Int64
			ctx, cancel := context.WithCancel(t.Context())
			for i := range 20 {
				wait := ctx
				if i%2 == 0 {
					wait = context.Background()
				}
				wg.Go(func() {
					if _, err := v.Wait(wait, func(n int) bool { return n >= round }); err == nil {
						woken.Add(1)
					}
				})
			}
			synctest.Wait()
			go cancel()
			v.Set(round)
			wg.Wait()
			if woken.Load() < 10 {
				t.Fatalf("%d were woken, want 10 at least", woken.Load())
			}
		}
	})
}

func TestView(t *testing.T) {
	v := observable.NewValue(1)
	view := v.View()
	v.Set(2)
	if got, err := view.Wait(t.Context(), func(n int) bool { return n == 2 }); view.Load() != 2 || got != 2 || err != nil {
		t.Errorf("Load %v, Wait %v, %v", view.Load(), got, err)
	}
	if got, err := view.Observable().First(t.Context()); got != 2 || err != nil {
		t.Errorf("Observable %v, %v", got, err)
	}
	var none observable.View[int]
	if _, err := none.Wait(t.Context(), func(int) bool { return true }); none.Load() != 0 || err != observable.ErrClosed {
		t.Errorf("the zero View: Load %v, Wait %v", none.Load(), err)
	}
	if n, err := none.Observable().Count(t.Context()); n != 0 || err != nil {
		t.Errorf("the zero View has %d values, %v", n, err)
	}
}

func TestSetDoesNotDependOnWatchersThatSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := observable.NewValue(0)
		for range 100 {
			go v.Wait(context.Background(), func(n int) bool { return n == 1 })
		}
		synctest.Wait()
		if n := testing.AllocsPerRun(1, func() { v.Set(v.Load() + 2) }); n > 1 {
			t.Errorf("Set allocates %v times with 100 watchers, want once", n)
		}
		v.Set(1)
	})
}
