package inproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/wire"
)

// queueLimit is how many messages may wait in one direction; who sends more
// waits for room.
const queueLimit = 1 << 16

var (
	hallsMu sync.Mutex
	halls   = make(map[string]*Listener)
)

// A Listener is the place where a hall of this process takes clients in.
type Listener struct {
	name  string
	links *observable.Subscription[conn.Link]

	mu   sync.Mutex
	open map[*link]struct{} // the hall's ends
	port uint64             // of the last client
}

// Listen opens the hall called name. There can be one of a name at a time.
func Listen(name string) (*Listener, error) {
	if name == "" {
		return nil, errors.New(`inproc: the name is empty: give the hall a name, as in mem://name`)
	}
	l := &Listener{
		name:  name,
		links: observable.NewSubscription[conn.Link](observable.WithPolicy(observable.Block), observable.WithLimit(queueLimit)),
		open:  make(map[*link]struct{}),
	}
	hallsMu.Lock()
	defer hallsMu.Unlock()
	if halls[name] != nil {
		return nil, fmt.Errorf("inproc: a hall called %q is open already: close it first, or take another name", name)
	}
	halls[name] = l
	return l, nil
}

// Accept returns the hall's end of the next client, and io.EOF after Close.
func (l *Listener) Accept(ctx context.Context) (conn.Link, error) { return l.links.Next(ctx) }

// Addr is the address of the hall, e.g. "mem://name".
func (l *Listener) Addr() string { return address(l.name) }

// Close takes no more clients and cuts those that are connected.
func (l *Listener) Close() error {
	hallsMu.Lock()
	if halls[l.name] == l {
		delete(halls, l.name)
	}
	hallsMu.Unlock()
	l.links.Finish(nil)

	l.mu.Lock()
	open := l.open
	l.open = nil
	l.mu.Unlock()
	for end := range open {
		end.Close()
	}
	return nil
}

// admit makes the two ends of a new link.
func (l *Listener) admit() (client *link, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		return nil, false
	}
	l.port++
	commands, events := newQueue(), newQueue()
	info := conn.LinkInfo{Port: l.port, Local: l.Addr(), Remote: l.Addr(), Server: true}
	client = &link{in: events, out: commands, info: info}
	hall := &link{in: commands, out: events, info: info, leave: l.forget}
	client.started, hall.started = time.Now(), time.Now()
	client.peer, hall.peer = hall, client
	l.open[hall] = struct{}{}
	l.links.Offer(context.Background(), hall)
	return client, true
}

func (l *Listener) forget(end *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, end)
}

// A Transport reaches a hall of this process. It implements [conn.Transport].
type Transport struct{ name string }

var _ conn.Transport = (*Transport)(nil)

// New makes a Transport to the hall called name, which need not be open yet.
func New(name string) (*Transport, error) {
	if name == "" {
		return nil, errors.New(`inproc: the name is empty: give the name of a hall, as in mem://name`)
	}
	return &Transport{name}, nil
}

// String is the address, e.g. "mem://name".
func (t *Transport) String() string { return address(t.name) }

func address(name string) string { return "mem://" + name }

// Dial implements [conn.Transport].
func (t *Transport) Dial(ctx context.Context) (conn.Link, error) {
	if ctx.Err() != nil {
		return nil, &conn.Error{Op: "dial", Addr: t.String(), Reason: conn.ErrTimeout, Err: context.Cause(ctx)}
	}
	hallsMu.Lock()
	l := halls[t.name]
	hallsMu.Unlock()
	if l != nil {
		if client, ok := l.admit(); ok {
			return client, nil
		}
	}
	return nil, &conn.Error{Op: "dial", Addr: t.String(), Reason: conn.ErrRefused,
		Hint: "no hall of this process has that name"}
}

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
	info    conn.LinkInfo
	leave   func(*link) // of the hall's end

	started  time.Time
	received atomic.Int64 // since started
	sending  sync.Mutex   // keeps numbers in the order of the queue
	number   atomic.Uint64
	closed   atomic.Bool
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
		return 0, errors.Join(conn.ErrNotSent, err)
	}
	sent := *m
	l.sending.Lock()
	defer l.sending.Unlock()
	switch l.out.Offer(ctx, &sent) {
	case observable.Accepted:
	case observable.Cancelled:
		return 0, l.fault("send", conn.ErrOverflow, errors.Join(conn.ErrNotSent, context.Cause(ctx)))
	default:
		return 0, l.fault("send", conn.ErrLinkLost, conn.ErrNotSent)
	}
	l.peer.received.Store(int64(time.Since(l.peer.started)))
	return l.number.Add(1), nil
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
	if l.leave != nil {
		l.leave(l)
	}
	if l.peer.leave != nil {
		l.peer.leave(l.peer)
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
