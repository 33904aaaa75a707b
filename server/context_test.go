package server

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

// A context of a handler ends once, with the first cause, whoever asks for what
// meanwhile.
func TestTheEndOfACallContext(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	for range 500 {
		ctx, cancel := context.WithCancelCause(t.Context())
		r := &Request{inside: &inside{ctx: ctx}}
		r.ctx.request = r
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				<-r.ctx.Done()
				if cause := context.Cause(&r.ctx); cause != first && cause != second {
					t.Errorf("the cause is %v", cause)
				}
			})
		}
		wg.Go(func() { r.ctx.end(first) })
		wg.Go(func() { r.ctx.end(second) })
		wg.Wait()
		cause := context.Cause(&r.ctx)
		r.ctx.end(context.Canceled)
		if again := context.Cause(&r.ctx); again != cause || r.ctx.Err() != context.Canceled {
			t.Fatalf("%v, then %v: %v", cause, again, r.ctx.Err())
		}
		cancel(nil)
	}
}

func TestCallContexts(t *testing.T) {
	late := errors.New("late")
	for name, test := range map[string]struct {
		do    func(r *Request, parent context.CancelCauseFunc)
		cause error
	}{
		"returned, then asked":  {func(r *Request, _ context.CancelCauseFunc) { r.ctx.end(context.Canceled) }, context.Canceled},
		"asked, then returned":  {func(r *Request, _ context.CancelCauseFunc) { r.ctx.Done(); r.ctx.end(context.Canceled) }, context.Canceled},
		"late, then returned":   {func(r *Request, _ context.CancelCauseFunc) { r.ctx.end(late); r.ctx.end(context.Canceled) }, late},
		"the caller goes":       {func(r *Request, parent context.CancelCauseFunc) { r.ctx.Done(); parent(ErrCallerGone) }, ErrCallerGone},
		"the caller has gone":   {func(r *Request, parent context.CancelCauseFunc) { parent(ErrCallerGone) }, ErrCallerGone},
		"late, the caller goes": {func(r *Request, parent context.CancelCauseFunc) { r.ctx.end(late); parent(ErrCallerGone) }, late},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				r := &Request{inside: &inside{ctx: parent}}
				r.ctx.request = r
				test.do(r, cancel)
				synctest.Wait()
				select {
				case <-r.ctx.Done():
				default:
					t.Error("it goes on")
				}
				if cause := context.Cause(&r.ctx); cause != test.cause {
					t.Errorf("the cause is %v, want %v", cause, test.cause)
				}
				if RequestOf(&r.ctx) != r {
					t.Error("the request is another one")
				}
			})
		})
	}
}
