package xbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

// ErrClosed is how streams and calls end when the client is closed.
var ErrClosed = conn.ErrClosed

// A Client is one participant of a bus: it calls commands, follows events and
// shows where its connection stands. All its methods may be called from any
// goroutine, also inside the loops that its streams run.
//
// It keeps one goroutine, which reads what comes and hands it to the queues of
// the subscriptions, and one in the transport; calls and streams add none.
type Client struct {
	conn     *conn.Conn
	calls    *rpc.Calls
	subs     subscriptions
	lines    lines
	registry *observable.Value[*rpc.Registry]
	down     rpc.WhenDown
	defaults []observable.SubscribeOption
	logger   *slog.Logger

	own       atomic.Pointer[string] // "<orc name>::", for answers
	downloads sync.Map               // the subscriptions of Downloads

	// Of the goroutine that reads.
	matches  lookup
	events   position // how far the numbered events have come
	attempts uint64   // autoconnects sent

	cancel context.CancelCauseFunc // ends conn.Run
	run    sync.WaitGroup
}

// Connect connects to a great hall and returns when commands can be sent. The
// address is one of
//
//	xcraft://127.0.0.1:35400?events=35800     TCP
//	xcrafts://host:35400?pin=server-cert.pem  TLS; ca=, cert=, key=, servername=
//	xcraft+unix://<unixSocketId>              unix sockets; commander=, events=, dir=
//	mem://name                                a hall of this process
//
// with nice=, noForwarding=, optimistLag=, timeout= and keepalive= for all of
// them. ctx bounds Connect only. The error says why there is no connection and
// wraps a reason of package conn: ErrRefused, ErrDNS, ErrCertificate,
// ErrNoHeartbeat and so on.
func Connect(ctx context.Context, url string, opts ...Option) (*Client, error) {
	c, err := Open(url, opts...)
	if err != nil {
		return nil, err
	}
	if err := c.Ready(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Open is Connect without the wait: it returns a Client that connects in the
// background. Only wrong addresses and options are errors; the first attempt
// that fails is found in State, and ends the Client unless WithRetryFirst says
// otherwise.
func Open(url string, opts ...Option) (*Client, error) {
	s, err := settle(url, opts)
	if err != nil {
		return nil, err
	}
	c := &Client{
		registry: observable.NewValue[*rpc.Registry](nil),
		down:     s.down, defaults: append(subscribeBase(), s.subscribe...), logger: s.logger,
	}
	var routing []topics.Option
	if s.compat {
		routing = append(routing, topics.Compat())
	}
	c.subs.router = topics.NewRouter[*observable.Subscription[Event]](routing...)
	c.matches.router = c.subs.router
	c.lines.client = c
	s.conn.OnMessage, s.conn.OnAttach, s.conn.OnDetach = c.dispatch, c.attached, c.detached
	s.conn.OnRegistry, s.conn.Announce = c.newRegistry, c.announce
	if c.conn, err = conn.New(s.conn); err != nil {
		return nil, fmt.Errorf("xbus: %w", err)
	}
	s.calls.Sender, s.calls.Registry = sender{c.conn}, c.registry.Load
	c.calls = rpc.New(s.calls)
	c.start()
	return c, nil
}

func (c *Client) start() {
	ctx, cancel := context.WithCancelCause(context.Background())
	c.cancel = cancel
	c.run.Go(func() {
		err := c.conn.Run(ctx)
		c.calls.Close(err)
		c.subs.finish(err)
		c.lines.close()
		c.registry.Close()
	})
}

// Ready waits until commands can be sent. It returns the reason when that is
// not so within ctx, or never again.
func (c *Client) Ready(ctx context.Context) error {
	s, err := c.conn.State().Wait(ctx, func(s conn.State) bool { return s.Usable() || s.Phase == conn.Closed })
	switch {
	case err != nil && ctx.Err() != nil:
		return c.late(ctx)
	case err != nil:
		return ErrClosed
	case s.Phase == conn.Closed && s.Err == nil:
		return ErrClosed
	case s.Phase == conn.Closed:
		return s.Err
	}
	return nil
}

// late says what a connection was waiting for when the patience of ctx ended.
func (c *Client) late(ctx context.Context) error {
	e := &conn.Error{Op: "connect", Addr: c.conn.Addr(), Err: context.Cause(ctx)}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Reason = conn.ErrTimeout
	}
	switch s := c.conn.State().Load(); {
	case s.Err != nil: // the last attempt tells more
		e.Err = fmt.Errorf("%w: %w", context.Cause(ctx), s.Err)
		e.Reason = conn.ReasonOf(s.Err)
	case c.conn.Linked():
		e.Reason = conn.ErrNoHeartbeat
		e.Hint = "the sockets are up, but the hall has not answered"
	}
	return e
}

// Close ends the connection, all streams and all calls in flight, and returns
// when nothing of the Client runs any more. What was sent before is handed to the
// system first, for which a hall that takes nothing is given a second. It may be
// called repeatedly and from anywhere.
func (c *Client) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.conn.Flush(ctx) // without a session nothing waits there
	c.cancel(ErrClosed)
	c.run.Wait()
	return nil
}

// Done is closed when the Client has ended for good, by Close, by a gameover or
// by an error: then State().Load() tells why.
func (c *Client) Done() <-chan struct{} { return c.conn.Done() }

// dispatch hands one event on. It runs on the reader, which waits for nothing:
// calls are settled first, by id, then the subscriptions.
func (c *Client) dispatch(m *wire.Message) {
	own := c.own.Load()
	isOwn := own != nil && strings.HasPrefix(m.Topic, *own)
	var subs []*observable.Subscription[Event]
	if !isOwn || c.matches.reaches(own) {
		subs = c.matches.of(m.Topic)
	}
	if m.Chunk != nil && !c.takesOver(subs) {
		m.Chunk = wire.ShareChunk(m.Chunk)
	}
	c.calls.Settle(m, isOwn)
	c.calls.Event(m)
	c.events.came(m.Seq)
	for _, sub := range subs {
		sub.Offer(context.Background(), Event{Message: m})
	}
}

// attached begins a session: gaps are marked before the first event of it,
// then what waited is sent.
func (c *Client) attached(s conn.Session) {
	own := s.Identity.OrcName + "::"
	c.own.Store(&own)
	answer := resumeOf(s.XBus)
	c.subs.rename(s.Identity)
	c.subs.gap(s, answer, c.events.resume(answer))
	c.lines.attached(answer.Known)
	c.calls.Attached()
}

func (c *Client) detached(s conn.Session, err error) {
	if errors.Is(err, conn.ErrClosed) {
		err = &linkError{rpc.ErrClosed, err} // Close is no loss for the calls in flight
	}
	c.subs.lost(s, err)
	c.calls.Lost(s.Epoch, s.Info.Written, err)
}

func (c *Client) newRegistry(r conn.Registry) {
	c.registry.Set(rpc.NewRegistry(r.JSON, r.Time))
	c.lines.renew()
}

// A Report says what a Drain has left behind.
type Report struct {
	Aborted     int           // calls that had not ended in time
	Undelivered int           // events that nobody had read
	Took        time.Duration // how long it took
}

// Drain ends the Client politely: it refuses new calls, waits until those in
// flight have ended, lets subscriptions be read to their end, and closes. When
// ctx is done first the rest is aborted, the error says so, and the report how
// much that was. A subscription that nobody reads is waited for as well. A Client
// that has ended already has nothing to wait for.
func (c *Client) Drain(ctx context.Context) (Report, error) {
	began := time.Now()
	c.calls.Refuse(ErrClosed)
	select {
	case <-c.Done():
		c.Close()
		return Report{Undelivered: c.Stats().Buffered, Took: time.Since(began)}, nil
	default:
	}
	waitErr := c.calls.Idle(ctx)
	report := Report{Aborted: c.calls.InFlight()}
	c.subs.finish(nil)
	if err := c.subs.read(ctx); err != nil && waitErr == nil {
		waitErr = err
	}
	report.Undelivered = c.Stats().Buffered
	c.Close()
	report.Took = time.Since(began)
	return report, waitErr
}
