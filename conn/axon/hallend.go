package axon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// A hallEnd is what a link knows beyond its two sockets when it is the hall's
// end of a client. All methods accept nil, the client's end.
type hallEnd struct {
	frameTimeout time.Duration
	limit        int // inflated bytes before the client is admitted
	admitted     atomic.Bool

	// The reader's own.
	first    *wire.Message // the command that paired the sockets, not received yet
	partial  bool          // a deadline for the present frame is set
	deadline bool          // some deadline is set
}

func (h *hallEnd) takeFirst() *wire.Message {
	if h == nil || h.first == nil {
		return nil
	}
	m := h.first
	h.first = nil
	return m
}

// complete notes that the frame under way has come to its end.
func (h *hallEnd) complete() {
	if h != nil {
		h.partial = false
	}
}

// beforeRead gives a frame that has begun the time it may take: a peer that
// sends byte by byte does not hold the memory of half a frame for ever.
func (h *hallEnd) beforeRead(l *link) {
	if h == nil || h.frameTimeout <= 0 || !h.admitted.Load() || l.cfg.IdleTimeout > 0 {
		return
	}
	switch {
	case !l.reader.Buffered():
		if h.deadline {
			l.cfg.in.SetReadDeadline(time.Time{})
			h.deadline = false
		}
	case !h.partial:
		l.cfg.in.SetReadDeadline(time.Now().Add(h.frameTimeout))
		h.partial, h.deadline = true, true
	}
}

// guard bounds what a client that nobody knows yet can make the hall inflate.
func (h *hallEnd) guard(src wire.Lender) wire.Lender { return &guard{Lender: src, end: h} }

type guard struct {
	wire.Lender
	end  *hallEnd
	used int // before the client was admitted
}

// Lend implements [wire.Lender].
func (g *guard) Lend() ([]byte, error) {
	if g.end.admitted.Load() {
		return g.Lender.Lend()
	}
	if g.used >= g.end.limit {
		return nil, fmt.Errorf("%w: more than %d bytes before the client was admitted", conn.ErrProtocol, g.end.limit)
	}
	b, err := g.Lender.Lend()
	return b[:min(len(b), g.end.limit-g.used)], err
}

// Skip implements [wire.Lender].
func (g *guard) Skip(n int) {
	g.used += n
	g.Lender.Skip(n)
}

// Read implements [io.Reader].
func (g *guard) Read(p []byte) (int, error) { return readLent(g, p) }

// Admit lifts the limits for strangers: the hall knows now who the client is.
func (l *link) Admit() {
	if l.cfg.hall != nil {
		l.cfg.hall.admitted.Store(true)
	}
}

// Flush waits until all that was sent has been handed to the system.
func (l *link) Flush(ctx context.Context) error { return l.out.flush(ctx) }

// PeerCertificate returns the certificate that the client has shown, nil
// without one.
func (l *link) PeerCertificate() *x509.Certificate { return certificateOf(l.cfg.in) }

func certificateOf(c net.Conn) *x509.Certificate {
	t, ok := c.(*tls.Conn)
	if !ok {
		return nil
	}
	if list := t.ConnectionState().PeerCertificates; len(list) > 0 {
		return list[0]
	}
	return nil
}

// EndWith ends the link for a reason of the hall, which Receive then returns.
// Unlike Close it does not wait for the goroutines of the link.
func (l *link) EndWith(cause error) {
	err := &conn.Error{Op: "session", Addr: l.info.Remote, Reason: conn.ErrCut, Err: cause}
	l.out.stop(err)
	l.fail(err, 0)
}
