package conn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// attach publishes a session: first to those who send, then as a state, then
// as notices, in the order of the reference (protocol §4.4).
func (c *Conn) attach(a *attachment) {
	c.mu.Lock()
	old := c.identity
	c.identity = a.identity
	c.mu.Unlock()

	c.token.Set(a.token)
	c.orcName.Set(a.identity.OrcName)
	if a.answer != nil {
		c.setRegistry(registryOf(a.answer), string(a.token))
	}
	c.attached.Store(a)
	c.cfg.OnAttach(a.session())
	c.connected(a)

	if a.epoch > 1 && old.Token != a.token {
		c.notify(Notice{Kind: TokenChanged})
	}
	if a.epoch > 1 && old.AssignedName != a.identity.AssignedName {
		c.notify(Notice{Kind: OrcNameChanged, Old: old.AssignedName, New: a.identity.AssignedName})
	}
	if a.answer != nil {
		c.notify(Notice{Kind: RegistryChanged})
	}
	if a.epoch > 1 {
		c.notify(Notice{Kind: Reconnected})
	}
}

func (c *Conn) detach(a *attachment, err error) {
	c.attached.Store(nil)
	c.disconnected(err)
	session := a.session()
	session.Lost = time.Now()
	c.cfg.OnDetach(session, err)
	c.notify(Notice{Kind: ReconnectAttempt})
}

// serve receives until the session is lost and returns why.
func (c *Conn) serve(a *attachment, backoff Backoff) error {
	dog := c.watch(a)
	defer dog.stop()
	good := false
	for {
		m, err := a.link.Receive()
		if err != nil {
			return c.failure("session", a.link.reason(err))
		}
		if dog.lagging.Load() && dog.lagging.CompareAndSwap(true, false) {
			c.recovered()
		}
		if m.IsHeartbeat() {
			if !good {
				good = true
				backoff.Reset() // the hall lives on after the handshake: proved good
			}
			continue
		}
		if err := c.internal(m); err != nil {
			return c.failure("session", err)
		}
	}
}

// internal keeps what belongs to the connection for itself, drops what is not
// of this session, and hands on the rest (protocol §6.4).
func (c *Conn) internal(m *wire.Message) error {
	switch {
	case m.Topic == wire.TopicGameOver:
		return ErrGameOver
	case strings.HasPrefix(m.Topic, axonPrefix):
		if m.Topic == wire.TopicReject {
			return rejected(m)
		}
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
	case m.Token != a.token:
		c.counts.wrongToken.Add(1)
	default:
		c.counts.received.Add(1)
		c.cfg.OnMessage(m)
	}
	return nil
}

func rejected(m *wire.Message) error {
	return fmt.Errorf("%w: %.200s", ErrCertificateRejected, m.Raw())
}

// A watchdog looks at the silence of a hall by a timer, without a goroutine of
// its own: it wakes when the silence may have grown too long, not at each
// message.
type watchdog struct {
	timer   *time.Timer
	lagging atomic.Bool
}

func (w *watchdog) stop() { w.timer.Stop() }

func (c *Conn) watch(a *attachment) *watchdog {
	dog := new(watchdog)
	armed := make(chan struct{})
	dog.timer = time.AfterFunc(c.cfg.LagAfter, func() {
		<-armed
		silence := time.Since(a.link.Info().LastReceived)
		switch {
		case silence >= c.cfg.LostAfter && !c.cfg.OptimistLag:
			a.link.end(&Error{Op: "session", Addr: c.cfg.Transport.String(), Reason: ErrNoHeartbeat,
				Err: fmt.Errorf("%w: silent for %v", ErrTimeout, silence.Round(100*time.Millisecond))})
			return
		case silence < c.cfg.LagAfter:
			dog.timer.Reset(c.cfg.LagAfter - silence)
		default:
			if dog.lagging.CompareAndSwap(false, true) {
				c.lagging()
			}
			dog.timer.Reset(max(c.cfg.LostAfter-silence, c.cfg.LagAfter/4))
		}
	})
	close(armed)
	return dog
}

// Send stamps m with the session (token, name, route) and hands it to the
// link. It never waits for a session: without one it returns an error that
// wraps [ErrNotConnected] and [ErrNotSent]. The Receipt tells later, compared
// with Session.Info.Written, whether m was written.
//
// A message that names another orc than ours is sent under that name, with a
// route for it.
func (c *Conn) Send(ctx context.Context, m *wire.Message) (Receipt, error) {
	a := c.attached.Load()
	if a == nil {
		return Receipt{}, c.detached()
	}
	m.Token, m.Router, m.OriginRouter = a.token, wire.Axon, wire.Axon
	switch m.OrcName {
	case "", a.identity.OrcName:
		m.OrcName, m.ARP = a.identity.OrcName, a.arp
	default:
		m.ARP = plainRoute(m.OrcName, a.link.Info().Port)
	}
	number, err := a.link.Send(ctx, m)
	if err != nil {
		return Receipt{}, err
	}
	c.counts.sent.Add(1)
	return Receipt{a.epoch, number}, nil
}

// A Receipt names one message among those of all sessions.
type Receipt struct {
	Epoch  uint64 // the session it was sent in
	Number uint64 // its place in that session, from 1
}

// detached says why there is no session.
func (c *Conn) detached() error {
	s := c.state.Load()
	reason := error(ErrNotSent)
	if s.Phase == Closed {
		reason = errors.Join(ErrNotSent, ErrClosed)
	}
	return &Error{Op: "send", Addr: c.cfg.Transport.String(), Reason: ErrNotConnected, Err: errors.Join(reason, s.Err)}
}
