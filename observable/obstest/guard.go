package obstest

import (
	"bytes"
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/xcraft-go/xbus/observable"
)

// Guard returns src with a watchman around each of its runs, who fails the test
// when src breaks the contract of observable.New: values that overlap or come on
// another goroutine, values after the consumer has left or the run has returned,
// an error after the consumer has left, a nil context.Cause. It costs about a
// microsecond per value.
func Guard[T any](t testing.TB, src observable.Observable[T]) observable.Observable[T] {
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		w := &watchman{t: t, goroutine: goroutine()}
		defer w.ended.Store(true)
		err := src.Run(ctx, func(v T) bool {
			defer w.enter()()
			w.left.Store(true) // unless yield returns: a panic of the consumer is leaving too
			more := yield(v)
			w.left.Store(!more)
			return more
		})
		if w.left.Load() && err != nil {
			t.Errorf("obstest: law 5: the run returned an error after yield had returned false: it must return nil\nerror: %v", err)
		}
		return err
	})
}

// A watchman looks after one run.
type watchman struct {
	t         testing.TB
	goroutine string
	inside    atomic.Bool
	ended     atomic.Bool
	left      atomic.Bool
}

// enter checks that a value may come now. The function it returns ends the visit.
func (w *watchman) enter() (leave func()) {
	if w.ended.Load() {
		w.t.Errorf("obstest: law 2: a value came after the run had returned")
		return func() {}
	}
	if !w.inside.CompareAndSwap(false, true) {
		w.t.Errorf("obstest: law 1: two values at a time")
		return func() {}
	}
	if g := goroutine(); g != w.goroutine {
		w.t.Errorf("obstest: law 1: a value came on %s, and the run is on %s: call yield on the goroutine that runs", g, w.goroutine)
	}
	if w.left.Load() {
		w.t.Errorf("obstest: law 2: a value came after yield had returned false")
	}
	return func() { w.inside.Store(false) }
}

// goroutine names the goroutine that calls it, as in "goroutine 7".
func goroutine() string {
	buf := make([]byte, 64)
	buf = buf[:runtime.Stack(buf, false)]
	name, _, _ := bytes.Cut(buf, []byte(" ["))
	return string(name)
}
