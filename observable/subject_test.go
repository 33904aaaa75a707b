package observable_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/xcraft-go/xbus/observable"
)

func TestSubscribeHasRegisteredWhenItReturns(t *testing.T) {
	s := observable.NewSubject[int]()
	sub := s.Subscribe()
	s.Publish(t.Context(), 1)
	s.Publish(t.Context(), 2)
	s.Close(nil)
	if got, err := sub.Observable().Collect(t.Context()); !slices.Equal(got, []int{1, 2}) || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestPublishSaysWhatCameOfIt(t *testing.T) {
	done, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("no more time")
	cancel(reason)
	s := observable.NewSubject[int]()
	want := func(r observable.Result, want observable.Result, text string) {
		t.Helper()
		if r != want || r.String() != text {
			t.Errorf("%+v, %q; want %+v, %q", r, r, want, text)
		}
	}
	want(s.Publish(done, 1), observable.Result{}, "nobody has subscribed")
	first := s.Subscribe(observable.WithLimit(1))
	want(s.Publish(done, 2), observable.Result{Subscribers: 1, Delivered: 1}, "delivered to 1 of 1")
	want(s.Publish(done, 3), observable.Result{Subscribers: 1, Delivered: 1, Dropped: 1}, "delivered to 1 of 1, 1 lost a value")
	s.Subscribe(observable.WithLimit(1), observable.WithPolicy(observable.DropNewest))
	s.Subscribe()
	want(s.Publish(done, 4), observable.Result{Subscribers: 3, Delivered: 3, Dropped: 1}, "delivered to 3 of 3, 1 lost a value")
	want(s.Publish(done, 5), observable.Result{Subscribers: 3, Delivered: 2, Dropped: 2}, "delivered to 2 of 3, 2 lost a value")
	first.Close()
	s.Subscribe(observable.WithLimit(1), observable.WithPolicy(observable.Block))
	s.Subscribe(observable.WithLimit(1), observable.WithPolicy(observable.FailOnOverflow))
	s.Publish(done, 6)
	want(s.Publish(done, 7), observable.Result{Subscribers: 4, Delivered: 1, Dropped: 3, Err: observable.ErrOverflow},
		"delivered to 1 of 4, 3 lost a value: observable: overflow")
	want(s.Publish(done, 8), observable.Result{Subscribers: 3, Delivered: 1, Dropped: 2, Err: reason},
		"delivered to 1 of 3, 2 lost a value: no more time")
	if s.Len() != 3 {
		t.Errorf("%d subscriptions, want 3: one was closed, one has overflowed", s.Len())
	}
	s.Close(nil)
	r := s.Publish(done, 9)
	want(r, observable.Result{Err: observable.ErrClosed}, "closed: not published")
	if !r.Closed() {
		t.Error("Closed() is false")
	}
}

// The results of a Subject with one subscription take another way.
func TestPublishToOne(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for policy, want := range map[observable.Policy]observable.Result{
		observable.DropOldest:     {Subscribers: 1, Delivered: 1, Dropped: 1},
		observable.DropNewest:     {Subscribers: 1, Dropped: 1},
		observable.Conflate:       {Subscribers: 1, Delivered: 1, Dropped: 1},
		observable.Block:          {Subscribers: 1, Dropped: 1, Err: context.Canceled},
		observable.FailOnOverflow: {Subscribers: 1, Dropped: 1, Err: observable.ErrOverflow},
	} {
		s := observable.NewSubject[int](observable.WithSubscribers(observable.WithLimit(1), observable.WithPolicy(policy)))
		sub := s.Subscribe()
		s.Publish(done, 1)
		if r := s.Publish(done, 2); r != want {
			t.Errorf("%v: %+v, want %+v", policy, r, want)
		}
		if want := 1; policy == observable.FailOnOverflow && s.Len() != 0 || policy != observable.FailOnOverflow && s.Len() != want {
			t.Errorf("%v: %d subscriptions", policy, s.Len())
		}
		sub.Close()
		if r := s.Publish(done, 3); r != (observable.Result{}) {
			t.Errorf("%v: after the only one has left: %+v", policy, r)
		}
	}
}

func TestALateSubscriberGetsTheEnd(t *testing.T) {
	broken := errors.New("broken")
	s := observable.NewSubject[int]()
	s.Close(broken)
	s.Close(nil)
	sub := s.Subscribe()
	if _, err := sub.Observable().First(t.Context()); err != broken {
		t.Errorf("error %v", err)
	}
	if _, err := s.Observable().First(t.Context()); err != broken {
		t.Errorf("error %v", err)
	}
}

// What a consumer does while it has a value: all of it must work at once.
func TestReentrance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := observable.NewSubject[int]()
		sub := s.Subscribe()
		s.Publish(t.Context(), 0)
		var got []int
		for v, err := range sub.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, v)
			other := s.Subscribe()
			if v < 3 {
				s.Publish(t.Context(), v+1)
			} else {
				s.Close(nil)
			}
			other.Close()
		}
		if !slices.Equal(got, []int{0, 1, 2, 3}) || s.Len() != 0 {
			t.Errorf("got %v, %d subscriptions left", got, s.Len())
		}
	})
}

// Functions of the user run on the publisher, but never under the lock.
func TestUserFunctionsRunOutsideOfLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := observable.NewSubject[int]()
		busy := func() {
			s.Subscribe().Close()
			s.Len()
		}
		keyed := s.Subscribe(observable.WithPolicy(observable.ConflateBy(func(v int) int { busy(); return v })))
		sized := s.Subscribe(observable.SizeOf(func(int) int { busy(); return 1 }),
			observable.WithLimit(1),
			observable.WithLossStamp(func(v int, lost uint64) int { busy(); return v }),
			observable.WithOnLoss(func(observable.Loss) { busy() }))
		for i := range 3 {
			if r := s.Publish(t.Context(), i); r.Delivered != 2 {
				t.Errorf("%v", r)
			}
		}
		synctest.Wait()
		s.Close(nil)
		for _, sub := range []*observable.Subscription[int]{keyed, sized} {
			if n, err := sub.Observable().Count(t.Context()); n == 0 || err != nil {
				t.Errorf("%d values, %v", n, err)
			}
		}
	})
}

// One that makes the publisher wait does not make the others wait.
func TestBlockHoldsUpThePublisherOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := observable.NewSubject[int]()
		slow := s.Subscribe(observable.WithPolicy(observable.Block), observable.WithLimit(1))
		quick := s.Subscribe()
		s.Publish(t.Context(), 1)
		var wg sync.WaitGroup
		wg.Go(func() {
			if r := s.Publish(context.Background(), 2); r.Delivered != 2 {
				t.Errorf("%v", r)
			}
		})
		synctest.Wait()
		if quick.Stats().Buffered != 2 {
			t.Errorf("the other has %d values, want 2", quick.Stats().Buffered)
		}
		s.Subscribe().Close() // does not wait either
		slow.Next(t.Context())
		wg.Wait()
		s.Close(nil)
	})
}

func TestSubscribersComeAndGo(t *testing.T) {
	s := observable.NewSubject[int]()
	subs := make([]*observable.Subscription[int], 20)
	for i := range subs {
		subs[i] = s.Subscribe()
	}
	for _, i := range []int{19, 0, 7, 18, 1} {
		subs[i].Close()
		subs[i].Close()
	}
	if r := s.Publish(t.Context(), 1); r.Delivered != 15 || s.Len() != 15 {
		t.Errorf("%v, %d subscriptions", r, s.Len())
	}
	for _, sub := range subs {
		sub.Close()
	}
	if s.Len() != 0 {
		t.Errorf("%d subscriptions are left", s.Len())
	}
}

func TestObservableOfASubjectSubscribesAtEachRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := observable.NewSubject[int]()
		src := s.Observable(observable.WithLimit(2))
		if s.Len() != 0 {
			t.Error("a recipe has subscribed")
		}
		var wg sync.WaitGroup
		got := make([]string, 2)
		for i := range got {
			wg.Go(func() {
				all, err := src.Collect(context.Background())
				got[i] = fmt.Sprint(all, err)
			})
			synctest.Wait()
			s.Publish(t.Context(), i)
			synctest.Wait()
		}
		s.Close(nil)
		wg.Wait()
		if got[0] != "[0 1] <nil>" || got[1] != "[1] <nil>" {
			t.Errorf("got %q", got)
		}
	})
}

func TestPublishDoesNotAllocate(t *testing.T) {
	for _, policy := range []observable.Policy{observable.DropOldest, observable.Conflate, observable.DropNewest, observable.Block} {
		s := observable.NewSubject[int](observable.WithSubscribers(observable.WithPolicy(policy), observable.WithLimit(64)))
		a, b := s.Subscribe(), s.Subscribe()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		round := func() {
			for i := range 100 {
				s.Publish(ctx, i)
			}
			for {
				_, err := a.Next(ctx)
				if _, err2 := b.Next(ctx); err != nil && err2 != nil {
					return
				}
			}
		}
		round()
		if n := testing.AllocsPerRun(20, round); n > 0 {
			t.Errorf("%v: %v allocations in 100 publications to two", policy, n)
		}
	}
}

func TestPublishersAreNotMixedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := observable.NewSubject[[2]int]()
		sub := s.Subscribe(observable.WithPolicy(observable.Block), observable.WithLimit(3))
		var wg sync.WaitGroup
		for p := range 4 {
			wg.Go(func() {
				for n := range 100 {
					s.Publish(context.Background(), [2]int{p, n})
				}
			})
		}
		time.AfterFunc(time.Hour, func() { s.Close(nil) })
		next := [4]int{}
		for v := range sub.All(t.Context()) {
			if v[1] != next[v[0]] {
				t.Fatalf("publisher %d: got %d, want %d", v[0], v[1], next[v[0]])
			}
			next[v[0]]++
		}
		if next != [4]int{100, 100, 100, 100} {
			t.Errorf("got %v of each", next)
		}
		wg.Wait()
	})
}

// A Subject keeps no subscription that was closed, whatever way it took values.
func TestClosedSubscriptionsAreReleased(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	s := observable.NewSubject[int]()
	var gone []weak.Pointer[observable.Subscription[int]]
	for _, opts := range [][]observable.SubscribeOption{
		{},
		{observable.WithPolicy(observable.Block), observable.WithLimit(1)},
		{observable.WithPolicy(observable.FailOnOverflow), observable.WithLimit(1)},
		{observable.SizeOf(func(int) int { return 1 })},
		{observable.WithPolicy(observable.ConflateBy(func(v int) int { return v }))},
	} {
		sub := s.Subscribe(opts...)
		gone = append(gone, weak.Make(sub))
		s.Publish(done, 1)
		s.Publish(done, 2)
		sub.Close()
	}
	runtime.GC()
	for i, p := range gone {
		if p.Value() != nil {
			t.Errorf("subscription %d is still referenced", i)
		}
	}
	runtime.KeepAlive(s)
}
