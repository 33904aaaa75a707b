package server

import (
	"context"
	"encoding/json"
	"fmt"
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

// An ask is the data of an autoconnect.
type ask struct {
	AutoConnectToken string     `json:"autoConnectToken"`
	Nice             int        `json:"nice"`
	NoForwarding     bool       `json:"noForwarding"`
	XBus             *announced `json:"xbus"`
}

// announced is what a client of xbus says of itself.
type announced struct {
	Version int    `json:"version"`
	Session string `json:"session"`
	Seq     uint64 `json:"seq"`
	Attempt uint64 `json:"attempt"` // grows with each autoconnect of the client; 0 when it does not count
}

// A welcome is the data of the answer.
type welcome struct {
	Token       string          `json:"token"`
	OrcName     string          `json:"orcName"`
	CmdRegistry json.RawMessage `json:"cmdRegistry"`
	IsLoaded    bool            `json:"isLoaded"`
	XBus        *resumed        `json:"xbus,omitempty"`
}

// resumed is what a client of xbus learns of its session.
type resumed struct {
	Version  int    `json:"version"`
	Session  string `json:"session"`
	Known    bool   `json:"known"`
	Seq      uint64 `json:"seq"`
	Replayed int    `json:"replayed"`
	Clients  int    `json:"clients"` // connected now, this one included
	Lost     Reason `json:"lost,omitempty"`
}

// bind answers an autoconnect (protocol §4.3): the client gets a name, and its
// events from then on.
func (h *Hall) bind(p *peer, m *wire.Message) {
	var a ask
	if err := json.Unmarshal(m.Data, &a); err != nil || !isThrowAway(a.AutoConnectToken) {
		h.counts.refuse(Malformed)
		p.end(BadPeer, fmt.Errorf("autoconnect without {autoConnectToken} in its data"))
		return
	}
	p.announce(a, m)
	if err := p.authentic(); err != nil {
		h.deny(p, a.AutoConnectToken, err)
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
	data, replay := welcome{Token: string(h.token), OrcName: name, IsLoaded: true}, []*wire.Message(nil)

	// Under the lock of the session: events begin right behind the answer.
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.follows(a.XBus) {
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
		data.XBus, replay = s.resume(a.XBus)
		data.XBus.Clients = h.routes.connections()
	}
	s.peer, s.leaving = p, false
	p.session.Store(s)
	p.admit()
	h.routes.join(s)
	data.CmdRegistry = h.commands.load().registry()
	p.send(h.direct(a.AutoConnectToken, a.AutoConnectToken+"::autoconnect.finished", data))
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
	if a == nil || a.Attempt == 0 {
		return true
	}
	if a.Attempt < s.attempt {
		return false
	}
	s.attempt = a.Attempt
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
	var routes map[string]struct{ NodeName string }
	_ = json.Unmarshal(m.ARP, &routes) // what is missing is not known
	p.info.Nice, p.info.NoForwarding = a.Nice, a.NoForwarding
	p.info.NodeName = routes[a.AutoConnectToken].NodeName
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
	if a.XBus == nil || a.XBus.Version != 1 {
		return &session{}
	}
	if a.XBus.Session != "" {
		if s := h.routes.byID(a.XBus.Session); s != nil {
			return s
		}
	}
	h.namesFreed(h.routes.limitAway(h.cfg.Limits.Sessions))
	return &session{id: string(wire.NewToken()), numbered: true, kept: kept{limit: h.cfg.ReplayLimit},
		gone: time.Now()} // not here yet, and the last that room is made of
}

// nameFor draws a name, or returns the one that a resumed session has.
func (h *Hall) nameFor(s *session, a ask) string {
	h.routes.join(s) // so that it can own the name; it gets nothing without a connection
	if a.XBus != nil && a.XBus.Session != "" && a.XBus.Session == s.id && s.first != "" {
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
	if h.routes.join(s); h.routes.claim(m.OrcName, s, 1) != "" {
		h.routes.forget(s)
		return nil
	}
	p.session.Store(s)
	p.admit()
	return s
}
