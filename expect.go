package xbus

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/xcraft-go/xbus/observable"
)

// An Expectation waits for an event that something sent later will cause.
type Expectation struct {
	pattern string
	sub     *observable.Subscription[Event]
}

// Expect arms an expectation: an event that comes after it has returned is not
// missed, however fast it is.
//
//	released, err := client.Expect("*::warehouse.released")
//	defer released.Close()
//	client.Call(ctx, "warehouse.release", args)
//	ev, err := released.Await(ctx)
func (c *Client) Expect(pattern string) (*Expectation, error) {
	sub, err := c.Topic(pattern).Subscribe()
	if err != nil {
		return nil, err
	}
	return &Expectation{pattern, sub}, nil
}

// Await returns the next event of the pattern. It can be called again for the
// one after that. An interruption of the connection, in which the event may have
// come, is an error that wraps ErrGap.
func (x *Expectation) Await(ctx context.Context) (Event, error) {
	ev, err := x.sub.Next(ctx)
	switch {
	case err == io.EOF: // not one that the end of ctx wraps
		return ev, fmt.Errorf("xbus: waiting for %q: %w", x.pattern, ErrClosed)
	case err != nil:
		return ev, fmt.Errorf("xbus: waiting for %q: %w", x.pattern, err)
	case ev.Gap != nil:
		return ev, fmt.Errorf("xbus: waiting for %q: %w: %v", x.pattern, ErrGap, ev.Gap)
	}
	return ev, nil
}

// ErrGap: the connection was interrupted while an event was expected.
var ErrGap = errors.New("the connection was interrupted")

// Close disarms the expectation. It may be called repeatedly.
func (x *Expectation) Close() { x.sub.Close() }
