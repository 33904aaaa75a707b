package conn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

	attached atomic.Pointer[attachment]              // nil while there is no session
	link     atomic.Pointer[Link]                    // nil while there is none; also set during the handshake
	end      atomic.Pointer[context.CancelCauseFunc] // ends the attempt or the session under way
	counts   counters

	mu      sync.Mutex  // orders the transitions of state; see machine.go
	lagging atomic.Bool // whether the phase is Lagging; written under mu

	identity Identity // of the last session; Run's own
	looks    looks    // for the hall of the last session; Run's own

	wake chan struct{} // Reconnect ends a wait between two attempts
	done chan struct{} // closed when Run has returned
	ran  atomic.Bool
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

// Attached reports whether there is a session now.
func (c *Conn) Attached() bool { return c.attached.Load() != nil }

// Silence is how long the hall has not been heard of, 0 without a link. A hall
// beats every 500 ms, so more than that is lag (protocol §4.2).
func (c *Conn) Silence() time.Duration {
	link := c.link.Load()
	if link == nil {
		return 0
	}
	return silence(*link)
}

func silence(link Link) time.Duration { return time.Since(link.Info().LastReceived) }

// Linked reports whether the sockets are up, with or without a session.
func (c *Conn) Linked() bool { return c.link.Load() != nil }

// Addr is the address of the hall.
func (c *Conn) Addr() string { return c.cfg.Transport.String() }

// Reconnect connects anew, now: it cuts the present session, gives up the
// attempt under way, or ends the wait before the next one. It does not wait for
// any of that.
func (c *Conn) Reconnect() {
	end := c.end.Load()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	if end != nil { // after the wake, which the attempt that follows forgets
		(*end)(&Error{Op: "session", Addr: c.cfg.Transport.String(), Reason: ErrCut})
	}
}

// Done is closed when Run has returned.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Run keeps the connection until ctx is done, the hall says game over, or the
// configuration gives up. It returns the reason: context.Cause(ctx), or an
// error that wraps a reason of this package. When it returns, no goroutine of
// the connection is left. Run may be called once.
func (c *Conn) Run(ctx context.Context) error {
	if c.ran.Swap(true) {
		panic("conn: Run: a Conn runs once: make another one with New")
	}
	defer close(c.done)
	backoff := c.cfg.Backoff()
	var found Link // by a look during the wait
	for attempt := 1; ; attempt++ {
		c.attempting(attempt)
		session, err := c.attempt(ctx, backoff, found)
		if ctx.Err() == nil {
			c.counts.failed(err)
		}
		delay, again := c.next(ctx, backoff, err)
		if !again {
			return c.close(ctx, session, err)
		}
		if session != nil {
			attempt = 0
			c.looks.lost(session)
		}
		c.waiting(attempt+1, delay, err)
		c.detached(session, err)
		if session != nil {
			c.notify(Notice{Kind: ReconnectAttempt})
		}
		found = c.pause(ctx, delay, c.looks.next(backoff, err), session != nil && c.looks.brief)
	}
}

// attempt makes a link, unless one was found, and of it a session, which it
// serves until it is lost. It returns the session, nil when there was none, and
// why it ended.
func (c *Conn) attempt(ctx context.Context, backoff Backoff, link Link) (*attachment, error) {
	c.drainWake()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	c.end.Store(&end)
	defer c.end.Store(nil)

	if link == nil {
		var err error
		if link, err = c.dial(ctx); err != nil {
			return nil, c.failure("dial", reason(ctx, err))
		}
	}
	c.link.Store(&link)
	defer c.link.Store(nil)
	defer link.Close()
	defer closeWith(ctx, link)()

	a, err := c.handshake(ctx, end, link)
	if err != nil {
		return nil, c.failure("handshake", reason(ctx, err))
	}
	c.attach(a)
	err = c.serve(a, end, backoff)
	c.attached.Store(nil)
	return a, c.failure("session", reason(ctx, err))
}

// reason is why an attempt or a session ended: what this side said, else err.
func reason(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if ReasonOf(cause) == nil {
		return fmt.Errorf("%w: %w", ErrClosed, cause)
	}
	return cause
}

// closeWith closes link when ctx is done, until join is called, which waits for
// a closing that has begun.
func closeWith(ctx context.Context, link Link) (join func()) {
	var wg sync.WaitGroup
	wg.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer wg.Done()
		link.Close()
	})
	return func() {
		if !stop() {
			wg.Wait()
		}
	}
}

// next decides whether Run goes on after err, and how long it waits before.
func (c *Conn) next(ctx context.Context, backoff Backoff, err error) (delay time.Duration, again bool) {
	switch {
	case ctx.Err() != nil:
		return 0, false
	case errors.Is(err, ErrCut):
		return 0, true
	case c.over(err):
		return 0, false
	}
	delay = backoff.NextBackOff()
	return delay, delay >= 0
}

func (c *Conn) over(err error) bool {
	switch {
	case errors.Is(err, ErrGameOver) && c.cfg.GameOver == StopForGood:
		return true
	case c.state.Load().Epoch == 0:
		return !c.cfg.RetryFirst || Permanent(err)
	}
	return c.cfg.GiveUp(err)
}

// drainWake forgets a Reconnect that the attempt which begins now fulfils.
func (c *Conn) drainWake() {
	select {
	case <-c.wake:
	default:
	}
}

// setRegistry is called on the goroutine of Run only.
func (c *Conn) setRegistry(raw json.RawMessage, token string) {
	previous := c.registry.Load().Time
	now := time.Now()
	if !now.After(previous) {
		now = previous.Add(1) // coarse clocks: each registry has a time of its own
	}
	r := Registry{JSON: raw, Token: token, Time: now}
	c.registry.Set(r)
	c.cfg.OnRegistry(r)
}
