package inproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// A link is one end of a connection. It has no goroutine.
type link struct {
	in, out *pipe
	peer    *link
	info    conn.LinkInfo // what does not change
	leave   func(*link)   // of the hall's end

	closed atomic.Bool
}

func newPair(info conn.LinkInfo) (client, hall *link) {
	commands, events := newPipe(), newPipe()
	client = &link{in: events, out: commands, info: info}
	hall = &link{in: commands, out: events, info: info}
	client.peer, hall.peer = hall, client
	return client, hall
}

// Receive implements [conn.Link].
func (l *link) Receive() (*wire.Message, error) {
	if l.closed.Load() {
		return nil, l.fault("session", conn.ErrClosed, nil)
	}
	m, err := l.in.next()
	switch {
	case err == nil:
		return m, nil
	case l.closed.Load():
		return nil, l.fault("session", conn.ErrClosed, nil)
	}
	return nil, l.fault("session", conn.ErrLinkLost, io.EOF)
}

// Send implements [conn.Link]: the peer receives a copy of m that shares its
// strings and its payload.
func (l *link) Send(ctx context.Context, m *wire.Message) (uint64, error) {
	return l.send(ctx, m, wire.ShareChunk(m.Chunk))
}

// SendChunk is Send for a message whose chunk was made by wire.NewChunk and is
// given away with it: the peer owns it.
func (l *link) SendChunk(ctx context.Context, m *wire.Message) (uint64, error) {
	return l.send(ctx, m, m.Chunk)
}

func (l *link) send(ctx context.Context, m *wire.Message, chunk []byte) (uint64, error) {
	if err := wire.Check(m); err != nil {
		return 0, fmt.Errorf("%w: %w", conn.ErrNotSent, err)
	}
	number, err := l.out.put(ctx, m, chunk)
	switch {
	case err == nil:
		return number, nil
	case errors.Is(err, errNoRoom):
		return 0, l.fault("send", conn.ErrOverflow, fmt.Errorf("%w: %w", conn.ErrNotSent, context.Cause(ctx)))
	case l.closed.Load():
		return 0, l.fault("send", conn.ErrClosed, conn.ErrNotSent)
	}
	return 0, l.fault("send", conn.ErrLinkLost, conn.ErrNotSent)
}

func (l *link) fault(op string, reason, err error) error {
	return &conn.Error{Op: op, Addr: l.info.Remote, Reason: reason, Err: err}
}

// Close implements [conn.Link]. What the peer has been sent it may still read.
func (l *link) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	l.out.end()
	l.in.leave()
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
	info.Written = l.out.written()
	info.LastReceived = l.in.lastCame()
	return info
}
