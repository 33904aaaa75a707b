package inproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/wire"
)

// queueLimit is how many messages may wait in one direction; who sends more
// waits for room.
const queueLimit = 1 << 16

// A queue carries messages one way.
type queue = observable.Subscription[*wire.Message]

func newQueue() *queue {
	return observable.NewSubscription[*wire.Message](
		observable.WithPolicy(observable.Block), observable.WithLimit(queueLimit))
}

// A link is one end of a connection. It has no goroutine.
type link struct {
	in, out *queue
	peer    *link
	info    conn.LinkInfo // what does not change
	leave   func(*link)   // of the hall's end

	started  time.Time
	received atomic.Int64  // since started
	sending  chan struct{} // held by who gives a message its number and its place
	number   atomic.Uint64 // of the last message that the peer may have
	closed   atomic.Bool
}

func newPair(info conn.LinkInfo) (client, hall *link) {
	commands, events := newQueue(), newQueue()
	client = &link{in: events, out: commands, info: info, started: time.Now(), sending: make(chan struct{}, 1)}
	hall = &link{in: commands, out: events, info: info, started: time.Now(), sending: make(chan struct{}, 1)}
	client.peer, hall.peer = hall, client
	return client, hall
}

// Receive implements [conn.Link].
func (l *link) Receive() (*wire.Message, error) {
	m, err := l.in.Next(context.Background())
	switch {
	case err == nil:
		return m, nil
	case l.closed.Load():
		return nil, l.fault("session", conn.ErrClosed, nil)
	case errors.Is(err, io.EOF):
		return nil, l.fault("session", conn.ErrLinkLost, io.EOF)
	}
	return nil, l.fault("session", conn.ErrLinkLost, err)
}

// Send implements [conn.Link]: the peer receives a copy of m that shares its
// payload.
func (l *link) Send(ctx context.Context, m *wire.Message) (uint64, error) {
	if err := wire.Check(m); err != nil {
		return 0, fmt.Errorf("%w: %w", conn.ErrNotSent, err)
	}
	if !l.enter(ctx) {
		return 0, l.full(ctx)
	}
	defer func() { <-l.sending }()
	sent := *m
	number := l.number.Add(1) // before the peer has it: Written is never too low
	switch l.out.Offer(ctx, &sent) {
	case observable.Accepted:
		l.peer.received.Store(int64(time.Since(l.peer.started)))
		return number, nil
	case observable.Cancelled:
		l.number.Add(^uint64(0))
		return 0, l.full(ctx)
	}
	l.number.Add(^uint64(0))
	reason := conn.ErrLinkLost
	if l.closed.Load() {
		reason = conn.ErrClosed
	}
	return 0, l.fault("send", reason, conn.ErrNotSent)
}

// enter takes the place of the one that sends. It is no mutex, because whoever
// has it may wait for room, and the others have contexts too.
func (l *link) enter(ctx context.Context) bool {
	select {
	case l.sending <- struct{}{}:
		return true
	default:
	}
	select {
	case l.sending <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *link) full(ctx context.Context) error {
	return l.fault("send", conn.ErrOverflow, fmt.Errorf("%w: %w", conn.ErrNotSent, context.Cause(ctx)))
}

func (l *link) fault(op string, reason, err error) error {
	return &conn.Error{Op: op, Addr: l.info.Remote, Reason: reason, Err: err}
}

// Close implements [conn.Link]. What the peer has been sent it may still read.
func (l *link) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	l.out.Finish(nil)
	l.in.Close()
	for _, end := range []*link{l, l.peer} {
		if end.leave != nil {
			end.leave(end)
		}
	}
	return nil
}

// Info implements [conn.Link].
func (l *link) Info() conn.LinkInfo {
	info := l.info
	info.Written = l.number.Load()
	info.LastReceived = l.started.Add(time.Duration(l.received.Load()))
	return info
}
