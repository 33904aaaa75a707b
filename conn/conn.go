package conn

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/wire"
)

// A Conn keeps one client attached to a great hall. One goroutine, that of
// [Conn.Run], dials, shakes hands, receives and comes back after a loss; it
// owns the life of the connection. What others may know is published as
// values. All methods but Run may be called from any goroutine.
type Conn struct {
	cfg Config

	state    *observable.Value[State]
	token    *observable.Value[wire.Token]
	orcName  *observable.Value[string]
	registry *observable.Value[Registry]
	notices  *observable.Subject[Notice]

	attached atomic.Pointer[attachment] // nil while there is no session
	link     atomic.Pointer[linkBox]    // the present link, also during the handshake
	counts   counters

	mu       sync.Mutex // orders the transitions of state; see machine.go
	identity Identity   // of the last session; guarded by mu

	wake chan struct{} // Reconnect ends a wait between two attempts
	done chan struct{} // closed when Run has returned
}

// A linkBox makes an interface fit into an atomic pointer, with the reason for
// which this side closed the link.
type linkBox struct {
	Link
	cause atomic.Pointer[error]
}

// end closes the link for a reason of this side. The first reason counts.
func (l *linkBox) end(cause error) {
	l.cause.CompareAndSwap(nil, &cause)
	l.Close()
}

// reason is why the link ended: what this side said, else what Receive said.
func (l *linkBox) reason(received error) error {
	if cause := l.cause.Load(); cause != nil {
		return *cause
	}
	return received
}

// New makes a Conn; [Conn.Run] gives it life. An error says which part of the
// configuration is wrong.
func New(cfg Config) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	everyChange := func(a, b State) bool { return false }
	return &Conn{
		cfg:      cfg,
		state:    observable.NewValueFunc(State{Phase: Connecting, Since: time.Now()}, everyChange),
		token:    observable.NewValue(wire.Token("")),
		orcName:  observable.NewValue(""),
		registry: observable.NewValueFunc(Registry{}, func(a, b Registry) bool { return a.Time.Equal(b.Time) }),
		notices:  observable.NewSubject[Notice](observable.WithSubscribers(observable.NoBlock())),
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
	}, nil
}

// State is where the connection stands. It completes when Run has returned.
func (c *Conn) State() observable.View[State] { return c.state.View() }

// Token is the token of the hall, "" before the first session.
func (c *Conn) Token() observable.View[wire.Token] { return c.token.View() }

// OrcName is the name that commands carry; see [Identity].
func (c *Conn) OrcName() observable.View[string] { return c.orcName.View() }

// Registry is the registry of commands as it came last.
func (c *Conn) Registry() observable.View[Registry] { return c.registry.View() }

// Notices is the stream of what happens to the connection, in order and
// without conflation. Subscribe before Run to miss none.
func (c *Conn) Notices() *observable.Subject[Notice] { return c.notices }

// Session returns the present session; ok is false while there is none.
func (c *Conn) Session() (s Session, ok bool) {
	a := c.attached.Load()
	if a == nil {
		return Session{}, false
	}
	return a.session(), true
}

// Silence is how long the hall has not been heard of, 0 without a link. A hall
// beats every 500 ms, so more than that is lag (protocol §4.2).
func (c *Conn) Silence() time.Duration {
	link := c.link.Load()
	if link == nil {
		return 0
	}
	return time.Since(link.Info().LastReceived)
}

// Reconnect connects anew, now: it cuts the present link, or ends the wait
// before the next attempt.
func (c *Conn) Reconnect() {
	if link := c.link.Load(); link != nil {
		link.end(&Error{Op: "session", Addr: c.cfg.Transport.String(), Reason: ErrCut})
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Done is closed when Run has returned.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Run keeps the connection until ctx is done, the hall says game over, or the
// configuration gives up. It returns the reason: context.Cause(ctx), or an
// error that wraps a reason of this package. Run may be called once.
func (c *Conn) Run(ctx context.Context) error {
	defer close(c.done)
	backoff := c.cfg.Backoff()
	for attempt := 1; ; attempt++ {
		c.attempting(attempt)
		err := c.attempt(ctx, backoff)
		if c.hadSession(err) {
			attempt = 0
		}
		if ctx.Err() != nil {
			return c.close(context.Cause(ctx))
		}
		if c.over(err) {
			return c.close(err)
		}
		delay := backoff.NextBackOff()
		if delay < 0 {
			return c.close(err)
		}
		c.waiting(attempt+1, delay, err)
		c.pause(ctx, delay)
	}
}

// A lost is the end of a session, as opposed to an attempt that failed.
type lost struct{ error }

func (l lost) Unwrap() error { return l.error }

func (c *Conn) hadSession(err error) bool { return errors.As(err, new(lost)) }

// attempt makes a link, a session, and serves it until it is lost.
func (c *Conn) attempt(ctx context.Context, backoff Backoff) error {
	link, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer c.link.Store(nil)
	defer link.Close()
	defer context.AfterFunc(ctx, func() { link.end(context.Cause(ctx)) })()

	a, err := c.handshake(link)
	if err != nil {
		return err
	}
	c.attach(a)
	err = c.serve(a, backoff)
	link.Close() // before the detachment, so that Written is final
	c.detach(a, err)
	return lost{err}
}

// over tells whether Run ends after err.
func (c *Conn) over(err error) bool {
	switch {
	case errors.Is(err, ErrGameOver):
		return c.cfg.GameOver == StopForGood
	case c.state.Load().Epoch == 0:
		return !c.cfg.RetryFirst || Permanent(err)
	}
	return c.cfg.GiveUp(err)
}

func (c *Conn) pause(ctx context.Context, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.wake:
	case <-ctx.Done():
	}
}

func (c *Conn) setRegistry(raw json.RawMessage, token string) {
	previous := c.registry.Load().Time
	now := time.Now()
	if !now.After(previous) {
		now = previous.Add(1) // coarse clocks: each registry has a time of its own
	}
	c.registry.Set(Registry{JSON: raw, Token: token, Time: now})
}
