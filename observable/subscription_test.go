package observable_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
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

func TestPolicies(t *testing.T) {
	parity := observable.ConflateBy(func(n int) int { return n % 2 })
	tests := []struct {
		policy  observable.Policy
		want    []int // 100 × what was lost before, plus the value
		end     error
		dropped uint64
		last    observable.Outcome
	}{
		{observable.DropOldest, []int{304, 5, 6}, nil, 3, observable.Displaced},
		{observable.DropNewest, []int{1, 2, 3}, nil, 3, observable.Rejected},
		{observable.Conflate, []int{506}, nil, 5, observable.Displaced},
		{parity, []int{205, 206}, nil, 4, observable.Displaced},
		{observable.FailOnOverflow, []int{1, 2, 3}, observable.ErrOverflow, 1, observable.Closed},
	}
	for _, tt := range tests {
		t.Run(tt.policy.String(), func(t *testing.T) {
			sub := observable.NewSubscription[int](observable.WithPolicy(tt.policy), observable.WithLimit(3),
				observable.WithLossStamp(func(v int, lost uint64) int { return v + 100*int(lost) }))
			fill(sub, 5)
			if last := sub.Offer(t.Context(), 6); last != tt.last {
				t.Errorf("the last offer was %v, want %v", last, tt.last)
			}
			sub.Finish(nil)
			if stats := sub.Stats(); stats.Dropped != tt.dropped || lawful(stats) != nil {
				t.Errorf("%+v, want %d dropped", stats, tt.dropped)
			}
			got, err := sub.Observable().Collect(t.Context())
			if !slices.Equal(got, tt.want) || !errors.Is(err, tt.end) {
				t.Errorf("got %v, %v; want %v, %v", got, err, tt.want, tt.end)
			}
		})
	}
}

func TestLossBeforeAValueThatComesLater(t *testing.T) {
	sub := observable.NewSubscription[int](observable.WithPolicy(observable.DropNewest), observable.WithLimit(1),
		observable.WithLossStamp(func(v int, lost uint64) int { return v + 100*int(lost) }))
	fill(sub, 3)
	if v, _ := sub.Next(t.Context()); v != 1 {
		t.Errorf("got %d, want 1: nothing was lost before it", v)
	}
	sub.Offer(t.Context(), 4)
	if v, _ := sub.Next(t.Context()); v != 204 {
		t.Errorf("got %d, want 204: two were lost before it", v)
	}
}

func TestOverflowErrorSaysHowFull(t *testing.T) {
	sub := observable.NewSubscription[string](observable.WithPolicy(observable.FailOnOverflow), observable.WithLimit(9),
		observable.WithByteLimit(5), observable.SizeOf(func(s string) int { return len(s) }))
	sub.Offer(t.Context(), "abc")
	if out := sub.Offer(t.Context(), "def"); out != observable.Overflowed {
		t.Errorf("outcome %v", out)
	}
	full, ok := errors.AsType[*observable.OverflowError](sub.Err())
	if !ok || *full != (observable.OverflowError{Buffered: 1, Limit: 9, BufferedBytes: 3, ByteLimit: 5}) {
		t.Errorf("error %v", sub.Err())
	}
	if !strings.Contains(sub.Err().Error(), "3 of 5 bytes") {
		t.Errorf("error %v", sub.Err())
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

func TestBlockWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sub := observable.NewSubscription[int](observable.WithPolicy(observable.Block), observable.WithLimit(2))
		fill(sub, 2)
		begin := time.Now()
		time.AfterFunc(time.Minute, func() { sub.Next(context.Background()) })
		if out := sub.Offer(t.Context(), 3); out != observable.Accepted || time.Since(begin) != time.Minute {
			t.Errorf("%v after %v, want Accepted after a minute", out, time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if out := sub.Offer(ctx, 4); out != observable.Cancelled || time.Since(begin) != time.Minute+time.Second {
			t.Errorf("%v after %v, want Cancelled a second later", out, time.Since(begin))
		}
		if s := sub.Stats(); s != (observable.Stats{Matched: 4, Delivered: 1, Dropped: 1, Buffered: 2, HighWater: 2}) {
			t.Errorf("stats %+v", s)
		}
		sub.Close()
	})
}

// A consumer that takes its time between values makes room for as many as it took.
func TestBlockIsWokenByEachReader(t *testing.T) {
	for _, limit := range []int{1, 3, 16, 100, 200} {
		synctest.Test(t, func(t *testing.T) {
			opts := []observable.SubscribeOption{observable.WithPolicy(observable.Block), observable.WithLimit(limit)}
			if limit > 100 { // where bytes run out before places do
				opts = append(opts, observable.SizeOf(func(int) int { return 3 }), observable.WithByteLimit(10))
			}
			sub := observable.NewSubscription[int](opts...)
			const n = 1000
			go func() {
				for i := range n {
					sub.Offer(context.Background(), i)
				}
				sub.Finish(nil)
			}()
			i := 0
			for v, err := range sub.All(t.Context()) {
				if v != i || err != nil {
					t.Fatalf("limit %d: got %d, %v; want %d", limit, v, err, i)
				}
				i++
				time.Sleep(time.Millisecond)
			}
			if i != n {
				t.Errorf("limit %d: %d values, want %d", limit, i, n)
			}
		})
	}
}

func TestLossHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var losses []observable.Loss
		release := make(chan struct{})
		sub := observable.NewSubscription[int](observable.WithLimit(2), observable.WithOnLoss(func(l observable.Loss) {
			losses = append(losses, l)
			<-release
		}))
		fill(sub, 10) // one episode, and the hook does not hold it up
		synctest.Wait()
		if len(losses) != 1 || losses[0].Lost < 1 || losses[0].Policy != observable.DropOldest || losses[0].Buffered != 2 {
			t.Fatalf("after the first episode: %+v", losses)
		}
		sub.Next(t.Context())
		sub.Next(t.Context()) // caught up
		fill(sub, 5)          // the next episode waits for the hook
		synctest.Wait()
		if len(losses) != 1 {
			t.Fatalf("the hook was called while it ran: %+v", losses)
		}
		close(release)
		synctest.Wait()
		if len(losses) != 2 || losses[1] != (observable.Loss{Lost: 3, Dropped: 11, Buffered: 2, Policy: observable.DropOldest}) {
			t.Errorf("after the second episode: %+v", losses)
		}
		sub.Close()
	})
}

func TestLossHookMayCloseAndIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sub *observable.Subscription[int]
		told := false
		sub = observable.NewSubscription[int](observable.WithLimit(1), observable.WithOnLoss(func(observable.Loss) {
			sub.Close()
			time.Sleep(time.Minute)
			told = true
		}))
		begin := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			for range sub.All(context.Background()) {
				time.Sleep(time.Second)
			}
			if !told || time.Since(begin) < time.Minute {
				t.Errorf("the loop ended after %v, before its hook", time.Since(begin))
			}
		})
		synctest.Wait()
		fill(sub, 3)
		wg.Wait()
	})
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
