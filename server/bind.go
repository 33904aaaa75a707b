package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// A gate holds autoconnects back until the hall is ready (acceptIncoming of
// the reference, protocol §4.3).
type gate struct {
	mu   sync.Mutex
	open bool
	held []heldAsk
}

type heldAsk struct {
	peer *peer
	m    *wire.Message
}

// pass lets an autoconnect through, now or later. Of one client only the last
// one is kept: it takes no other answer.
func (g *gate) pass(p *peer, m *wire.Message, through func(*peer, *wire.Message)) {
	g.mu.Lock()
	if g.open {
		g.mu.Unlock()
		through(p, m)
		return
	}
	defer g.mu.Unlock()
	for i := range g.held {
		if g.held[i].peer == p {
			g.held[i].m = m
			return
		}
	}
	g.held = append(g.held, heldAsk{p, m})
}

// Ready ends Config.Hold: it says greathall::loaded and answers the autoconnects
// that were held. Without Hold it does nothing.
func (h *Hall) Ready() {
	h.gate.mu.Lock()
	held, opened := h.gate.held, !h.gate.open
	h.gate.open, h.gate.held = true, nil
	h.gate.mu.Unlock()
	if !opened {
		return
	}
	for _, ask := range held {
		h.bind(ask.peer, ask.m)
	}
	h.route(h.event("greathall::loaded", nil))
}

// bind answers an autoconnect (protocol §4.3): the client gets a name, and its
// events from then on.
func (h *Hall) bind(p *peer, m *wire.Message) {
	a := askOf(m.Data)
	if !isThrowAway(a.autoConnectToken) {
		h.counts.refuse(Malformed)
		p.end(BadPeer, fmt.Errorf("autoconnect without {autoConnectToken} in its data"))
		return
	}
	p.announce(a, m)
	if err := p.authentic(); err != nil {
		h.deny(p, a.autoConnectToken, err)
		return
	}
	s := h.sessionFor(p, a)
	h.welcome(p, s, a)
	if p.left.Load() { // while this went on
		h.routes.leave(p)
	}
}

func (h *Hall) welcome(p *peer, s *session, a ask) {
	name := h.nameFor(s, a)
	var resume *resumed
	var replay []*wire.Message

	// Under the lock of the session: events begin right behind the answer.
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.follows(a.xbus) {
		p.end(Replaced, fmt.Errorf("the session goes on over a newer connection"))
		return
	}
	if old := s.peer; old != nil && old != p {
		old.end(Replaced, fmt.Errorf("the session goes on over another connection"))
	}
	if s.closed {
		p.end(Unbound, fmt.Errorf("the session has just expired"))
		return
	}
	if s.numbered {
		resume, replay = s.resume(a.xbus)
		resume.clients = h.routes.connections()
	}
	s.peer, s.leaving = p, false
	p.session.Store(s)
	p.admit()
	h.routes.join(s)
	answer := h.direct(a.autoConnectToken, a.autoConnectToken+"::autoconnect.finished", nil)
	answer.Data = h.welcomeText(name, h.commands.load().registry(), resume)
	p.post(answer, len(replay) == 0)
	for _, event := range replay {
		p.send(event)
	}
	h.cfg.Logger.Debug("bound", "remote", p.info.Remote, "orc", wire.Redact(name))
}

// follows reports whether an autoconnect is the last one that the client has
// sent so far, and notes it. Those of two connections may come to be read in the
// other order: the older connection, which the client has given up, must not take
// the session from the newer one. The lock of the session is held.
func (s *session) follows(a *announced) bool {
	if a == nil || a.attempt == 0 {
		return true
	}
	if a.attempt < s.attempt {
		return false
	}
	s.attempt = a.attempt
	return true
}

// isThrowAway checks the token of an autoconnect: it becomes a namespace, which
// must not be anybody's.
func isThrowAway(token string) bool {
	if token == "" || len(token) > 64 || token == wire.GreatHall {
		return false
	}
	for _, c := range []byte(token) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-') {
			return false
		}
	}
	return true
}

// announce notes what the client says of itself. The first time counts: the
// reference resets it with the first command (protocol §10, 18).
func (p *peer) announce(a ask, m *wire.Message) {
	if p.session.Load() != nil {
		return
	}
	p.info.Nice, p.info.NoForwarding = a.nice, a.noForwarding
	p.info.NodeName = nodeNameOf(m.ARP(), a.autoConnectToken)
}

// deny tells a client that it may not come in, and cuts it.
func (h *Hall) deny(p *peer, throwAway string, err error) {
	h.counts.refuse(NotAuthentic)
	m := h.direct(throwAway, throwAway+"::autoconnect.error", nil)
	m.Data, m.IsError = encodeError(Errorf(CodeForbidden, "%w", err)), true
	p.send(m)
	ctx, cancel := context.WithTimeout(p.ctx, flushTime)
	defer cancel()
	p.flush(ctx)
	p.end(Denied, err)
}

// sessionFor returns the session of a connection: the one that it has, the one
// that a client of xbus proves to have had, or a new one.
func (h *Hall) sessionFor(p *peer, a ask) *session {
	if s := p.session.Load(); s != nil {
		return s
	}
	if a.xbus == nil || a.xbus.version != 1 {
		return &session{}
	}
	if a.xbus.session != "" {
		if s := h.routes.byID(a.xbus.session); s != nil {
			return s
		}
	}
	names, sessions := h.routes.limitAway(h.cfg.Limits.Sessions)
	h.namesFreed(names)
	for range sessions {
		h.counts.refuse(TooManyAway)
	}
	return &session{id: string(wire.NewToken()), numbered: true, kept: kept{limit: h.cfg.ReplayLimit},
		gone: time.Now()} // not here yet, and the last that room is made of
}

// nameFor draws a name, or returns the one that a resumed session has.
func (h *Hall) nameFor(s *session, a ask) string {
	h.routes.join(s) // so that it can own the name; it gets nothing without a connection
	if a.xbus != nil && a.xbus.session != "" && a.xbus.session == s.id && s.first != "" {
		return s.first
	}
	for {
		name := h.names.draw(h.token)
		switch h.routes.claim(name, s, h.cfg.Limits.Names) {
		case "":
			return name
		case TooManyNames:
			return h.routes.firstName(s) // who asks so often can do with the one
		}
		// Somebody has brought this name as an old one of its own.
	}
}

// bindByToken binds a client that was given the token of the hall and does not
// autoconnect: "server mode", under greathall@<token> (protocol §5.7).
func (h *Hall) bindByToken(p *peer, m *wire.Message) *session {
	if m.OrcName != wire.GreatHall+"@"+string(h.token) || p.authentic() != nil {
		return nil
	}
	s := &session{peer: p}
	if h.routes.join(s); h.routes.claim(strings.Clone(m.OrcName), s, 1) != "" {
		h.routes.forget(s)
		return nil
	}
	p.session.Store(s)
	p.admit()
	return s
}
