package observable_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/observable/obstest"
)

func TestNilAndZeroAreValues(t *testing.T) {
	one := 1
	got, err := observable.Of(nil, &one, nil).Collect(t.Context())
	if !slices.Equal(got, []*int{nil, &one, nil}) || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	s := observable.NewSubject[error]()
	sub := s.Subscribe()
	s.Publish(t.Context(), nil)
	s.Publish(t.Context(), errors.New("a value that is an error"))
	s.Close(nil)
	if n, err := sub.Observable().Count(t.Context()); n != 2 || err != nil {
		t.Errorf("%d values, %v", n, err)
	}
	if got, err := observable.Of([]int{1, 2}, []int{3}).Count(t.Context()); got != 2 || err != nil {
		t.Errorf("two slices are %d values, %v", got, err)
	}
}

func TestFromChan(t *testing.T) {
	ch := make(chan int, 3)
	ch <- 1
	ch <- 2
	src := observable.FromChan(ch)
	if v, err := src.First(t.Context()); v != 1 || err != nil {
		t.Errorf("First: %v, %v", v, err)
	}
	ch <- 3
	close(ch)
	if got, err := src.Collect(t.Context()); !slices.Equal(got, []int{2, 3}) || err != nil {
		t.Errorf("the next run goes on where the first has left: %v, %v", got, err)
	}
	_, err := src.Collect(t.Context())
	shot, ok := errors.AsType[*observable.OneShotError](err)
	if !errors.Is(err, observable.ErrOneShot) || !ok || shot.Source != "FromChan" {
		t.Errorf("a run of a channel that was read to its end: %v", err)
	}
}

func TestFromSeq(t *testing.T) {
	src := observable.FromSeq(slices.Values([]int{1, 2, 3}))
	for range 2 {
		if got, err := src.Collect(t.Context()); !slices.Equal(got, []int{1, 2, 3}) || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
	}
	stopped := false
	endless := observable.FromSeq(iter.Seq[int](func(yield func(int) bool) {
		defer func() { stopped = true }()
		for i := 0; yield(i); i++ {
		}
	}))
	ctx, cancel := context.WithCancel(t.Context())
	err := endless.ForEach(ctx, func(i int) error {
		if i == 10 {
			cancel()
		}
		return nil
	})
	if err != context.Canceled || !stopped {
		t.Errorf("error %v, the sequence has ended: %v", err, stopped)
	}
}

func TestDeferMakesAStreamForEachRun(t *testing.T) {
	n := 0
	src := observable.Defer(func() observable.Observable[int] { n++; return observable.Of(n, n) })
	for want := 1; want <= 2; want++ {
		if got, err := src.Collect(t.Context()); !slices.Equal(got, []int{want, want}) || err != nil {
			t.Errorf("run %d: %v, %v", want, got, err)
		}
	}
}

func TestTimes(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		obstest.Expect(t, observable.Interval(2*obstest.Frame), "--0-1-2-3-")
		obstest.Expect(t, observable.Never[int](), " 1h ")
		begin := time.Now()
		at, err := observable.Timer(time.Minute).First(t.Context())
		if at.Sub(begin) != time.Minute || err != nil {
			t.Errorf("the timer gave %v, %v", at.Sub(begin), err)
		}
		if n, err := observable.Timer(-1).Count(t.Context()); n != 1 || err != nil {
			t.Errorf("a timer of the past gave %d values, %v", n, err)
		}
	})
}

func TestIntervalSkipsWhileTheConsumerIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var at []time.Duration
		err := observable.Interval(time.Second).ForEach(t.Context(), func(n int) error {
			at = append(at, time.Since(begin))
			if n == 0 {
				time.Sleep(10500 * time.Millisecond)
			}
			if n == 2 {
				return errors.New("enough")
			}
			return nil
		})
		if err == nil || !slices.Equal(at, []time.Duration{time.Second, 11500 * time.Millisecond, 12 * time.Second}) {
			t.Errorf("ticks at %v, %v", at, err)
		}
	})
}
