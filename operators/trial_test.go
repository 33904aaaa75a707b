package operators_test

import (
	"bytes"
	"context"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// A trial is one run of a stream and all that can be seen of it.
type trial struct {
	t        *testing.T
	values   []any
	err      error
	panicked any
	elapsed  time.Duration
	peak     int // goroutines beside the one that ran the stream
	errsLate []error
}

// run runs s to its end and checks what holds for every run: signals do not
// overlap, all come on the goroutine of the run, none after the consumer has
// left or the run has returned, and nothing is left running.
func run(t *testing.T, ctx context.Context, s stream, consume func(n int, v any) bool) *trial {
	t.Helper()
	r := &trial{t: t}
	var mu sync.Mutex
	defer observable.OnLateError(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		r.errsLate = append(r.errsLate, err)
	})()
	synctest.Wait()
	before, me, began := runtime.NumGoroutine(), goroutine(), time.Now()
	var inside, over atomic.Bool
	func() {
		defer func() { r.panicked = recover() }()
		r.err = s.Run(ctx, func(v any) bool {
			switch {
			case over.Load():
				t.Errorf("a value after the end: %v", v)
			case !inside.CompareAndSwap(false, true):
				t.Errorf("two values at a time: %v", v)
			case goroutine() != me:
				t.Errorf("value %v came on another goroutine", v)
			}
			defer inside.Store(false)
			r.peak = max(r.peak, runtime.NumGoroutine()-before)
			r.values = append(r.values, v)
			going := consume == nil || consume(len(r.values), v)
			if !going {
				over.Store(true)
			}
			return going
		})
	}()
	over.Store(true)
	r.elapsed = time.Since(began)
	synctest.Wait()
	for i := 0; runtime.NumGoroutine() > before; i++ { // one that is gone may be counted for a moment
		if i == 5_000_000 {
			t.Errorf("%d goroutines are left", runtime.NumGoroutine()-before)
			break
		}
		runtime.Gosched()
	}
	time.Sleep(time.Hour) // nothing wakes up again
	return r
}

func (r *trial) wantValues(want ...any) {
	r.t.Helper()
	if len(want)+len(r.values) > 0 && !reflect.DeepEqual(r.values, want) {
		r.t.Errorf("values %v, want %v", r.values, want)
	}
}

// wantErr asks for the very error, not for one that wraps it.
func (r *trial) wantErr(want error) {
	r.t.Helper()
	if r.err != want {
		r.t.Errorf("error %v, want %v", r.err, want)
	}
}

func (r *trial) wantPanic(want any) {
	r.t.Helper()
	got := r.panicked
	if p, ok := got.(*observable.Panic); ok {
		if got = p.Value; !bytes.Contains(p.Stack, []byte("operators_test")) {
			r.t.Errorf("the stack does not show where it happened:\n%s", p.Stack)
		}
	}
	if got != want {
		r.t.Errorf("panic %v, want %v", r.panicked, want)
	}
}

func (r *trial) wantEnded(src *script) {
	r.t.Helper()
	if n := src.open.Load(); n != 0 {
		r.t.Errorf("%d runs of the source go on", n)
	}
}

// goroutine returns the number of the goroutine that calls it.
func goroutine() string {
	buf := make([]byte, 32)
	return string(bytes.Fields(buf[:runtime.Stack(buf, false)])[1])
}

func nop() {}
