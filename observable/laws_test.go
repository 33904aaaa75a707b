package observable_test

import (
	"context"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/observable/obstest"
)

// subscribed is a subscription with the values 1..n, which is open or has ended.
func subscribed(n int, ended bool, end error) func() observable.Observable[int] {
	return func() observable.Observable[int] {
		sub := observable.NewSubscription[int]()
		fill(sub, n)
		if ended {
			sub.Finish(end)
		}
		return sub.Observable()
	}
}

// ticking publishes to a Subject until the test is over.
func ticking(t *testing.T) *observable.Subject[int] {
	s := observable.NewSubject[int]()
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		observable.Interval(obstest.Frame).Run(ctx, func(n int) bool {
			s.Publish(ctx, n)
			return true
		})
	}()
	t.Cleanup(func() { cancel(); <-gone; s.Close(nil) })
	return s
}

// sources are all streams of this package: complete, failing, endless, silent.
var sources = []struct {
	name string
	make func(t *testing.T) func() observable.Observable[int]
	once bool // has one run only
	opts []obstest.CheckOption
}{
	{"zero", always(observable.Observable[int]{}), false, nil},
	{"Of", always(observable.Of(1, 2, 3, 4, 5)), false, nil},
	{"New failing", always(thenFail(1, 2, 3)), false, []obstest.CheckOption{obstest.FailsWith(errBroken)}},
	{"Never", always(observable.Never[int]()), false, nil},
	{"Fail", always(observable.Fail[int](errBroken)), false, []obstest.CheckOption{obstest.FailsWith(errBroken)}},
	{"Defer", always(observable.Defer(func() observable.Observable[int] { return observable.Of(1, 2, 3) })), false, nil},
	{"FromSeq", always(observable.FromSeq(slices.Values([]int{1, 2, 3, 4}))), false, nil},
	{"Interval", always(observable.Interval(obstest.Frame)), false, []obstest.CheckOption{obstest.Live()}},
	{"FromChan", func(*testing.T) func() observable.Observable[int] {
		return func() observable.Observable[int] {
			ch := make(chan int, 5)
			for i := range 5 {
				ch <- i
			}
			close(ch)
			return observable.FromChan(ch)
		}
	}, true, nil},
	{"FromChan open", func(*testing.T) func() observable.Observable[int] {
		return func() observable.Observable[int] {
			ch := make(chan int, 5)
			ch <- 1
			return observable.FromChan(ch)
		}
	}, true, nil},
	{"Subscription", func(*testing.T) func() observable.Observable[int] { return subscribed(200, false, nil) }, true, nil},
	{"Subscription complete", func(*testing.T) func() observable.Observable[int] { return subscribed(200, true, nil) }, true, nil},
	{"Subscription failed", func(*testing.T) func() observable.Observable[int] { return subscribed(200, true, errBroken) }, true, []obstest.CheckOption{obstest.FailsWith(errBroken)}},
	{"Subject", func(t *testing.T) func() observable.Observable[int] {
		return func() observable.Observable[int] { return ticking(t).Observable() }
	}, true, []obstest.CheckOption{obstest.Live()}},
	{"Subject closed", func(t *testing.T) func() observable.Observable[int] {
		s := observable.NewSubject[int]()
		s.Close(errBroken)
		return func() observable.Observable[int] { return s.Observable() }
	}, false, []obstest.CheckOption{obstest.FailsWith(errBroken)}},
	{"Value", func(t *testing.T) func() observable.Observable[int] {
		v := observable.NewValue(1)
		return func() observable.Observable[int] { return v.Observable() }
	}, false, nil},
	{"Value closed", func(t *testing.T) func() observable.Observable[int] {
		v := observable.NewValue(1)
		v.Close()
		return func() observable.Observable[int] { return v.View().Observable() }
	}, false, nil},
	{"Share", func(t *testing.T) func() observable.Observable[int] {
		return func() observable.Observable[int] { return observable.Share(observable.Interval(obstest.Frame)) }
	}, true, []obstest.CheckOption{obstest.Live()}},
	{"Share failing", func(t *testing.T) func() observable.Observable[int] {
		return func() observable.Observable[int] { return observable.Share(thenFail(1, 2, 3)) }
	}, true, []obstest.CheckOption{obstest.FailsWith(errBroken), obstest.Live()}},
	{"ShareReplay", func(t *testing.T) func() observable.Observable[int] {
		return func() observable.Observable[int] { return observable.ShareReplay(observable.Of(1, 2, 3, 4), 9) }
	}, true, nil},
}

func always(src observable.Observable[int]) func(*testing.T) func() observable.Observable[int] {
	return func(*testing.T) func() observable.Observable[int] {
		return func() observable.Observable[int] { return src }
	}
}

// TestLaws checks all sources for {complete, error, stop, cancel, panic,
// re-entrance}: the signals, and that nothing is left behind.
func TestLaws(t *testing.T) {
	for _, tt := range sources {
		t.Run(tt.name, func(t *testing.T) {
			obstest.Run(t, func(t *testing.T) {
				if tt.once {
					obstest.CheckEach(t, tt.make(t), tt.opts...)
				} else {
					obstest.Check(t, tt.make(t)(), tt.opts...)
				}
			})
		})
	}
}

// TestLawsOfTheChannel: the same streams at the end of Chan.
func TestLawsOfTheChannel(t *testing.T) {
	for _, tt := range sources {
		t.Run(tt.name, func(t *testing.T) {
			for _, buffer := range []int{0, 3} {
				obstest.Run(t, func(t *testing.T) {
					make := tt.make(t)
					obstest.CheckEach(t, func() observable.Observable[int] {
						src := make()
						return observable.New(func(ctx context.Context, yield func(int) bool) error {
							return throughChan(ctx, src, buffer, yield)
						})
					}, tt.opts...)
				})
			}
		})
	}
}

// throughChan is a run that leaves a channel as its documentation says.
func throughChan(ctx context.Context, src observable.Observable[int], buffer int, yield func(int) bool) error {
	run, cancel := context.WithCancelCause(ctx)
	ch, wait := src.Chan(run, observable.WithBuffer(buffer))
	left := true
	defer func() {
		if cancel(nil); left {
			wait()
		}
	}()
	for v := range ch {
		if !yield(v) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	left = false
	return wait()
}

// A run that waits costs no goroutine; one with a context that can be cancelled
// neither; Chan costs one, and Share one for its source.
func TestGoroutineBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		count := func(what string, want int, src observable.Observable[int]) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			gone := make(chan struct{})
			label := "budget " + what
			go pprof.Do(ctx, pprof.Labels("observable", label), func(ctx context.Context) {
				defer close(gone)
				src.Run(ctx, func(int) bool { return true })
			})
			synctest.Wait()
			if got := labelled(label); got != want {
				t.Errorf("%s: %d goroutines, want %d", what, got, want)
			}
			cancel()
			<-gone
		}
		s := observable.NewSubject[int]()
		count("Subject", 1, s.Observable())
		count("Value", 1, observable.NewValue(1).Observable())
		count("Interval", 1, observable.Interval(time.Hour))
		count("Share", 2, observable.Share(observable.Never[int]()))
		count("Chan", 2, observable.New(func(ctx context.Context, yield func(int) bool) error {
			return throughChan(ctx, observable.Never[int](), 0, yield)
		}))
		s.Close(nil)
	})
}

// labelled counts the goroutines with a label, which is inherited.
func labelled(label string) (n int) {
	var b strings.Builder
	pprof.Lookup("goroutine").WriteTo(&b, 1)
	for _, record := range strings.Split(b.String(), "\n\n") {
		if strings.Contains(record, `"`+label+`"`) {
			head, _, _ := strings.Cut(record, " @ ")
			goroutines, err := strconv.Atoi(head[strings.LastIndex(head, "\n")+1:])
			if err != nil {
				panic(err)
			}
			n += goroutines
		}
	}
	return n
}
