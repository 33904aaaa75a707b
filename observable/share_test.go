package observable_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/observable/obstest"
)

// counted counts the runs of src that have begun and that go on.
func counted[T any](src observable.Observable[T]) (out observable.Observable[T], begun, active *atomic.Int32) {
	begun, active = new(atomic.Int32), new(atomic.Int32)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		begun.Add(1)
		active.Add(1)
		defer active.Add(-1)
		return src.Run(ctx, yield)
	}), begun, active
}

func TestShareRunsTheSourceOnce(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		src, begun, active := counted(obstest.Cold(t, "a-b-c-d-|"))
		shared := observable.Share(src)
		first := obstest.Start(t, shared)
		time.Sleep(3 * obstest.Frame)
		second := obstest.Start(t, shared)
		<-first.Done()
		<-second.Done()
		if first.String() != "a-b-c-d-|" || second.String() != "-c-d-|" {
			t.Errorf("first %s, second %s", first, second)
		}
		if begun.Load() != 1 || active.Load() != 0 {
			t.Errorf("%d runs, %d go on", begun.Load(), active.Load())
		}
		obstest.Expect(t, shared, "a-b-c-d-|") // a new run
	})
}

func TestShareEndsWithTheLastConsumer(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		src, begun, active := counted(observable.Interval(obstest.Frame))
		shared := observable.Share(src)
		first, second := obstest.Start(t, shared), obstest.Start(t, shared)
		time.Sleep(obstest.Frame)
		first.Stop()
		if active.Load() != 1 {
			t.Error("the run has ended with the first consumer")
		}
		second.Stop()
		if active.Load() != 0 {
			t.Error("the last consumer has left and the run goes on")
		}
		obstest.Expect(t, shared, "-01234") // a new run, which begins at 0
		if begun.Load() != 2 {
			t.Errorf("%d runs", begun.Load())
		}
	})
}

func TestShareLingers(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		src, begun, active := counted(observable.Interval(obstest.Frame))
		shared := observable.ShareReplay(src, 1, observable.WithLinger(5*obstest.Frame))
		shared.First(t.Context())
		time.Sleep(3 * obstest.Frame)
		if v, err := shared.First(t.Context()); begun.Load() != 1 || v < 2 || err != nil {
			t.Errorf("%d runs, value %d: one who comes in time joins", begun.Load(), v)
		}
		time.Sleep(5*obstest.Frame + 1)
		if active.Load() != 0 {
			t.Error("the run goes on after it has lingered")
		}
		if v, err := shared.First(t.Context()); begun.Load() != 2 || v != 0 || err != nil {
			t.Errorf("%d runs, value %d: one who comes too late begins anew", begun.Load(), v)
		}
		time.Sleep(time.Hour)
	})
}

func TestShareReplay(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		shared := observable.ShareReplay(obstest.Cold(t, "abc-d|"), 2)
		first := obstest.Start(t, shared)
		time.Sleep(3 * obstest.Frame)
		second := obstest.Start(t, shared)
		<-first.Done()
		<-second.Done()
		if first.String() != "abc-d|" || second.String() != "(bc)d|" {
			t.Errorf("first %s, second %s", first, second)
		}
		obstest.Expect(t, shared, "(cd|)") // it is complete, and says so
	})
}

func TestShareResets(t *testing.T) {
	for _, tt := range []struct {
		marbles string
		opts    []observable.ShareOption
		again   string
	}{
		{"ab|", nil, "(ab|)"},
		{"ab|", []observable.ShareOption{observable.WithResetOnComplete(true)}, "ab|"},
		{"ab#", nil, "ab#"},
		{"ab#", []observable.ShareOption{observable.WithResetOnError(false)}, "(ab#)"},
	} {
		obstest.Run(t, func(t *testing.T) {
			shared := observable.ShareReplay(obstest.Cold(t, tt.marbles), 5, tt.opts...)
			obstest.Expect(t, shared, tt.marbles)
			obstest.Expect(t, shared, tt.again)
			obstest.Expect(t, shared, tt.again)
		})
	}
}

// One run of the source is over before the next begins.
func TestShareDoesNotOverlapRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var active atomic.Int32
		slow := observable.New(func(ctx context.Context, yield func(int) bool) error {
			if active.Add(1) > 1 {
				t.Error("two runs of the source at a time")
			}
			defer active.Add(-1)
			yield(1)
			<-ctx.Done()
			time.Sleep(time.Minute) // takes its time to end
			return context.Cause(ctx)
		})
		shared := observable.Share(slow)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Second)
				if v, err := shared.First(context.Background()); v != 1 || err != nil {
					t.Errorf("%v, %v", v, err)
				}
			})
		}
		wg.Wait()
	})
}

// The end of a run that nobody follows any more does not touch the next run.
func TestShareKeepsTheNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, begun, _ := counted(observable.New(func(ctx context.Context, yield func(int) bool) error {
			for yield(1) {
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
					time.Sleep(time.Minute) // takes its time to end
					return context.Cause(ctx)
				}
			}
			return nil
		}))
		shared := observable.Share(src)
		go shared.First(context.Background())
		time.Sleep(time.Second)
		second := obstest.Start(t, shared) // waits until the first run is over
		time.Sleep(2 * time.Minute)
		third := obstest.Start(t, shared)
		time.Sleep(10 * time.Second)
		if begun.Load() != 2 || len(second.Values()) == 0 || len(third.Values()) == 0 {
			t.Errorf("%d runs; %v, %v", begun.Load(), second.Values(), third.Values())
		}
		second.Stop()
		third.Stop()
	})
}

// No value is missed or doubled between what is replayed and what is live.
func TestShareReplayHasNoSeam(t *testing.T) {
	go1 := make(chan struct{})
	src := observable.New(func(ctx context.Context, yield func(int) bool) error {
		<-go1
		for i := range 5000 {
			if !yield(i) {
				return nil
			}
			if i%64 == 0 {
				runtime.Gosched()
			}
		}
		return nil
	})
	shared := observable.ShareReplay(src, 3)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if i == 1 {
				close(go1)
			}
			for range i * 10 {
				runtime.Gosched()
			}
			before := -1
			err := shared.ForEach(context.Background(), func(v int) error {
				if before >= 0 && v != before+1 {
					return fmt.Errorf("after %d came %d", before, v)
				}
				before = v
				return nil
			})
			if err != nil || before != 4999 {
				t.Errorf("ended at %d, %v", before, err)
			}
		})
	}
	wg.Wait()
}

func TestSharePanicsInItsConsumers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := observable.New(func(ctx context.Context, yield func(int) bool) error {
			yield(1)
			time.Sleep(time.Second)
			panic("the source is broken")
		})
		shared := observable.Share(src)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				defer func() {
					p, ok := recover().(*observable.Panic)
					if !ok || p.Value != "the source is broken" || !strings.Contains(p.Error(), "share_test.go") {
						t.Errorf("recovered %v", p)
					}
				}()
				shared.Collect(context.Background())
			})
		}
		wg.Wait()
	})
}

func TestShareEndsWhenItsSourceExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := observable.Share(observable.New(func(context.Context, func(int) bool) error {
			runtime.Goexit()
			return nil
		}))
		if _, err := shared.First(t.Context()); err == nil || !strings.Contains(err.Error(), "Goexit") {
			t.Errorf("error %v", err)
		}
	})
}

func TestShareWithAPolicyFreesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := observable.Share(observable.Interval(time.Second),
			observable.WithConsumers(observable.WithPolicy(observable.Conflate)))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second+1)
		defer cancel()
		var wg sync.WaitGroup
		var slow, quick int
		wg.Go(func() {
			shared.ForEach(ctx, func(int) error { slow++; time.Sleep(50 * time.Second); return nil })
		})
		wg.Go(func() {
			shared.ForEach(ctx, func(int) error { quick++; return nil })
		})
		wg.Wait()
		if quick != 100 || slow > 3 {
			t.Errorf("the quick one has seen %d values of 100, the slow one %d", quick, slow)
		}
	})
}

func TestShareReportsErrorsThatComeTooLate(t *testing.T) {
	var late []error
	defer observable.OnLateError(func(err error) { late = append(late, err) })()
	shared := observable.Share(observable.New(func(ctx context.Context, yield func(int) bool) error {
		yield(1)
		<-ctx.Done()
		return errors.Join(errBroken)
	}))
	if v, err := shared.First(t.Context()); v != 1 || err != nil {
		t.Errorf("%v, %v", v, err)
	}
	if !slices.ContainsFunc(late, func(err error) bool { return errors.Is(err, errBroken) }) {
		t.Errorf("reported %v", late)
	}
}

// The values, not the end, of the first consumer's context reach the source.
func TestShareContext(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		shared := observable.Share(observable.New(func(ctx context.Context, yield func(any) bool) error {
			for yield(ctx.Value(key{})) {
				if err := ctx.Err(); err != nil {
					return err
				}
				time.Sleep(time.Second)
			}
			return nil
		}))
		first, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "of the first"))
		var wg sync.WaitGroup
		wg.Go(func() { shared.Count(first) })
		synctest.Wait()
		second := obstest.Start(t, shared)
		synctest.Wait()
		cancel()
		wg.Wait()
		time.Sleep(3*time.Second + 1)
		second.Stop()
		if got := fmt.Sprint(second.Values()); got != "[of the first of the first of the first]" {
			t.Errorf("the second consumer saw %v", got)
		}
	})
}
