package observable_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/xcraft-go/xbus/observable"
)

// fill offers 1..n.
func fill(sub *observable.Subscription[int], n int) {
	for i := range n {
		sub.Offer(context.Background(), i+1)
	}
}

func TestNextGoesOnAfterItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sub := observable.NewSubscription[int]()
		cause := errors.New("enough waited")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		if _, err := sub.Next(ctx); err != cause {
			t.Errorf("error %v, want the cause", err)
		}
		sub.Offer(t.Context(), 1)
		if v, err := sub.Next(ctx); v != 1 || err != nil {
			t.Errorf("a value that is there must win over a context that is done: %v, %v", v, err)
		}
		sub.Finish(nil)
		for range 2 {
			if _, err := sub.Next(t.Context()); err != io.EOF {
				t.Errorf("error %v, want io.EOF", err)
			}
		}
	})
}

func TestOneReaderAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sub := observable.NewSubscription[int]()
		var wg sync.WaitGroup
		wg.Go(func() {
			for range sub.All(context.Background()) {
			}
		})
		synctest.Wait()
		if _, err := sub.Next(t.Context()); err != observable.ErrBusy {
			t.Errorf("Next beside All: %v, want ErrBusy", err)
		}
		if _, err := sub.Observable().First(t.Context()); err != observable.ErrBusy {
			t.Errorf("a run beside All: %v, want ErrBusy", err)
		}
		if sub.Offer(t.Context(), 1) != observable.Accepted {
			t.Error("the second reader has closed the subscription of the first")
		}
		sub.Close()
		wg.Wait()
		if _, err := sub.Observable().First(t.Context()); err != observable.ErrClosed {
			t.Errorf("a second run: %v, want ErrClosed", err)
		}
	})
}

func TestCloseWakesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sub := observable.NewSubscription[int](observable.WithPolicy(observable.Block), observable.WithLimit(1))
		left := 0
		sub.OnClose(func() { left++ })
		var wg sync.WaitGroup
		sub.Offer(t.Context(), 1)
		for range 3 {
			wg.Go(func() {
				if out := sub.Offer(context.Background(), 2); out != observable.Closed {
					t.Errorf("an offer that waited: %v, want Closed", out)
				}
			})
		}
		other := observable.NewSubscription[int]()
		wg.Go(func() {
			if _, err := other.Next(context.Background()); err != observable.ErrClosed {
				t.Errorf("a reader that waited: %v, want ErrClosed", err)
			}
		})
		synctest.Wait()
		select {
		case <-sub.Done():
			t.Error("done before it was closed")
		default:
		}
		sub.Close()
		sub.Close()
		other.Close()
		wg.Wait()
		<-sub.Done()
		if left != 1 || sub.Err() != observable.ErrClosed {
			t.Errorf("OnClose was called %d times, Err is %v", left, sub.Err())
		}
		sub.OnClose(func() { left++ })
		if left != 2 {
			t.Error("OnClose on a closed subscription did not call at once")
		}
		if s := sub.Stats(); s != (observable.Stats{Matched: 1, Dropped: 1, HighWater: 1}) {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestOnCloseRunsOutsideOfLocks(t *testing.T) {
	sub := observable.NewSubscription[int]()
	sub.OnClose(func() {
		sub.Close()
		sub.Stats()
		sub.Finish(nil)
		sub.Offer(context.Background(), 1)
	})
	sub.Close()
}

func TestFinishKeepsWhatIsBuffered(t *testing.T) {
	broken := errors.New("broken")
	sub := observable.NewSubscription[int]()
	fill(sub, 200)
	sub.Finish(broken)
	sub.Finish(nil)
	<-sub.Done()
	if out := sub.Offer(t.Context(), 9); out != observable.Closed {
		t.Errorf("an offer after the end: %v", out)
	}
	got, err := sub.Observable().Collect(t.Context())
	if len(got) != 200 || err != broken || sub.Err() != broken {
		t.Errorf("%d values, %v, Err %v; want 200 and the error", len(got), err, sub.Err())
	}
}

func TestSubscriptionChan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sub := observable.NewSubscription[int]()
		fill(sub, 100)
		sub.Finish(nil)
		ch, wait := sub.Chan(t.Context())
		n := 0
		for range ch {
			n++
		}
		if err := wait(); n != 100 || err != nil {
			t.Errorf("%d values, %v", n, err)
		}

		sub = observable.NewSubscription[int]()
		fill(sub, 100)
		cause := errors.New("left")
		ctx, cancel := context.WithCancelCause(t.Context())
		ch, wait = sub.Chan(ctx)
		<-ch
		cancel(cause)
		if err := wait(); err != cause {
			t.Errorf("error %v, want the cause", err)
		}
		if s := sub.Stats(); lawful(s) != nil || s.Buffered != 0 || s.Delivered > 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

// What was delivered or dropped is not referenced any more, not even by a
// subscription that stays.
func TestValuesAreReleased(t *testing.T) {
	for _, policy := range []observable.Policy{observable.DropOldest, observable.ConflateBy(func(p *[64]byte) byte { return p[0] })} {
		sub := observable.NewSubscription[*[64]byte](observable.WithPolicy(policy), observable.WithLimit(100))
		var all []weak.Pointer[[64]byte]
		offer := func(n int) {
			for i := range n {
				v := &[64]byte{byte(i)}
				all = append(all, weak.Make(v))
				sub.Offer(context.Background(), v)
			}
		}
		offer(150)
		for range 99 {
			sub.Next(t.Context())
		}
		offer(150)
		for range 100 {
			sub.Next(t.Context())
		}
		if n := alive(all); n > 0 {
			t.Errorf("%v: %d of %d values are still referenced", policy, n, len(all))
		}
		offer(50)
		sub.Close()
		if n := alive(all); n > 0 {
			t.Errorf("%v: %d of %d values are still referenced after Close", policy, n, len(all))
		}
		runtime.KeepAlive(sub)
	}
}

// A consumer that leaves releases what it had in hand.
func TestLeavingReleasesTheBatch(t *testing.T) {
	sub := observable.NewSubscription[*[64]byte]()
	var all []weak.Pointer[[64]byte]
	for range 60 {
		v := new([64]byte)
		all = append(all, weak.Make(v))
		sub.Offer(t.Context(), v)
	}
	for range sub.All(t.Context()) {
		break
	}
	if n := alive(all); n > 0 {
		t.Errorf("%d of %d values are still referenced", n, len(all))
	}
	runtime.KeepAlive(sub)
}

// The keys that went by are forgotten.
func TestConflateByForgetsKeys(t *testing.T) {
	sub := observable.NewSubscription[int](observable.WithPolicy(observable.ConflateBy(func(v int) int { return v })), observable.WithLimit(10))
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	fill(sub, 1000)
	before := heap()
	fill(sub, 200_000)
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("200,000 keys have left %d bytes", grown)
	}
	sub.Close()
}

func TestHighWaterOfAReaderThatKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sub := observable.NewSubscription[int]()
		go sub.Observable().Count(context.Background())
		for i := range 10 {
			synctest.Wait()
			sub.Offer(t.Context(), i)
		}
		synctest.Wait()
		if s := sub.Stats(); s != (observable.Stats{Matched: 10, Delivered: 10, HighWater: 1}) {
			t.Errorf("%+v", s)
		}
		sub.Close()
	})
}

func alive(all []weak.Pointer[[64]byte]) (n int) {
	runtime.GC()
	for _, p := range all {
		if p.Value() != nil {
			n++
		}
	}
	return n
}

func TestAnEmptySubscriptionIsSmall(t *testing.T) {
	const n = 1000
	subject := observable.NewSubject[[16]int]()
	subs := make([]*observable.Subscription[[16]int], 0, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range n {
		subs = append(subs, subject.Subscribe())
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 1024 {
		t.Errorf("an empty subscription takes %d bytes, want 1024 at most", each)
	}
	for _, sub := range subs {
		sub.Close()
	}
}
