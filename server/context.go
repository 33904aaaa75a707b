package server

import (
	"context"
	"sync/atomic"
	"time"
)

type requestKey struct{}

// A callContext is the context of a handler: it knows its request. Most handlers
// never look at theirs, so what can be waited for is made when it is asked for.
type callContext struct {
	request *Request
	state   atomic.Pointer[contextState] // nil as long as it has not ended and is not asked for
}

// A contextState does not change once it is the state of a context.
type contextState struct {
	live   context.Context // nil when the context ended before it was asked for
	cancel context.CancelCauseFunc
	cause  error // why it ended before that
}

// returned is the state when a handler that never asked has returned.
var returned = &contextState{cause: context.Canceled}

// alive returns the context that can be waited for.
func (c *callContext) alive() context.Context {
	for {
		old := c.state.Load()
		if old != nil && old.live != nil {
			return old.live
		}
		parent := c.request.parent()
		if old != nil {
			parent = context.WithoutCancel(parent) // whose cause came later
		}
		live, cancel := context.WithCancelCause(parent)
		if old != nil {
			cancel(old.cause)
		}
		if c.state.CompareAndSwap(old, &contextState{live: live, cancel: cancel}) {
			return live
		}
		cancel(nil) // somebody else was faster
	}
}

// end ends the context. The first cause counts.
func (c *callContext) end(cause error) {
	over := returned
	if cause != context.Canceled {
		over = &contextState{cause: cause}
	}
	if c.state.CompareAndSwap(nil, over) {
		return
	}
	if state := c.state.Load(); state.cancel != nil {
		state.cancel(cause) // runs no code of a user: callbacks have goroutines of their own
	}
}

// Deadline implements [context.Context].
func (c *callContext) Deadline() (time.Time, bool) { return c.request.parent().Deadline() }

// Done implements [context.Context].
func (c *callContext) Done() <-chan struct{} { return c.alive().Done() }

// Err implements [context.Context].
func (c *callContext) Err() error { return c.alive().Err() }

// Value implements [context.Context]. By it package context finds the cause.
func (c *callContext) Value(key any) any {
	if _, ok := key.(requestKey); ok {
		return c.request
	}
	return c.alive().Value(key)
}
