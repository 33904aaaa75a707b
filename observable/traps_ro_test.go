package observable_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// samber/ro: a synchronous source makes all its values when one is wanted.
func TestTrapSynchronousSourceStops(t *testing.T) {
	made := 0
	src := observable.New(func(ctx context.Context, yield func(int) bool) error {
		for i := range 5_000_000 {
			if made++; !yield(i) {
				return nil
			}
		}
		return nil
	})
	if v, err := src.First(t.Context()); v != 0 || err != nil || made != 1 {
		t.Errorf("%v, %v; %d values were made", v, err, made)
	}
}

// samber/ro: a cancelled context does not unsubscribe.
func TestTrapCancelUnsubscribes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := observable.NewSubject[int]()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		n := 0
		wg.Go(func() { n, _ = s.Observable().Count(ctx) })
		synctest.Wait()
		cancel()
		wg.Wait()
		if r := s.Publish(t.Context(), 1); r.Subscribers != 0 || n != 0 {
			t.Errorf("%v, %d values", r, n)
		}
	})
}

// samber/ro: publishing to, and subscribing to, the subject whose value one has
// in hand deadlocks.
func TestTrapReentrance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, policy := range []observable.Policy{observable.Block, observable.DropOldest, observable.Conflate} {
			s := observable.NewSubject[int](observable.WithSubscribers(observable.WithPolicy(policy), observable.WithLimit(1)))
			sub := s.Subscribe()
			s.Publish(t.Context(), 0)
			for v := range sub.All(t.Context()) {
				if v == 5 {
					break
				}
				inner := s.Subscribe()
				s.Publish(t.Context(), v+1)
				if w, err := inner.Next(t.Context()); w != v+1 || err != nil {
					t.Errorf("%v: %v, %v", policy, w, err)
				}
				inner.Close()
			}
		}
	})
}

// samber/ro: while one observer is busy nobody else can subscribe.
func TestTrapABusyConsumerHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := observable.NewSubject[int]()
		sub := s.Subscribe()
		var wg sync.WaitGroup
		wg.Go(func() {
			for range sub.All(context.Background()) {
				time.Sleep(time.Hour)
			}
		})
		begin := time.Now()
		s.Publish(t.Context(), 1)
		synctest.Wait()
		s.Subscribe().Close()
		s.Publish(t.Context(), 2)
		if time.Since(begin) != 0 {
			t.Errorf("it took %v", time.Since(begin))
		}
		s.Close(nil)
		wg.Wait()
	})
}

// samber/ro: a panic of the consumer is swallowed, and followed by more signals.
func TestTrapPanicIsAPanic(t *testing.T) {
	calls := 0
	defer func() {
		if p := recover(); p != "of the consumer" || calls != 1 {
			t.Errorf("recovered %v after %d calls", p, calls)
		}
	}()
	observable.Of(1, 2, 3).ForEach(t.Context(), func(int) error {
		calls++
		panic("of the consumer")
	})
}

// samber/ro: the goroutine of a channel whose reader has left stays, and that of
// a source channel never looks at its context.
func TestTrapChannelsLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(chan int)
		for range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			_, wait := observable.FromChan(in).Chan(ctx)
			cancel()
			wait()
		}
	}) // the bubble fails if a goroutine is left
}

// samber/ro: unsubscribing while a value is on its way makes the publisher panic.
func TestTrapLeavingUnderFire(t *testing.T) {
	s := observable.NewSubject[int]()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				s.Publish(context.Background(), i)
				if i%16 == 0 {
					runtime.Gosched() // where there is one processor, the others have their turn
				}
			}
		}
	})
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		ch, wait := s.Subscribe(observable.WithLimit(4)).Chan(ctx)
		<-ch
		cancel()
		wait()
	}
	close(stop)
	wg.Wait()
	if s.Len() != 0 {
		t.Errorf("%d subscriptions are left", s.Len())
	}
}

// samber/ro: errors vanish where nobody looks for them. Here each end returns them.
func TestTrapErrorsAreReturned(t *testing.T) {
	if err := thenFail(1).Run(t.Context(), func(int) bool { return true }); err != errBroken {
		t.Errorf("Run: %v", err)
	}
	s := observable.NewSubject[int]()
	sub := s.Subscribe()
	s.Close(errBroken)
	if _, err := sub.Next(t.Context()); err != errBroken || sub.Err() != errBroken {
		t.Errorf("Next: %v, Err: %v", err, sub.Err())
	}
}
