package rx_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactivex/rxgo/v2"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/observable/obstest"
	"github.com/xcraft-go/xbus/observable/rx"
)

var errBroken = errors.New("broken")

// numbers gives 0..n-1 and then ends with err.
func numbers(n int, err error) observable.Observable[int] {
	return observable.New(func(ctx context.Context, yield func(int) bool) error {
		for i := range n {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !yield(i) {
				return nil
			}
		}
		return err
	})
}

// plus is a pipeline of three rxgo operators.
func plus(src rxgo.Observable, n int) rxgo.Observable {
	return src.
		Map(func(_ context.Context, v any) (any, error) { return v.(int) + n, nil }).
		Filter(func(v any) bool { return v.(int)%2 == 0 }).
		Map(func(_ context.Context, v any) (any, error) { return v, nil })
}

func TestThereAndBack(t *testing.T) {
	for _, end := range []error{nil, errBroken} {
		src := rx.From[int](plus(rx.To(t.Context(), numbers(1000, end)), 1))
		for range 2 { // runs are independent
			got, err := src.Collect(t.Context())
			if err != end || len(got) != 500 || got[0] != 2 || got[499] != 1000 || !slices.IsSorted(got) {
				t.Errorf("%d values, %v", len(got), err)
			}
		}
	}
}

func TestLawsOfABridgedPipeline(t *testing.T) {
	ticks := observable.Interval(obstest.Frame)
	for name, tt := range map[string]struct {
		src  observable.Observable[int]
		opts []obstest.CheckOption
	}{
		"complete": {numbers(20, nil), nil},
		"failing":  {numbers(20, errBroken), []obstest.CheckOption{obstest.FailsWith(errBroken)}},
		"endless":  {ticks, []obstest.CheckOption{obstest.Live()}},
		"busy":     {numbers(1<<30, nil), nil},
		"silent":   {observable.Never[int](), nil},
		"empty":    {observable.Observable[int]{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			obstest.Run(t, func(t *testing.T) {
				obstest.Check(t, rx.From[int](rx.To(t.Context(), tt.src)), tt.opts...)
				obstest.Check(t, rx.From[int](plus(rx.To(t.Context(), tt.src), 1)), tt.opts...)
			})
		})
	}
}

// Several observers of one bridged pipeline over a live source: all have all
// values in order, one leaves early, and nothing is left of any.
func TestSeveralObservers(t *testing.T) {
	subject := observable.NewSubject[int](observable.WithSubscribers(observable.WithPolicy(observable.Block)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pipeline := rx.To(ctx, subject.Observable()).Map(func(_ context.Context, v any) (any, error) { return v, nil })
	const n = 20000
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			next := 0
			for v, err := range rx.From[int](pipeline).All(ctx) {
				if err != nil || v != next {
					t.Errorf("observer %d: got %d, %v; want %d", i, v, err, next)
					return
				}
				if next++; i == 0 && next == 100 {
					return
				}
			}
			if next != n {
				t.Errorf("observer %d: %d values, want %d", i, next, n)
			}
		})
	}
	for subject.Len() < 3 {
		time.Sleep(time.Millisecond)
	}
	for i := range n {
		subject.Publish(ctx, i)
	}
	subject.Close(nil)
	wg.Wait()
}

// rxgo: an event source with one observer that does not read, or was cancelled,
// stops all the others.
func TestTrapNoNeighbourIsStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		subject := observable.NewSubject[int]()
		src := rx.To(t.Context(), subject.Observable(observable.WithLimit(10)))
		stuckCtx, cancelStuck := context.WithCancel(t.Context())
		defer cancelStuck()
		stuck := src.Observe(rxgo.WithContext(stuckCtx)) // nobody reads it
		var wg sync.WaitGroup
		quick := 0
		wg.Go(func() { quick, _ = rx.From[int](src).Count(context.Background()) })
		synctest.Wait()
		for i := range 5000 {
			subject.Publish(t.Context(), i)
			if i%5 == 0 {
				synctest.Wait()
			}
			if i == 2500 {
				cancelStuck()
			}
		}
		subject.Close(nil)
		wg.Wait()
		if quick != 5000 {
			t.Errorf("the one that reads has %d values of 5000", quick)
		}
		for range stuck {
		}
	})
}

// rxgo: observers of a channel divide the items among them.
func TestTrapNothingIsSplit(t *testing.T) {
	src := rx.To(t.Context(), numbers(1000, nil))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			n := 0
			for range src.Observe() {
				n++
			}
			if n != 1000 {
				t.Errorf("an observer has %d values of 1000", n)
			}
		})
	}
	wg.Wait()
}

// rxgo: a pipeline whose reader has left stays for ever; so does its source.
func TestTrapLeavingLeavesNothing(t *testing.T) {
	active := 0
	var mu sync.Mutex
	count := func(n int) { mu.Lock(); active += n; mu.Unlock() }
	src := observable.New(func(ctx context.Context, yield func(int) bool) error {
		count(1)
		defer count(-1)
		return observable.Interval(time.Microsecond).Run(ctx, yield)
	})
	for name, pipeline := range map[string]func(rxgo.Observable) rxgo.Observable{
		"Map":             func(o rxgo.Observable) rxgo.Observable { return plus(o, 0) },
		"Take":            func(o rxgo.Observable) rxgo.Observable { return o.Take(5) },
		"BufferWithCount": func(o rxgo.Observable) rxgo.Observable { return o.BufferWithCount(2) },
		"Scan": func(o rxgo.Observable) rxgo.Observable {
			return o.Scan(func(_ context.Context, a, b any) (any, error) { return b, nil })
		},
		"Map with a pool": func(o rxgo.Observable) rxgo.Observable {
			return o.Map(func(_ context.Context, v any) (any, error) { return v, nil }, rxgo.WithPool(3))
		},
	} {
		for i := range 20 {
			n := 0
			for _, err := range rx.From[any](pipeline(rx.To(t.Context(), src))).All(t.Context()) {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if n++; n > i%4 {
					break
				}
			}
		}
	}
	until(t, func() bool { mu.Lock(); defer mu.Unlock(); return active == 0 })
}

func until(t *testing.T, what func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !what(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it has not come to pass")
		}
	}
}

// rxgo: Just fails on nil, flattens slices, and takes values that are errors for failures.
func TestTrapValuesStayWhatTheyAre(t *testing.T) {
	values := []any{nil, 0, []int{1, 2}, []int(nil), errBroken, ""}
	got, err := rx.From[any](rx.To(t.Context(), observable.Of(values...))).Collect(t.Context())
	if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", values) {
		t.Errorf("got %#v, %v", got, err)
	}
	var none *int
	pointers, err := rx.From[*int](rxgo.Defer([]rxgo.Producer{func(ctx context.Context, items chan<- rxgo.Item) {
		items <- rxgo.Item{}
		items <- rxgo.Of(none)
	}})).Collect(t.Context())
	if err != nil || len(pointers) != 2 || pointers[0] != nil {
		t.Errorf("got %v, %v", pointers, err)
	}
}

// An item of another type is an error, not a skip.
func TestWrongTypes(t *testing.T) {
	for _, tt := range []struct {
		item any
		want string
	}{
		{"three", `gave a string (three) where the stream has int`},
		{nil, `gave a <nil> (<nil>) where the stream has int`},
		{int64(3), `gave a int64 (3) where the stream has int`},
	} {
		src := rx.To(t.Context(), observable.Of[any](1, tt.item, 2))
		got, err := rx.From[int](src).Collect(t.Context())
		wrong, ok := errors.AsType[*rx.TypeError](err)
		if !ok || wrong.Got != tt.item || !strings.Contains(err.Error(), tt.want) || !slices.Equal(got, []int{1}) {
			t.Errorf("%v: got %v, %v", tt.item, got, err)
		}
	}
}

func TestErrorItemsEndTheStream(t *testing.T) {
	src := rxgo.Just(1, errBroken, 2)()
	got, err := rx.From[int](src).Collect(t.Context())
	if err != errBroken || !slices.Equal(got, []int{1}) {
		t.Errorf("got %v, %v", got, err)
	}
	failing := rx.To(t.Context(), numbers(3, nil)).Map(func(_ context.Context, v any) (any, error) {
		if v == 1 {
			return nil, errBroken
		}
		return v, nil
	})
	got, err = rx.From[int](failing, rxgo.WithErrorStrategy(rxgo.ContinueOnError)).Collect(t.Context())
	if err != errBroken || !slices.Equal(got, []int{0}) {
		t.Errorf("got %v, %v", got, err)
	}
}

// rxgo: a context at the source and another at the observation leak a goroutine
// for each observation.
func TestTrapBothContextsEndAnObservation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("the bridge is closed")
		outer, cancelOuter := context.WithCancelCause(t.Context())
		src := rx.To(outer, observable.Interval(time.Second))
		for range 20 { // the inner one ends the observation
			inner, cancelInner := context.WithCancel(t.Context())
			items := src.Observe(rxgo.WithContext(inner))
			<-items
			cancelInner()
			for range items {
			}
		}
		inner, cancelInner := context.WithCancel(t.Context())
		defer cancelInner()
		items := src.Observe(rxgo.WithContext(inner))
		<-items
		cancelOuter(cause) // the outer one does, and the observer is told
		if item, ok := <-items; !ok || item.E != cause {
			t.Errorf("the end of the outer context came as %+v", item)
		}
		if item, ok := <-items; ok {
			t.Errorf("after the end came %+v", item)
		}
	}) // the bubble fails if a goroutine is left
}

// A source that does not look at its context is reported, and does not hold up the run.
func TestPipelineThatDoesNotClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late []error
		defer observable.OnLateError(func(err error) { late = append(late, err) })()
		items := make(chan rxgo.Item)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		_, err := rx.From[int](rxgo.FromChannel(items)).First(ctx)
		if err != context.DeadlineExceeded || time.Since(begin) != time.Minute+rx.Patience {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if !slices.Equal(late, []error{rx.ErrNotClosed}) {
			t.Errorf("reported %v", late)
		}
	})
}

func TestFromNil(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "rx: From(nil)") {
			t.Errorf("panicked with %q", p)
		}
	}()
	rx.From[int](nil)
}

// Policy and counters are those of the subscription.
func TestLossesAreCountedBeforeTheBridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		subject := observable.NewSubject[int]()
		sub := subject.Subscribe(observable.WithLimit(5), observable.WithLossStamp(func(v int, lost uint64) int { return v + 1000*int(lost) }))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		items := rx.To(ctx, sub.Observable(), rxgo.WithBufferedChannel(0)).Observe()
		synctest.Wait()
		for i := range 20 {
			subject.Publish(t.Context(), i)
			synctest.Wait()
		}
		subject.Close(nil)
		var got []int
		for item := range items {
			got = append(got, item.V.(int))
		}
		if !slices.Equal(got, []int{0, 14015, 16, 17, 18, 19}) {
			t.Errorf("got %v", got)
		}
		if s := sub.Stats(); s.Dropped != 14 || s.Delivered != 6 {
			t.Errorf("%+v", s)
		}
	})
}
