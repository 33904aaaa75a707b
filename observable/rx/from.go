package rx

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/reactivex/rxgo/v2"

	"github.com/xcraft-go/xbus/observable"
)

// ErrNotClosed is reported, to observable.OnLateError, when a pipeline has not
// closed its channel within Patience after its context was cancelled: it, or one
// of its sources, does not look at the context, and goroutines of it are left.
var ErrNotClosed = errors.New("rx: the rxgo pipeline does not close its channel though its context is cancelled: a source of it (FromChannel, Create, Merge, …) needs a context of its own")

// Patience is how long a run waits for a pipeline to close.
const Patience = time.Second

// A TypeError ends a stream of From when an item has another type than the
// stream has.
type TypeError struct {
	Want reflect.Type
	Got  any // the value of the item
}

func (e *TypeError) Error() string {
	got := fmt.Sprint(e.Got)
	if len(got) > 80 {
		got = got[:80] + "…"
	}
	return fmt.Sprintf("rx: the rxgo pipeline gave a %T (%s) where the stream has %v: convert it in the pipeline, or use From[any]", e.Got, got, e.Want)
}

// From makes a stream of an rxgo Observable. Each run observes src, with the
// context of the run; it ends with the first error item, whatever the error
// strategy of the pipeline. At the end of the run, also when the consumer leaves,
// the context is cancelled and the pipeline is read until it has closed, so that
// nothing of it stays; see ErrNotClosed. What it has made in advance is dropped.
//
// An item of another type is an error, a *TypeError. An item without a value is
// nil where T can be nil.
func From[T any](src rxgo.Observable, opts ...rxgo.Option) observable.Observable[T] {
	if src == nil {
		panic("rx: From(nil): give the rxgo Observable")
	}
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		run, cancel := context.WithCancelCause(ctx)
		items := src.Observe(append(opts[:len(opts):len(opts)], rxgo.WithContext(run))...)
		closed := false
		defer func() {
			cancel(nil)
			if !closed {
				drain(ctx, items)
			}
		}()
		for {
			item, ok, err := receive(ctx, items)
			if err != nil {
				return err
			}
			if !ok {
				closed = true
				return endOf(ctx)
			}
			v, err := valueOf[T](item)
			if err != nil {
				return err
			}
			if !yield(v) {
				return nil
			}
		}
	})
}

// endOf is the end of a pipeline that has closed: a pipeline also closes, without
// an error item, because ctx is done.
func endOf(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func receive(ctx context.Context, items <-chan rxgo.Item) (item rxgo.Item, ok bool, err error) {
	if ctx.Err() != nil {
		return item, false, context.Cause(ctx)
	}
	select {
	case item, ok = <-items:
		return item, ok, nil
	default:
	}
	select {
	case item, ok = <-items:
		return item, ok, nil
	case <-ctx.Done():
		return item, false, context.Cause(ctx)
	}
}

func valueOf[T any](item rxgo.Item) (v T, err error) {
	if item.E != nil {
		return v, item.E
	}
	v, ok := item.V.(T)
	if ok || item.V == nil && canBeNil(reflect.TypeFor[T]()) {
		return v, nil
	}
	return v, &TypeError{Want: reflect.TypeFor[T](), Got: item.V}
}

func canBeNil(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Slice, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	}
	return false
}

// drain reads a cancelled pipeline until it has closed: its goroutines end only
// when somebody takes what they have in hand.
func drain(ctx context.Context, items <-chan rxgo.Item) {
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	for {
		select {
		case _, ok := <-items:
			if !ok {
				return
			}
		case <-patience.C:
			observable.ReportLate(ctx, ErrNotClosed)
			return
		}
	}
}
