package server

import (
	"context"
	"crypto/x509"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// A peer is one connection of a client. One goroutine, serve, reads its
// commands; whoever has an event for it puts it into the queue of its link.
type peer struct {
	hall   *Hall
	link   conn.Link
	prompt promptLink // the same; nil when it cannot write at once
	chunks chunkLink  // the same; nil when it takes no chunks over
	info   Peer       // what does not change after bind; read by others after session is set

	ctx    context.Context // of its commands; ends with the connection
	cancel context.CancelCauseFunc

	session atomic.Pointer[session] // nil until it is bound
	asked   atomic.Bool             // it has sent an autoconnect, which may be held
	left    atomic.Bool             // serve has come to its end
	gone    chan struct{}           // closed then
	ledger  ledger                  // its commands that wait or run

	// The reader's own.
	claimed  map[string]string // names that are known to be its own, each by itself
	name     string            // the last of them
	requests []Request         // of which none was used
	bindAt   *time.Timer       // cuts it when it is not bound in time

	sending sync.Mutex // one at a time: no send may have to wait for another

	mu    sync.Mutex
	ended bool
	cut   Reason // why the hall ended it; "" when the client did
}

// A promptLink is a conn.Link that can write a message at once.
type promptLink interface {
	SendNow(context.Context, *wire.Message) (number uint64, err error)
}

// A chunkLink is a conn.Link that takes over the memory of a chunk that was made
// by wire.NewChunk, instead of copying it.
type chunkLink interface {
	SendChunk(context.Context, *wire.Message) (number uint64, err error)
}

// now is a context for what must not wait.
var now = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func newPeer(h *Hall, link conn.Link) *peer {
	info := link.Info()
	prompt, _ := link.(promptLink)
	chunks, _ := link.(chunkLink)
	p := &peer{hall: h, link: link, prompt: prompt, chunks: chunks, claimed: make(map[string]string), gone: make(chan struct{})}
	p.info = Peer{Remote: info.Remote, Local: info.Local, Secure: info.Secure, InProcess: info.Server, UID: -1}
	if l, ok := link.(interface{ PeerCertificate() *x509.Certificate }); ok {
		p.info.Certificate = l.PeerCertificate()
	}
	if l, ok := link.(interface{ PeerUser() (uint32, bool) }); ok {
		if uid, known := l.PeerUser(); known {
			p.info.UID = int(uid)
		}
	}
	p.ctx, p.cancel = context.WithCancelCause(h.ctx)
	p.ledger.init(h.cfg.Limits.InFlight, &h.counts.heldBack)
	return p
}

// serve receives until the connection ends.
func (p *peer) serve() {
	if p.info.InProcess { // by sockets it was greeted with one, before they were paired
		p.heartbeat()
	}
	p.bindAt = time.AfterFunc(bindTimeout, func() {
		if p.session.Load() == nil && !p.asked.Load() {
			p.end(Unbound, errors.New("no autoconnect in time"))
		}
	})
	defer p.leave()
	for {
		m, err := p.link.Receive()
		if err != nil {
			p.lost(err)
			return
		}
		if err := p.receive(m); err != nil {
			p.end(BadPeer, err)
			return
		}
	}
}

// bindTimeout is how long a connection may stay without a name.
const bindTimeout = 5 * time.Second

// lost notes why Receive has failed.
func (p *peer) lost(err error) {
	switch {
	case errors.Is(err, conn.ErrProtocol), errors.Is(err, conn.ErrTLSRequired):
		p.end(BadPeer, err)
	case errors.Is(err, conn.ErrTimeout):
		p.end(TooSlow, err)
	case errors.Is(err, wire.ErrTruncated):
		p.end(CutShort, err)
	}
	p.hall.cfg.Logger.Debug("connection lost", "remote", p.info.Remote, "error", err)
}

// leave ends all that hangs on the connection: its commands, its session or
// the hold of the session on it, and the other socket.
func (p *peer) leave() {
	p.bindAt.Stop()
	p.mu.Lock()
	if !p.ended {
		p.hall.counts.left.Add(1)
	}
	p.ended = true
	p.mu.Unlock()
	p.left.Store(true)
	close(p.gone)
	// What waits goes first: the end of what runs would give it its turn.
	p.hall.queue.abandon(p, func(r *Request) { r.settle(nil, ErrCallerGone) })
	p.cancel(ErrCallerGone)
	p.link.Close()
	p.hall.streams.leave(p)
	p.hall.namesFreed(p.hall.routes.leave(p))
}

// end cuts the connection. The first reason counts.
func (p *peer) end(reason Reason, err error) {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return
	}
	p.ended, p.cut = true, reason
	p.mu.Unlock()
	p.hall.counts.cutFor(reason)
	p.hall.cfg.Logger.Info("connection cut", "remote", p.info.Remote, "reason", reason, "error", err)
	if l, ok := p.link.(interface{ EndWith(error) }); ok {
		l.EndWith(err) // waits for next to nothing: it may be called by a sender
		return
	}
	p.link.Close()
}

func (p *peer) cutReason() Reason {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

// send queues a message, and cuts the client when its queue is full.
func (p *peer) send(m *wire.Message) bool { return p.post(m, false) }

// post is send. Of a message that is the only one for a while the link may be
// asked to write it at once: it does not wait for the client then either.
func (p *peer) post(m *wire.Message, alone bool) bool {
	var err error
	p.sending.Lock()
	if alone && p.prompt != nil {
		_, err = p.prompt.SendNow(now, m)
	} else {
		_, err = p.link.Send(now, m)
	}
	p.sending.Unlock()
	return p.sent(err)
}

// give is send for a message whose chunk was made by wire.NewChunk and is given
// away with it.
func (p *peer) give(m *wire.Message) bool {
	if p.chunks == nil {
		return p.send(m)
	}
	p.sending.Lock()
	_, err := p.chunks.SendChunk(now, m)
	p.sending.Unlock()
	return p.sent(err)
}

// sent is what has become of a message.
func (p *peer) sent(err error) bool {
	if errors.Is(err, conn.ErrOverflow) {
		p.end(SlowConsumer, err)
	}
	return err == nil
}

func (p *peer) heartbeat() {
	if !p.send(wire.Heartbeat()) {
		p.cancel(ErrCallerGone) // wakes a reader that waits for room in its ledger
	}
}

func (p *peer) flush(ctx context.Context) {
	if l, ok := p.link.(interface{ Flush(context.Context) error }); ok {
		_ = l.Flush(ctx) // what could not be written is lost with the connection
	}
}

// admit lifts the limits that the link has for strangers.
func (p *peer) admit() {
	if l, ok := p.link.(interface{ Admit() }); ok {
		l.Admit()
	}
}

// Cut ends the connection of an orc, which may come back, and reports whether
// there was one.
func (h *Hall) Cut(orcName string) bool {
	s := h.routes.owner(orcName)
	if s == nil {
		return false
	}
	s.mu.Lock()
	p := s.peer
	s.mu.Unlock()
	if p == nil {
		return false
	}
	p.end(OnRequest, errors.New("cut on request"))
	return true
}

// Peers describes the clients that are connected and bound, under the first name
// of each.
func (h *Hall) Peers() []Peer {
	var list []Peer
	for _, p := range h.routes.links() {
		if s := p.session.Load(); s != nil {
			list = append(list, p.as(h.routes.firstName(s)))
		}
	}
	return list
}

// namesFreed tells the hordes that orcs have gone.
func (h *Hall) namesFreed(names []string) {
	for _, name := range names {
		h.hordes.orcLeft(name)
	}
}
