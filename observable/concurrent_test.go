package observable_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/xcraft-go/xbus/observable"
)

// event is a value of the concurrent tests.
type event struct {
	publisher, n int
	lost         uint64
}

// reader is one subscription and what its consumer saw.
type reader struct {
	sub    *observable.Subscription[event]
	policy observable.Policy
	leaves int // after so many values; 0: stays
	slow   int // yields per value
	sized  bool
	seen   []event
	err    error
}

// TestNothingIsLostUncounted publishes from several goroutines to subscriptions
// with random policies, sizes, rates and leavers, while the counters are read all
// the time: they must add up at every moment, and agree with what the consumers saw.
func TestNothingIsLostUncounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		subject := observable.NewSubject[event]()
		readers := make([]*reader, rapid.IntRange(1, 6).Draw(t, "readers"))
		for i := range readers {
			readers[i] = drawReader(t, subject)
		}
		publishers, values := rapid.IntRange(1, 3).Draw(t, "publishers"), rapid.IntRange(1, 300).Draw(t, "values")
		pause := rapid.IntRange(0, 2).Draw(t, "pause")

		var consumers, producers, watch sync.WaitGroup
		for _, r := range readers {
			consumers.Go(r.read)
		}
		over := make(chan struct{})
		watch.Go(func() { watchCounters(t, readers, over) })
		for p := range publishers {
			producers.Go(func() {
				for n := range values {
					subject.Publish(context.Background(), event{publisher: p, n: n})
					for range pause {
						runtime.Gosched()
					}
				}
			})
		}
		producers.Wait()
		subject.Close(nil)
		consumers.Wait()
		close(over)
		watch.Wait()
		for _, r := range readers {
			r.check(t, publishers*values)
		}
		if subject.Len() != 0 {
			t.Errorf("%d subscriptions are left", subject.Len())
		}
	})
}

func drawReader(t *rapid.T, subject *observable.Subject[event]) *reader {
	r := &reader{
		policy: rapid.SampledFrom([]observable.Policy{
			observable.Block, observable.DropOldest, observable.DropNewest, observable.Conflate, observable.FailOnOverflow,
			observable.ConflateBy(func(e event) int { return e.n % 5 }),
		}).Draw(t, "policy"),
		slow: rapid.IntRange(0, 3).Draw(t, "slow"),
	}
	if rapid.IntRange(0, 3).Draw(t, "leaver") == 0 {
		r.leaves = rapid.IntRange(1, 50).Draw(t, "leaves")
	}
	opts := []observable.SubscribeOption{
		observable.WithPolicy(r.policy), observable.WithLimit(rapid.IntRange(1, 100).Draw(t, "limit")),
		observable.WithLossStamp(func(e event, lost uint64) event { e.lost = lost; return e }),
		observable.WithOnLoss(func(observable.Loss) {}),
	}
	if r.sized = rapid.Bool().Draw(t, "sized"); r.sized {
		opts = append(opts, observable.SizeOf(func(e event) int { return e.n % 7 }), observable.WithByteLimit(rapid.IntRange(10, 200).Draw(t, "bytes")))
	}
	r.sub = subject.Subscribe(opts...)
	return r
}

func (r *reader) read() {
	for e, err := range r.sub.All(context.Background()) {
		if err != nil {
			r.err = err
			return
		}
		r.seen = append(r.seen, e)
		if len(r.seen) == r.leaves {
			return
		}
		for range r.slow {
			runtime.Gosched()
		}
	}
}

func watchCounters(t *rapid.T, readers []*reader, over chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		for _, r := range readers {
			if err := lawful(r.sub.Stats()); err != nil {
				t.Error(err)
				return
			}
		}
		runtime.Gosched()
	}
}

func (r *reader) check(t *rapid.T, published int) {
	stats := r.sub.Stats()
	if err := lawful(stats); err != nil {
		t.Error(err)
	}
	if stats.Delivered != uint64(len(r.seen)) || stats.Buffered != 0 {
		t.Errorf("%v: %d values were seen, the counters say %+v", r.policy, len(r.seen), stats)
	}
	lost := uint64(0)
	last := map[int]int{}
	keyed := r.policy.String() == "ConflateBy"
	for _, e := range r.seen {
		lost += e.lost
		if before, ok := last[e.publisher]; ok && e.n <= before && !keyed {
			t.Errorf("%v: value %d of publisher %d came after %d", r.policy, e.n, e.publisher, before)
		}
		last[e.publisher] = e.n
	}
	// Where the last value is never the one that is lost, each loss shows in band.
	stayed := r.leaves == 0 || len(r.seen) < r.leaves
	exact := stayed && !r.sized && (keyed || r.policy == observable.DropOldest || r.policy == observable.Conflate)
	if lost > stats.Dropped || exact && lost != stats.Dropped {
		t.Errorf("%v: %d losses in band, %d counted", r.policy, lost, stats.Dropped)
	}
	if len(r.seen) == r.leaves && r.leaves > 0 {
		return
	}
	overflowed := errors.Is(r.err, observable.ErrOverflow)
	if r.err != nil && !overflowed {
		t.Errorf("%v: the stream ended with %v", r.policy, r.err)
	}
	if !overflowed && stats.Matched != uint64(published) {
		t.Errorf("%v: %d values were published, %d matched", r.policy, published, stats.Matched)
	}
}

// A reader whose context ends while a value is being handed to it loses nothing.
func TestNextUnderContextsThatEnd(t *testing.T) {
	sub := observable.NewSubscription[int](observable.WithPolicy(observable.Block), observable.WithLimit(2))
	const n = 3000
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range n {
			sub.Offer(context.Background(), i)
			if i%3 == 0 {
				runtime.Gosched()
			}
		}
		sub.Finish(nil)
	})
	cut := 0
	for want := 0; want < n; {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		v, err := sub.Next(ctx)
		switch {
		case err == context.Canceled:
			cut++
		case err != nil || v != want:
			t.Fatalf("got %d, %v; want %d", v, err, want)
		default:
			want++
		}
		cancel()
	}
	wg.Wait()
	t.Logf("%d waits were cut short", cut)
	if _, err := sub.Next(t.Context()); err != io.EOF {
		t.Errorf("error %v, want io.EOF", err)
	}
}
