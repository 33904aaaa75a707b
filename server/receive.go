package server

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/xcraft-go/xbus/wire"
)

// maxCommand and maxID bound the name of a command and the id of a message, in
// bytes: both are part of the topic of the answer.
const (
	maxCommand = 256
	maxID      = 128
)

// receive handles one frame. An error ends the connection. It runs on the
// reader of the connection.
func (p *peer) receive(m *wire.Message) error {
	h := p.hall
	switch {
	case m.IsHeartbeat():
		return nil
	case m.Topic == wire.TopicDeleteRoute:
		p.deleteRoute(m)
		return nil
	case strings.HasPrefix(m.Topic, ":"), strings.HasPrefix(m.Topic, "xcraft::axon/"), m.Topic == wire.TopicGameOver:
		p.end(InternalTopic, fmt.Errorf("%.40q is for halls only", m.Topic))
		return nil
	case m.Topic == wire.CommandAuto:
		p.asked.Store(true)
		h.gate.pass(p, m, h.bind)
		return nil
	case m.Bare || m.ID == "" || m.OrcName == "" || len(m.Topic) > maxCommand || len(m.ID) > maxID:
		h.counts.refuse(Malformed)
		return nil
	case !sameToken(m.Token, h.token):
		h.counts.refuse(WrongToken)
		return nil
	case len(m.OrcName) > maxName: // it would be in the topic of the answer
		h.counts.refuse(BadName)
		return nil
	}
	s := p.session.Load()
	if s == nil {
		if s = h.bindByToken(p, m); s == nil {
			h.counts.refuse(NotBound)
			return nil
		}
	}
	p.command(s, m)
	return nil
}

func sameToken(a, b wire.Token) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// command checks who asks for what, and starts it or queues it.
func (p *peer) command(s *session, m *wire.Message) {
	h := p.hall
	m.Chunk = wire.ShareChunk(m.Chunk) // for whoever gets it
	r := p.newRequest(m)
	r.Message, r.OrcName, r.hall, r.peer, r.session = m, m.OrcName, h, p, s
	if reason := p.claim(s, m.OrcName); reason != "" {
		h.counts.refuse(reason)
		r.refuse(Errorf(CodeNameTaken, "the orc name %s is not yours: %s", wire.Redact(m.OrcName), reason))
		return
	}
	if h.drained.begun() && !h.streams.serves(m.Topic) {
		h.counts.refuse(HallDraining)
		r.refuse(Errorf(CodeDraining, "the hall is stopping and takes no new commands"))
		return
	}
	if h.cfg.Authorize != nil {
		if err := h.cfg.Authorize(p.ctx, p.as(m.OrcName), m.Topic); err != nil {
			h.counts.refuse(NotAuthorized)
			r.refuse(Errorf(CodeForbidden, "%w", err))
			return
		}
	}
	if r.command = h.commands.find(m); r.command == nil {
		p.unknown(r)
		return
	}
	h.counts.received.Add(1)
	if !p.ledger.enter(p.ctx, r) {
		return // the connection has ended
	}
	h.counts.inFlight.Add(1)
	switch {
	case r.command.inline != nil:
		r.command.inline(r)
	case m.Nested:
		h.start(r)
	default:
		h.queue.enter(r)
	}
}

// requestsAtOnce is how many requests are allocated together. A handler that
// lasts keeps all of them in memory, with their messages: so only those of small
// messages share, which come one after the other in one piece of memory anyway.
const (
	requestsAtOnce = 13 // fill a size of the allocator
	smallMessage   = 2 << 10
)

// newRequest returns an empty request for m, which is used once.
func (p *peer) newRequest(m *wire.Message) *Request {
	if m.Size() > smallMessage {
		return new(Request)
	}
	if len(p.requests) == 0 {
		p.requests = make([]Request, requestsAtOnce)
	}
	r := &p.requests[0]
	p.requests = p.requests[1:]
	return r
}

// unknown answers a command that does not exist. Some are expected not to
// (protocol §5.2).
func (p *peer) unknown(r *Request) {
	if name := r.Message.Topic; strings.HasSuffix(name, "._postload") || strings.HasSuffix(name, "._preunload") {
		p.hall.answer(r, false, parts{})
		return
	}
	p.hall.counts.refuse(NotAvailable)
	r.refuse(Errorf(CodeNotAvailable, "the command %.100s is not available", r.Message.Topic))
}

// claim makes sure that the name that a command comes under belongs to the
// client. A name without a token is nobody's: its answers go back the way that
// the command came.
func (p *peer) claim(s *session, name string) Reason {
	if name == p.name {
		return ""
	}
	if known, ok := p.claimed[name]; ok {
		p.name = known
		return ""
	}
	switch {
	case !strings.Contains(name, "@") && name != wire.GreatHall && len(name) <= maxName:
		return ""
	case !isOrcName(name):
		return BadName
	}
	name = strings.Clone(name) // a name lasts, the message that brought it does not
	reason := p.hall.routes.claim(name, s, p.hall.cfg.Limits.Names)
	if reason == "" {
		p.claimed[name] = name
	}
	return reason
}

// deleteRoute gives a name free, if it is the sender's (protocol §2.9).
func (p *peer) deleteRoute(m *wire.Message) {
	name := m.OrcName
	if m.Bare || name == "" {
		var route struct{ OrcName string }
		_ = json.Unmarshal(m.Member("orcName"), &route.OrcName)
		name = route.OrcName
	}
	s := p.session.Load()
	if s == nil || !p.hall.routes.release(name, s) {
		p.hall.counts.refuse(ForeignRoute)
		return
	}
	delete(p.claimed, name)
	p.name = ""
}

// as describes the client under one of its names.
func (p *peer) as(orc string) Peer {
	info := p.info
	info.OrcName = orc
	return info
}

// authentic asks the hook whether the client may come in.
func (p *peer) authentic() error {
	if p.hall.cfg.Authenticate == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(p.ctx, bindTimeout)
	defer cancel()
	return p.hall.cfg.Authenticate(ctx, p.info)
}
