package observable_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

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

// Also a reader that was asleep when the value was lost is told.
func TestLossWhileTheReaderSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sub := observable.NewSubscription[int](observable.WithByteLimit(50), observable.SizeOf(func(v int) int { return v }),
			observable.WithLossStamp(func(v int, lost uint64) int { return v + 100*int(lost) }))
		var got []int
		var wg sync.WaitGroup
		wg.Go(func() { got, _ = sub.Observable().Collect(context.Background()) })
		for _, v := range []int{1, 99, 99, 2, 3, 99, 4} {
			synctest.Wait()
			sub.Offer(t.Context(), v)
		}
		sub.Finish(nil)
		wg.Wait()
		if !slices.Equal(got, []int{1, 202, 3, 104}) {
			t.Errorf("got %v", got)
		}
	})
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
		fill(sub, 3) // the same episode: the consumer has not caught up
		sub.Next(t.Context())
		sub.Next(t.Context()) // caught up
		fill(sub, 5)          // the next episode waits for the hook
		synctest.Wait()
		if len(losses) != 1 {
			t.Fatalf("the hook was called while it ran: %+v", losses)
		}
		close(release)
		synctest.Wait()
		if len(losses) != 2 || losses[1] != (observable.Loss{Lost: 3, Dropped: 13, Buffered: 2, Policy: observable.DropOldest}) {
			t.Errorf("after the second episode: %+v", losses)
		}
		sub.Close()
	})
}

// An episode lasts until the consumer has had all that was buffered.
func TestLossEpisode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var losses []observable.Loss
		sub := observable.NewSubscription[int](observable.WithLimit(4), observable.WithOnLoss(func(l observable.Loss) { losses = append(losses, l) }))
		episodes := func(want int) {
			t.Helper()
			synctest.Wait()
			if len(losses) != want {
				t.Errorf("%d episodes, want %d: %+v", len(losses), want, losses)
			}
		}
		fill(sub, 10)
		episodes(1)
		sub.Next(t.Context())
		fill(sub, 3)
		episodes(1)
		for range 4 {
			sub.Next(t.Context())
		}
		fill(sub, 4) // no loss
		episodes(1)
		fill(sub, 1)
		episodes(2)
		sub.Close()
	})
}

func TestLossEpisodeOfOnePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, policy := range []observable.Policy{observable.Conflate, observable.DropNewest, observable.ConflateBy(func(int) int { return 1 })} {
			episodes := 0
			sub := observable.NewSubscription[int](observable.WithLimit(1), observable.WithPolicy(policy),
				observable.WithOnLoss(func(observable.Loss) { episodes++ }))
			for want := 1; want <= 3; want++ {
				for range 10 {
					fill(sub, 1)
					synctest.Wait()
				}
				if episodes != want {
					t.Errorf("%v: %d episodes, want %d", policy, episodes, want)
				}
				sub.Next(t.Context())
			}
			sub.Close()
		}
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

// A publisher that waits is woken by a consumer that takes what it has in hand,
// and then stops.
func TestBlockIsWokenFromWithinABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sub := observable.NewSubscription[int](observable.WithPolicy(observable.Block), observable.WithLimit(64))
		fill(sub, 64)
		sub.Next(t.Context()) // and has all others in hand
		sub.Offer(t.Context(), 65)
		var wg sync.WaitGroup
		wg.Go(func() { sub.Offer(context.Background(), 66) })
		synctest.Wait()
		for range 8 { // an eighth is enough to be woken for
			sub.Next(t.Context())
		}
		wg.Wait()
		sub.Close()
	})
}

// Who waits for room is served before who comes later.
func TestBlockIsFair(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			sub := observable.NewSubscription[int](observable.WithPolicy(observable.Block), observable.WithLimit(1))
			sub.Offer(t.Context(), 1)
			var wg sync.WaitGroup
			wg.Go(func() { sub.Offer(context.Background(), 2) })
			synctest.Wait()
			sub.Next(t.Context())
			if out := sub.Offer(done, 3); out != observable.Cancelled {
				t.Fatalf("one who came later: %v, want Cancelled", out)
			}
			wg.Wait()
			sub.Close()
		}
	})
}

// A subscription that is over is the reason, also when ctx is done as well.
func TestBlockAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			sub := observable.NewSubscription[int](observable.WithPolicy(observable.Block), observable.WithLimit(1))
			sub.Offer(t.Context(), 1)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if out := sub.Offer(ctx, 2); out != observable.Closed {
					t.Errorf("%v, want Closed", out)
				}
			})
			synctest.Wait()
			sub.Finish(nil)
			cancel()
			wg.Wait()
			if s := sub.Stats(); s.Matched != 1 {
				t.Errorf("%+v: what came after the end does not match", s)
			}
		}
	})
}
