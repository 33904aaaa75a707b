package obstest_test

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
	"github.com/xcraft-go/xbus/observable/obstest"
)

func TestColdPlaysItsDiagramInEachRun(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		src := obstest.Cold(t, "-a-(bc)--|")
		obstest.Expect(t, src, "-a-(bc)--|")
		time.Sleep(time.Hour)
		r := obstest.Expect(t, src, "-a-(bc)--|")
		if got := r.String(); got != "-a-(bc)--|" {
			t.Errorf("the recording is drawn as %q", got)
		}
		if !r.Completed() || r.Err() != nil || !slices.Equal(r.Values(), []string{"a", "b", "c"}) {
			t.Errorf("completed %v, error %v, values %v", r.Completed(), r.Err(), r.Values())
		}
		obstest.Expect(t, obstest.Cold(t, "a 2h #"), "a 2h #")
		obstest.Expect(t, obstest.Cold(t, "-a-"), "-a-------")
		obstest.Expect(t, obstest.ColdOf(t, "x-y|", map[string]int{"x": 10, "y": 2}), "{10}-2|")
		obstest.ExpectOf(t, obstest.ColdOf(t, "x-y|", map[string]int{"x": 10, "y": 2}), "p-q|", map[string]int{"p": 10, "q": 2})
	})
}

func TestHotGoesOnWithoutConsumers(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		src := obstest.Hot(t, "a-b-c-d-|")
		first := obstest.Start(t, src)
		time.Sleep(2 * obstest.Frame)
		obstest.Expect(t, src, "b-c-d-|")
		obstest.Expect(t, src, "|")
		if got := first.String(); got != "a-b-c-d-|" {
			t.Errorf("the first consumer saw %q", got)
		}
	})
}

func TestHotFails(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		r := obstest.Expect(t, obstest.HotOf(t, "-x#", map[string]bool{"x": true}), "-{true}#")
		if r.Err() != obstest.ErrMarble {
			t.Errorf("error %v", r.Err())
		}
	})
}

func TestExpectShowsBothDiagrams(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		for _, tt := range []struct{ src, want string }{
			{"-a-b|", "-a-c|"},  // another value
			{"-a-b|", "-a--b|"}, // another moment
			{"-a-b|", "-a-b-"},  // ends too early
			{"-a-b-", "-a-b|"},  // does not end
			{"-a-b|", "-a-b#"},  // completes instead
			{"-ab-|", "-a--|"},  // a value too many
			{"-(ab)|", "-(ba)|"},
		} {
			p := &probe{TB: t}
			obstest.Expect(p, obstest.Cold(t, tt.src), tt.want)
			want, got, _ := strings.Cut(p.String(), "\n got ")
			if !strings.HasSuffix(want, "want "+strings.TrimRight(tt.want, "-")) || got != strings.TrimRight(tt.src, "-") {
				t.Errorf("src %q, expected %q: reported %q", tt.src, tt.want, p)
			}
		}
	})
}

func TestRecordingStops(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		r := obstest.Record(t, observable.Interval(obstest.Frame), 3*obstest.Frame+1)
		if got := r.String(); got != "-012" {
			t.Errorf("recorded %q", got)
		}
		r = obstest.Start(t, observable.Never[int]())
		r.Stop()
		r.Stop()
		<-r.Done()
		if len(r.Events()) != 0 || r.Err() != nil || r.Completed() {
			t.Errorf("events %v", r.Events())
		}
	})
}

// sources that break one law each, and a part of what must be reported.
var breaches = []struct {
	name, report string
	run          func(ctx context.Context, yield func(int) bool) error
}{
	{"other goroutine", "law 1: a value came on goroutine", func(ctx context.Context, yield func(int) bool) error {
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() { recover() }()
			yield(1)
		})
		wg.Wait()
		return nil
	}},
	{"goes on after false", "law 2: a value came after yield had returned false", func(ctx context.Context, yield func(int) bool) error {
		yield(1)
		yield(2)
		return nil
	}},
	{"error after leaving", "law 5: the run returned an error after yield had returned false", func(ctx context.Context, yield func(int) bool) error {
		if !yield(1) {
			return errors.New("left")
		}
		return nil
	}},
	{"leaves a goroutine", "law 3, 5: run to the end: the run has returned and goroutines of it are still there", func(ctx context.Context, yield func(int) bool) error {
		go func() { time.Sleep(time.Minute) }()
		yield(1)
		return nil
	}},
	{"deaf", "law 4, 12: cancel while it waits, twice: the run does not return", func(ctx context.Context, yield func(int) bool) error {
		yield(1)
		time.Sleep(time.Minute)
		return context.Cause(ctx)
	}},
	{"deaf to what was done before", "law 4: cancel from within: 1024 values came after ctx was cancelled", func(ctx context.Context, yield func(int) bool) error {
		for yield(1) {
		}
		return nil
	}},
	{"ctx.Err", "law 4: a context that is done: the run returned ctx.Err()", func(ctx context.Context, yield func(int) bool) error {
		<-ctx.Done()
		return ctx.Err()
	}},
	{"wrapped away", "law 4: a context that is done: ctx was done and the run returned own error instead of", func(ctx context.Context, yield func(int) bool) error {
		<-ctx.Done()
		return errors.New("own error")
	}},
	{"swallows panics", "law 9: panic in the consumer: the consumer panicked and the goroutine that ran the stream saw: <nil>", func(ctx context.Context, yield func(int) bool) error {
		defer func() { recover() }()
		yield(1)
		return nil
	}},
	{"another error", "it must end with this very error: want", func(ctx context.Context, yield func(int) bool) error {
		return errors.New("want")
	}},
}

func TestCheckFindsBreaches(t *testing.T) {
	for _, tt := range breaches {
		t.Run(tt.name, func(t *testing.T) {
			obstest.Run(t, func(t *testing.T) {
				p := &probe{TB: t}
				opts := []obstest.CheckOption{}
				if tt.name == "another error" {
					opts = append(opts, obstest.FailsWith(errors.New("want")))
				}
				obstest.Check(p, observable.New(tt.run), opts...)
				if !strings.Contains(p.String(), tt.report) {
					t.Errorf("reported:\n%s\nwant:\n%s", p, tt.report)
				}
				time.Sleep(time.Hour) // what was left behind ends within the bubble
			})
		})
	}
}

func TestGuardSeesOverlap(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		src := observable.New(func(ctx context.Context, yield func(int) bool) error {
			var wg sync.WaitGroup
			for i := range 2 {
				wg.Go(func() { yield(i) })
			}
			wg.Wait()
			return nil
		})
		p := &probe{TB: t}
		obstest.Guard(p, src).Run(t.Context(), func(int) bool {
			time.Sleep(obstest.Frame)
			return true
		})
		if want := "law 1: two values at a time"; !strings.Contains(p.String(), want) {
			t.Errorf("reported:\n%s\nwant:\n%s", p, want)
		}
	})
}

func TestGuardSeesValuesAfterTheEnd(t *testing.T) {
	var late func(int) bool
	src := observable.New(func(ctx context.Context, yield func(int) bool) error {
		late = yield
		return nil
	})
	p := &probe{TB: t}
	if _, err := obstest.Guard(p, src).Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	late(1)
	if want := "law 2: a value came after the run had returned"; !strings.Contains(p.String(), want) {
		t.Errorf("reported:\n%s\nwant:\n%s", p, want)
	}
}

func TestCheckFindsLocksAndReferences(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		var lock = make(chan struct{}, 1) // a mutex that a bubble can see through
		unlock := func() {
			select {
			case <-lock:
			default:
			}
		}
		locked := observable.New(func(ctx context.Context, yield func(int) bool) error {
			lock <- struct{}{}
			defer unlock()
			yield(1)
			return nil
		})
		p := &probe{TB: t}
		obstest.CheckEach(p, func() observable.Observable[int] { return locked })
		if want := "law 8: run within itself: the run does not return"; !strings.Contains(p.String(), want) {
			t.Errorf("reported:\n%s\nwant:\n%s", p, want)
		}
		for range 10 { // let the runs that are stuck end
			unlock()
			synctest.Wait()
		}
	})
	var kept []func(int) bool
	var mu sync.Mutex
	hoards := observable.New(func(ctx context.Context, yield func(int) bool) error {
		mu.Lock()
		kept = append(kept, yield)
		mu.Unlock()
		yield(1)
		return nil
	})
	p := &probe{TB: t}
	obstest.Check(p, hoards, obstest.Within(time.Second))
	if want := "law 11: references: a consumer that has left is still referenced"; !strings.Contains(p.String(), want) {
		t.Errorf("reported:\n%s\nwant:\n%s", p, want)
	}
	kept = nil
}

func TestCheckFindsSplitRuns(t *testing.T) {
	obstest.Run(t, func(t *testing.T) {
		ch := make(chan int, 100)
		for i := range 100 {
			ch <- i
		}
		close(ch)
		p := &probe{TB: t}
		obstest.Check(p, observable.FromChan(ch))
		if want := "law 6, 7, 14: run at the same time: runs of the same stream had different values"; !strings.Contains(p.String(), want) {
			// The channel may be empty by then; so give each check one of its own.
			split := observable.Defer(func() func() observable.Observable[int] {
				n := 0
				var mu sync.Mutex
				return func() observable.Observable[int] {
					mu.Lock()
					defer mu.Unlock()
					n++
					return observable.Of(n)
				}
			}())
			obstest.Check(p, split)
			if !strings.Contains(p.String(), want) {
				t.Errorf("reported:\n%s\nwant:\n%s", p, want)
			}
		}
	})
}

func TestCheckIsContentWithGoodStreams(t *testing.T) {
	failure := errors.New("failure")
	obstest.Run(t, func(t *testing.T) {
		obstest.Check(t, observable.Observable[int]{})
		obstest.Check(t, observable.Of(1, 2, 3, 4))
		obstest.Check(t, observable.Never[int]())
		obstest.Check(t, observable.Fail[int](failure), obstest.FailsWith(failure))
		obstest.Check(t, obstest.Cold(t, "-a-bcd-|"))
		obstest.Check(t, obstest.Cold(t, "-a-bcd-"))
		obstest.Check(t, obstest.Cold(t, "-a-b#"), obstest.FailsWith(obstest.ErrMarble))
		obstest.Check(t, observable.Interval(obstest.Frame), obstest.Live())
	})
	obstest.Check(t, observable.Of(1, 2, 3), obstest.Within(time.Minute)) // which no run that returns waits for
}

func TestDiagramsNeedABubble(t *testing.T) {
	for name, f := range map[string]func(t testing.TB){
		"Cold":   func(t testing.TB) { obstest.Cold(t, "a") },
		"Hot":    func(t testing.TB) { obstest.Hot(t, "a") },
		"Expect": func(t testing.TB) { obstest.Expect(t, observable.Of(1), "1|") },
	} {
		f2 := &fatal{probe: probe{TB: t}}
		func() {
			defer func() { recover() }()
			f(f2)
		}()
		if !strings.Contains(f2.message, "put the test into obstest.Run") {
			t.Errorf("%s outside of a bubble said %q", name, f2.message)
		}
	}
}

// fatal is a probe that notes what it ends with.
type fatal struct {
	probe
	message string
}

func (f *fatal) Fatalf(format string, args ...any) {
	f.message = strings.TrimSpace(strings.Join([]string{f.message, format}, ""))
	panic(f)
}
