package conn

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// attach publishes a session: first to those who send, then as a state, then
// as notices, in the order of the reference (protocol §4.4).
func (c *Conn) attach(a *attachment) {
	old := c.identity
	c.identity = a.identity
	c.token.Set(a.identity.Token)
	c.orcName.Set(a.identity.OrcName)
	if a.registry != nil {
		c.setRegistry(a.registry, string(a.identity.Token))
	}
	c.attached.Store(a)
	c.cfg.OnAttach(a.session())
	c.connected(a)

	again := a.epoch > 1
	if again && old.Token != a.identity.Token {
		c.notify(Notice{Kind: TokenChanged})
	}
	if again && old.AssignedName != a.identity.AssignedName {
		c.notify(Notice{Kind: OrcNameChanged, Old: old.AssignedName, New: a.identity.AssignedName})
	}
	if a.registry != nil {
		c.notify(Notice{Kind: RegistryChanged})
	}
	if again {
		c.notify(Notice{Kind: Reconnected})
	}
}

// detached tells of the end of a session, if there was one. Its link is closed.
func (c *Conn) detached(a *attachment, err error) {
	if a == nil {
		return
	}
	session := a.session()
	session.Lost = time.Now()
	c.cfg.OnDetach(session, err)
}

// serve receives until the session is lost and returns why.
func (c *Conn) serve(a *attachment, end context.CancelCauseFunc, backoff Backoff) error {
	defer c.watch(a.link, end).stop()
	good := false
	for {
		m, err := a.link.Receive()
		if err != nil {
			return err
		}
		if c.lagging.Load() {
			c.recovers()
		}
		if m.IsHeartbeat() {
			a.routed.Store(false)
			if !good {
				good = true
				backoff.Reset() // the hall lives on after the handshake: proved good
			}
			continue
		}
		if err := c.internal(m); err != nil {
			return err
		}
	}
}

// internal keeps what belongs to the connection for itself, drops what is not
// of this session, and hands on the rest (protocol §6.4).
func (c *Conn) internal(m *wire.Message) error {
	switch {
	case m.Topic == wire.TopicGameOver:
		return ErrGameOver
	case m.Topic == wire.TopicReject:
		return fmt.Errorf("%w: %.200s", ErrCertificateRejected, wire.AppendEnvelope(nil, m))
	case strings.HasPrefix(m.Topic, axonPrefix), strings.HasPrefix(m.Topic, ":"):
		c.counts.unknown.Add(1)
		return nil
	}
	consumed, err := c.notice(m)
	if consumed || err != nil {
		return err
	}
	a := c.attached.Load()
	switch {
	case a == nil:
		c.counts.early.Add(1)
	case m.Token != a.identity.Token:
		c.counts.wrongToken.Add(1)
	default:
		c.counts.received.Add(1)
		c.cfg.OnMessage(m)
	}
	return nil
}

// watch looks at the silence of a hall: it shows it as lag, then ends the
// session. It wakes when the silence may have grown too long, not at each
// message.
func (c *Conn) watch(link Link, end context.CancelCauseFunc) *lookout {
	return lookOut(c.cfg.LagAfter, func() time.Duration {
		silent := silence(link)
		switch {
		case silent < c.cfg.LagAfter:
			return c.cfg.LagAfter - silent
		case c.cfg.OptimistLag:
			c.lags(link)
			return c.cfg.LagAfter
		case silent < c.cfg.LostAfter:
			c.lags(link)
			// Not later than a lag that begins after the next message.
			return min(c.cfg.LostAfter-silent, c.cfg.LagAfter)
		}
		end(&Error{Op: "session", Addr: c.cfg.Transport.String(), Reason: ErrNoHeartbeat,
			Err: fmt.Errorf("%w: silent for %v", ErrTimeout, silent.Round(100*time.Millisecond))})
		return 0
	})
}

// Send stamps m with the session (it writes token, name and route into it) and
// hands it to the link. It never waits for a session: without one it returns
// an error that wraps [ErrNotConnected] and [ErrNotSent]. The Receipt tells
// later, compared with Session.Info.Written, whether m was written.
//
// A message that names another orc than ours is sent under that name, with a
// route for it. With ours the route goes along once after each heartbeat, and not
// at all to a hall of xbus.
func (c *Conn) Send(ctx context.Context, m *wire.Message) (Receipt, error) {
	return c.send(ctx, m, false)
}

// SendNow is Send for a message that is the only one for a while: where the link
// can, it is written at once and not together with what others queue.
func (c *Conn) SendNow(ctx context.Context, m *wire.Message) (Receipt, error) {
	return c.send(ctx, m, true)
}

// A promptLink is a Link that can write a message at once.
type promptLink interface {
	SendNow(context.Context, *wire.Message) (number uint64, err error)
}

// sendNow sends a message that is the only one for a while.
func sendNow(ctx context.Context, link Link, m *wire.Message) (uint64, error) {
	if prompt, ok := link.(promptLink); ok {
		return prompt.SendNow(ctx, m)
	}
	return link.Send(ctx, m)
}

func (c *Conn) send(ctx context.Context, m *wire.Message, now bool) (Receipt, error) {
	a := c.attached.Load()
	if a == nil {
		return Receipt{}, c.noSession()
	}
	m.Token, m.Router, m.OriginRouter = a.identity.Token, wire.Axon, wire.Axon
	if m.OrcName == "" {
		m.OrcName = a.identity.OrcName
	}
	m.SetARP(a.routeOf(m.OrcName))
	var number uint64
	var err error
	if now && a.prompt != nil {
		number, err = a.prompt.SendNow(ctx, m)
	} else {
		number, err = a.link.Send(ctx, m)
	}
	if err != nil {
		return Receipt{}, err
	}
	c.counts.sent.Add(1)
	return Receipt{a.epoch, number}, nil
}

// Flush waits until all that was sent in the present session has been handed to
// the system. That is not yet to the hall, but closing does not undo it.
func (c *Conn) Flush(ctx context.Context) error {
	a := c.attached.Load()
	if a == nil {
		return c.noSession()
	}
	if link, ok := a.link.(interface{ Flush(context.Context) error }); ok {
		return link.Flush(ctx)
	}
	return nil // nothing waits in such a link
}

// A Receipt names one message among those of all sessions.
type Receipt struct {
	Epoch  uint64 // the session it was sent in
	Number uint64 // its place in that session, from 1
}

// noSession says why nothing can be sent.
func (c *Conn) noSession() error {
	s := c.state.Load()
	why := ErrNotSent
	if s.Phase == Closed {
		why = fmt.Errorf("%w: %w", why, ErrClosed)
	}
	if s.Err != nil {
		why = fmt.Errorf("%w: %w", why, s.Err)
	}
	return &Error{Op: "send", Addr: c.cfg.Transport.String(), Reason: ErrNotConnected, Err: why}
}
