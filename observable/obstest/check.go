package obstest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// A CheckOption tells Check what kind of stream it looks at.
type CheckOption func(*checker)

// Live says that runs need not have the same values, because they see a world
// that moves: the stream of a Subject, of a clock.
func Live() CheckOption { return func(c *checker) { c.live = true } }

// Within bounds the time in which a run must notice that its context is done,
// and in which it must show what it has to show. Default: 1 s; in a bubble
// (obstest.Run) it takes no time.
func Within(d time.Duration) CheckOption { return func(c *checker) { c.bound = d } }

// FailsWith says that the stream ends with this very error.
func FailsWith(err error) CheckOption { return func(c *checker) { c.want = err } }

// Check looks for breaches of the contract of package observable: it runs src
// several times, to its end or for a while, leaves it, cancels it, panics in it,
// runs it within itself and many times at once, and fails the test where a law
// of the package's documentation is broken. Put Guard around streams in other
// tests to watch them there too.
func Check[T any](t testing.TB, src observable.Observable[T], opts ...CheckOption) {
	t.Helper()
	check(t, func() observable.Observable[T] { return src }, opts)
}

// CheckEach is Check for streams that can be run once only: make gives a new one
// for each check. That runs can be repeated is not checked then.
func CheckEach[T any](t testing.TB, make func() observable.Observable[T], opts ...CheckOption) {
	t.Helper()
	check(t, make, append([]CheckOption{Live()}, opts...))
}

func check[T any](t testing.TB, make func() observable.Observable[T], opts []CheckOption) {
	t.Helper()
	c := &checker{t: t, bound: time.Second}
	for _, opt := range opts {
		opt(c)
	}
	probes := []struct {
		law   string
		probe func(*checker, observable.Observable[T])
	}{
		{"3, 5: run to the end", checkEnd[T]},
		{"2, 3: leave at the first value", func(c *checker, src observable.Observable[T]) { checkLeave(c, src, 1) }},
		{"2, 3: leave at the third value", func(c *checker, src observable.Observable[T]) { checkLeave(c, src, 3) }},
		{"4: a context that is done", checkDone[T]},
		{"4, 12: cancel while it waits, twice", checkCancel[T]},
		{"4: cancel from within", checkCancelWithin[T]},
		{"9: panic in the consumer", checkPanic[T]},
		{"8: run within itself", checkNested[T]},
		{"6, 7, 14: run at the same time", checkTogether[T]},
		{"11: references", checkReferences[T]},
	}
	for _, p := range probes {
		c.law = p.law
		p.probe(c, Guard(t, make()))
	}
}

// A checker is one call of Check.
type checker struct {
	t     testing.TB
	bound time.Duration
	want  error
	live  bool
	law   string
}

func (c *checker) errorf(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf("obstest: law %s: %s", c.law, fmt.Sprintf(format, args...))
}

var (
	errCut  = errors.New("obstest: the check cancelled the run")
	errOver = errors.New("obstest: the check has seen enough")
)

// outcome is what came of one run.
type outcome[T any] struct {
	values   []T
	err      error
	panicked any
	returned bool // within the bound
	cut      bool // ctx was done by then
}

// run runs src on a goroutine of its own until it is over, or until it does not
// come back in time, and checks that it leaves no goroutine behind.
func run[T any](c *checker, ctx context.Context, src observable.Observable[T], yield func(n int, v T) bool) outcome[T] {
	c.t.Helper()
	var o outcome[T]
	gone := make(chan struct{})
	family := newFamily()
	go family.do(func() {
		defer close(gone)
		defer func() { o.panicked = recover() }()
		o.err = src.Run(ctx, func(v T) bool {
			o.values = append(o.values, v)
			return yield(len(o.values), v)
		})
		o.cut = ctx.Err() != nil
	})
	deadline := time.NewTimer(3 * c.bound)
	defer deadline.Stop()
	select {
	case <-gone:
	case <-deadline.C:
		c.errorf("the run does not return: %v after it should have\n%s", 2*c.bound, family.stacks())
		return outcome[T]{}
	}
	o.returned = true
	if left := family.wait(); left != "" {
		c.errorf("the run has returned and goroutines of it are still there:\n%s", left)
	}
	return o
}

// watched is a context that is cancelled when the stream had time enough to show itself.
func (c *checker) watched() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.Background(), c.bound, errOver)
}

// enough is how many values a check takes of a stream that does not end, and how
// many may come after ctx was cancelled within the consumer: what was under way.
const enough = 1 << 10

func plenty[T any](n int, _ T) bool { return n < enough }

func checkEnd[T any](c *checker, src observable.Observable[T]) {
	ctx, cancel := c.watched()
	defer cancel()
	o := run(c, ctx, src, plenty[T])
	switch {
	case !o.returned || o.err == nil && c.want == nil:
	case c.want != nil && o.err != c.want:
		c.errorf("it must end with this very error: %v\nand ended with: %v", c.want, o.err)
	case o.cut && o.err != nil && o.err != c.want && !errors.Is(o.err, errOver):
		c.errorf("ctx was done and the run returned %v instead of context.Cause(ctx): %v", o.err, errOver)
	}
}

func checkLeave[T any](c *checker, src observable.Observable[T], after int) {
	ctx, cancel := c.watched()
	defer cancel()
	o := run(c, ctx, src, func(n int, _ T) bool { return n < after })
	if o.returned && len(o.values) == after && o.err != nil {
		c.errorf("the consumer left at value %d and the run returned an error: %v", after, o.err)
	}
}

func checkDone[T any](c *checker, src observable.Observable[T]) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errCut)
	o := run(c, ctx, src, plenty[T])
	if o.returned {
		c.cut(o.err, len(o.values))
	}
}

// cut checks the end of a run whose context was done: complete, with an error of
// its own if that came first, or with the cause.
func (c *checker) cut(err error, values int) {
	if err != nil && err != c.want && !errors.Is(err, errCut) && values == 0 {
		c.errorf("ctx was done and the run returned %v instead of context.Cause(ctx): %v", err, errCut)
	}
	if errors.Is(err, context.Canceled) {
		c.errorf("the run returned ctx.Err() (%v): return context.Cause(ctx)", err)
	}
}

func checkCancel[T any](c *checker, src observable.Observable[T]) {
	ctx, cancel := context.WithCancelCause(context.Background())
	timer := time.AfterFunc(c.bound, func() { cancel(errCut); cancel(nil) })
	defer timer.Stop()
	o := run(c, ctx, src, plenty[T])
	cancel(nil)
	if o.returned && o.cut && o.err != nil && o.err != c.want && !errors.Is(o.err, errCut) {
		c.errorf("ctx was done and the run returned %v instead of context.Cause(ctx): %v", o.err, errCut)
	}
}

func checkCancelWithin[T any](c *checker, src observable.Observable[T]) {
	ctx, cancel := context.WithCancelCause(context.Background())
	timer := time.AfterFunc(c.bound, func() { cancel(errCut) })
	defer timer.Stop()
	o := run(c, ctx, src, func(n int, _ T) bool {
		cancel(errCut)
		return n < enough
	})
	cancel(nil)
	if o.returned && len(o.values) == enough {
		c.errorf("%d values came after ctx was cancelled", enough)
	}
	if o.returned {
		c.cut(o.err, 0)
	}
}

func checkPanic[T any](c *checker, src observable.Observable[T]) {
	ctx, cancel := c.watched()
	defer cancel()
	value := new(int)
	o := run(c, ctx, src, func(int, T) bool { panic(value) })
	if o.returned && len(o.values) > 0 && o.panicked != any(value) {
		c.errorf("the consumer panicked and the goroutine that ran the stream saw: %v (error: %v)", o.panicked, o.err)
	}
}

func checkNested[T any](c *checker, src observable.Observable[T]) {
	ctx, cancel := c.watched()
	defer cancel()
	run(c, ctx, src, func(int, T) bool {
		inner, stop := context.WithTimeoutCause(ctx, c.bound/2, errOver)
		defer stop()
		src.Run(inner, func(T) bool { return false })
		return false
	})
}

func checkTogether[T any](c *checker, src observable.Observable[T]) {
	ctx, cancel := c.watched()
	defer cancel()
	outcomes := make([]outcome[T], 4)
	var wg sync.WaitGroup
	for i := range outcomes {
		wg.Go(func() { outcomes[i] = run(c, ctx, src, plenty[T]) })
	}
	wg.Wait()
	if c.live || ctx.Err() != nil {
		return
	}
	for _, o := range outcomes[1:] {
		if !reflect.DeepEqual(o.values, outcomes[0].values) {
			c.errorf("runs of the same stream had different values; if they may, say obstest.Live()\n%v\n%v", outcomes[0].values, o.values)
			return
		}
	}
}

// checkReferences leaves a run and looks whether its consumer can be collected
// while the stream lives on.
func checkReferences[T any](c *checker, src observable.Observable[T]) {
	ctx, cancel := c.watched()
	defer cancel()
	collected := new(atomic.Bool) // set from outside a bubble, where no channel of it may be used
	func() {
		consumer := new([64]byte)
		runtime.AddCleanup(consumer, func(done *atomic.Bool) { done.Store(true) }, collected)
		run(c, ctx, src, func(int, T) bool {
			consumer[0]++
			return false
		})
	}()
	for range 50 {
		runtime.GC()
		for range 100 {
			runtime.Gosched()
		}
		if collected.Load() {
			runtime.KeepAlive(src)
			return
		}
	}
	c.errorf("a consumer that has left is still referenced")
	runtime.KeepAlive(src)
}
