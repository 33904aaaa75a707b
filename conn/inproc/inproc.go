package inproc

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
)

var (
	hallsMu sync.Mutex
	halls   = make(map[string]*Listener)
)

// A Listener is the place where a hall of this process takes clients in.
type Listener struct {
	name  string
	links *observable.Subscription[conn.Link]

	mu   sync.Mutex
	open map[*link]struct{} // the hall's ends; nil after Close
	port uint64             // of the last client
}

// backlog is how many clients may wait to be accepted; more are refused.
const backlog = 4096

// Listen opens the hall called name. There can be one of a name at a time.
func Listen(name string) (*Listener, error) {
	if name == "" {
		return nil, errors.New(`inproc: the name is empty: give the hall a name, as in mem://name`)
	}
	l := &Listener{
		name:  name,
		links: observable.NewSubscription[conn.Link](observable.WithPolicy(observable.DropNewest), observable.WithLimit(backlog)),
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

// admit makes the two ends of a new link; nil when the hall takes no more.
func (l *Listener) admit() (client *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		return nil
	}
	l.port++
	info := conn.LinkInfo{Port: l.port, Local: l.Addr(), Remote: l.Addr(), Server: true}
	client, hall := newPair(info)
	hall.leave = l.forget
	if l.links.Offer(context.Background(), hall) != observable.Accepted {
		return nil
	}
	l.open[hall] = struct{}{}
	return client
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
		reason := conn.ErrClosed
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			reason = conn.ErrTimeout
		}
		return nil, &conn.Error{Op: "dial", Addr: t.String(), Reason: reason, Err: context.Cause(ctx)}
	}
	hallsMu.Lock()
	l := halls[t.name]
	hallsMu.Unlock()
	if l == nil {
		return nil, &conn.Error{Op: "dial", Addr: t.String(), Reason: conn.ErrRefused,
			Hint: "no hall of this process has that name"}
	}
	if client := l.admit(); client != nil {
		return client, nil
	}
	return nil, &conn.Error{Op: "dial", Addr: t.String(), Reason: conn.ErrRefused,
		Hint: "the hall closes, or takes no clients in for the time being"}
}
