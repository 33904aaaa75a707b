package observable_test

// Each test here is a mistake that another stream library makes (rxgo v2.5.0 or
// samber/ro v0.4.0, as named), and shows that it is not made here.

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// rxgo: the first value of a hot source ends a Take(1) only when a second comes.
func TestTrapFirstEndsWithItsValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := observable.NewSubject[int]()
		time.AfterFunc(time.Second, func() { s.Publish(context.Background(), 1) })
		begin := time.Now()
		if v, err := s.Observable().First(t.Context()); v != 1 || err != nil || time.Since(begin) != time.Second {
			t.Errorf("%v, %v after %v", v, err, time.Since(begin))
		}
		if s.Len() != 0 {
			t.Error("the subscription is still there")
		}
	})
}

// rxgo: a consumer that has its values does not end its source.
func TestTrapLeavingEndsTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, _, active := counted(observable.Interval(time.Second))
		for range 10 {
			n := 0
			for range src.All(t.Context()) {
				if n++; n == 3 {
					break
				}
			}
		}
		if active.Load() != 0 {
			t.Errorf("%d sources go on", active.Load())
		}
	})
}

// rxgo: when one observer of an event source is cancelled, the others get nothing more.
func TestTrapCancelledConsumerDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := observable.NewSubject[int](observable.WithSubscribers(observable.WithPolicy(observable.Block), observable.WithLimit(1)))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var got []int
		wg.Go(func() { s.Observable().Count(ctx) })
		wg.Go(func() { got, _ = s.Observable().Collect(context.Background()) })
		synctest.Wait()
		s.Publish(t.Context(), 1)
		cancel()
		for i := range 5 {
			s.Publish(t.Context(), i+2)
		}
		s.Close(nil)
		wg.Wait()
		if !slices.Equal(got, []int{1, 2, 3, 4, 5, 6}) {
			t.Errorf("the one that stayed got %v", got)
		}
	})
}

// rxgo: after a publisher was blocked on an observer that was cancelled, channels
// are never closed and the next Observe blocks for ever.
func TestTrapCancelWhileThePublisherIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := observable.NewSubject[int]()
		stuck := s.Subscribe(observable.WithPolicy(observable.Block), observable.WithLimit(1))
		s.Publish(t.Context(), 1)
		ctx, cancel := context.WithCancel(t.Context())
		ch, wait := stuck.Chan(ctx) // nobody reads it
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range 3 {
				s.Publish(context.Background(), i+2)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		if err := wait(); err != context.Canceled {
			t.Errorf("error %v", err)
		}
		if _, open := <-ch; open {
			t.Error("the channel is not closed")
		}
		sub := s.Subscribe()
		s.Publish(t.Context(), 9)
		if v, err := sub.Next(t.Context()); v != 9 || err != nil {
			t.Errorf("a new subscription: %v, %v", v, err)
		}
		sub.Close()
	})
}

// rxgo: the buffer that was asked for is ignored, and nothing counts what is dropped.
func TestTrapTheBufferIsThereAndLossesAreCounted(t *testing.T) {
	s := observable.NewSubject[int]()
	sub := s.Subscribe(observable.WithLimit(64), observable.WithPolicy(observable.DropNewest))
	for i := range 50 {
		s.Publish(t.Context(), i)
	}
	if st := sub.Stats(); st.Buffered != 50 || st.Dropped != 0 {
		t.Errorf("%+v, want 50 buffered", st)
	}
	for i := range 50 {
		s.Publish(t.Context(), i)
	}
	if st := sub.Stats(); st.Buffered != 64 || st.Dropped != 36 {
		t.Errorf("%+v, want 64 buffered and 36 dropped", st)
	}
	sub.Close()
}

// rxgo: two observers of FromChannel share the items by accident. A channel has
// each value once; whoever wants all for all says so.
func TestTrapChannelForSeveralConsumers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int)
		shared := observable.Share(observable.FromChan(ch))
		var wg sync.WaitGroup
		got := make([][]int, 2)
		for i := range got {
			wg.Go(func() { got[i], _ = shared.Collect(context.Background()) })
		}
		synctest.Wait()
		for i := range 100 {
			ch <- i
		}
		close(ch)
		wg.Wait()
		if len(got[0]) != 100 || !slices.Equal(got[0], got[1]) {
			t.Errorf("%d and %d values", len(got[0]), len(got[1]))
		}
		if _, err := observable.FromChan(ch).First(t.Context()); err != observable.ErrEmpty {
			t.Errorf("a closed channel: %v", err)
		}
	})
}

// rxgo: observing some streams a second time panics.
func TestTrapRunningAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range sources {
			if tt.once {
				continue
			}
			src := tt.make(t)()
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				src.Collect(ctx)
				cancel()
			}
		}
	})
}

// rxgo: ForEach does not look at its context, and goes on after an error.
func TestTrapForEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second+1)
		defer cancel()
		n := 0
		if err := observable.Interval(time.Second).ForEach(ctx, func(int) error { n++; return nil }); err != context.DeadlineExceeded || n != 3 {
			t.Errorf("%d values, %v", n, err)
		}
		n = 0
		if err := thenFail(1, 2).ForEach(t.Context(), func(int) error { n++; return nil }); err != errBroken || n != 2 {
			t.Errorf("%d values, %v", n, err)
		}
	})
}

// rxgo: Timer gives nothing.
func TestTrapTimerGivesItsValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if n, err := observable.Timer(time.Second).Count(t.Context()); n != 1 || err != nil {
			t.Errorf("%d values, %v", n, err)
		}
	})
}

// rxgo: First().Get() sometimes returns no error when it is cancelled.
func TestTrapCancelIsAlwaysAnError(t *testing.T) {
	cause := errors.New("cause")
	for range 200 {
		s := observable.NewSubject[int]()
		ctx, cancel := context.WithCancelCause(t.Context())
		go cancel(cause)
		if _, err := s.Observable().First(ctx); err != cause {
			t.Fatalf("error %v", err)
		}
	}
}
