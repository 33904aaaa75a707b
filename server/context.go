package server

import (
	"context"
	"sync"
	"time"
)

type requestKey struct{}

// A callContext is the context of a handler: it knows its request. Most handlers
// never look at theirs, so what can be waited for is made when it is asked for.
type callContext struct {
	request *Request
	parent  context.Context // of the connection, or of the call inside of the hall

	mu     sync.Mutex
	live   context.Context // nil until it is asked for
	cancel context.CancelCauseFunc
	cause  error // why it ended before that
}

func (c *callContext) alive() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == nil {
		c.live, c.cancel = context.WithCancelCause(c.parent)
		if c.cause != nil {
			c.cancel(c.cause)
		}
	}
	return c.live
}

// end ends the context. The first cause counts.
func (c *callContext) end(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.cancel != nil:
		c.cancel(cause) // runs no code of a user: callbacks have goroutines of their own
	case c.cause == nil:
		c.cause = cause
	}
}

// Deadline implements [context.Context].
func (c *callContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }

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
