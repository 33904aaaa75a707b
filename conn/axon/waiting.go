package axon

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// A guest is an event socket that waits for the command socket of its client.
type guest struct {
	socket net.Conn
	key    key
	pid    int32 // of the client, on unix sockets; 0 when it is not known
	until  time.Time

	writing sync.Mutex    // held while bytes are written to it
	claimed bool          // it belongs to a link; guarded by writing
	left    chan struct{} // closed when it was claimed or is to be closed
	err     error         // why it is to be closed; set before left is closed
	heard   chan struct{} // closed when listen has come to its end
	said    error         // what it has returned; set before heard is closed
}

func newGuest(socket net.Conn, until time.Time) *guest {
	return &guest{socket: socket, key: keyOf(socket), pid: peerPID(socket), until: until,
		left: make(chan struct{}), heard: make(chan struct{})}
}

// listen waits for the end of the socket, on which nothing is ever sent, or of
// the stay of the guest: one that is gone takes no place until its time is over.
func (g *guest) listen() {
	defer close(g.heard)
	var b [1]byte
	_, err := io.ReadFull(g.socket, b[:])
	switch {
	case err == nil:
		g.said = unexpectedByte(b[0])
	case errors.Is(err, os.ErrDeadlineExceeded):
		g.said = ErrUnbound
	default:
		g.said = fmt.Errorf("%w: %w", conn.ErrLinkLost, err)
	}
}

func (g *guest) write(b []byte) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	if g.claimed {
		return nil
	}
	g.socket.SetWriteDeadline(time.Now().Add(time.Second))
	_, err := g.socket.Write(b)
	return err
}

// A waitingRoom holds the event sockets that are not paired yet and sends them
// heartbeats, which is all that a stranger gets to know.
type waitingRoom struct {
	interval  time.Duration
	heartbeat []byte // ready to be written

	mu      sync.Mutex
	guests  map[key]*guest
	arrived chan struct{} // closed and replaced when a guest has entered
	closed  bool
}

func newWaitingRoom(cfg ListenConfig, compressed bool) *waitingRoom {
	beat, _ := wire.Append(nil, wire.Heartbeat())
	if compressed {
		beat = member(beat)
	}
	return &waitingRoom{interval: cfg.Heartbeat, heartbeat: beat, guests: make(map[key]*guest), arrived: make(chan struct{})}
}

// member makes a whole gzip member of a few bytes, so that what follows can
// begin another one.
func member(b []byte) []byte {
	out := append([]byte(memberHead), 1) // the last block, stored
	out = binary.LittleEndian.AppendUint16(out, uint16(len(b)))
	out = binary.LittleEndian.AppendUint16(out, ^uint16(len(b)))
	out = append(out, b...)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(b))
	return binary.LittleEndian.AppendUint32(out, uint32(len(b)))
}

func (r *waitingRoom) enter(g *guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		g.leave(io.EOF)
		return
	}
	if old := r.guests[g.key]; old != nil {
		old.leave(ErrUnbound) // its client is gone: the port was given again
	}
	r.guests[g.key] = g
	close(r.arrived)
	r.arrived = make(chan struct{})
}

// leave ends the stay of a guest; nobody else may have done so.
func (g *guest) leave(err error) {
	g.err = err
	close(g.left)
	g.socket.SetReadDeadline(time.Unix(1, 0)) // ends listen
}

// A claim is what a command socket says and shows of its event socket.
type claim struct {
	address     netip.Addr
	pid         int32
	certificate *x509.Certificate
	ports       []uint64
	anyPort     bool
	unix        bool
}

// claim takes the guest that is meant out of the room, and waits for it. With an
// error it has just said what it must not, or left.
func (r *waitingRoom) claim(ctx context.Context, want claim) (net.Conn, error) {
	for {
		r.mu.Lock()
		g, arrived := r.find(want), r.arrived
		if g != nil {
			delete(r.guests, g.key)
		}
		r.mu.Unlock()
		if g != nil {
			g.writing.Lock() // after a heartbeat that is under way
			g.claimed = true
			g.writing.Unlock()
			g.leave(nil)
			if <-g.heard; !errors.Is(g.said, ErrUnbound) {
				return g.socket, g.said
			}
			return g.socket, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// find returns the guest with one of the ports. Where a port says nothing,
// because it was not sent or a proxy has changed it, the guest must be the only
// one that could be meant.
func (r *waitingRoom) find(want claim) *guest {
	var same []*guest
	for _, g := range r.guests {
		if !want.fits(g) {
			continue
		}
		for _, port := range want.ports {
			if port == g.key.port {
				return g
			}
		}
		same = append(same, g)
	}
	unnamed := want.unix && len(want.ports) == 0
	if (want.anyPort || unnamed) && len(same) == 1 {
		return same[0]
	}
	return nil
}

// fits tells whether both sockets can be of one client.
func (c claim) fits(g *guest) bool {
	return c.address == g.key.address && c.pid == g.pid && sameCertificate(c.certificate, certificateOf(g.socket))
}

func sameCertificate(a, b *x509.Certificate) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.Raw, b.Raw)
}

// beat sends heartbeats and lets those go that have waited too long.
func (r *waitingRoom) beat(ctx context.Context) {
	ticker := time.NewTicker(r.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for _, g := range r.present(time.Now()) {
				// A failure shows when it is claimed, or it waits in vain.
				_ = g.write(r.heartbeat)
			}
		case <-ctx.Done():
			return
		}
	}
}

// present returns those who wait, without those whose time is over.
func (r *waitingRoom) present(now time.Time) []*guest {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*guest
	for k, g := range r.guests {
		if now.After(g.until) {
			delete(r.guests, k)
			g.leave(ErrUnbound)
			continue
		}
		list = append(list, g)
	}
	return list
}

// gone ends the stay of a guest that has left by itself.
func (r *waitingRoom) gone(g *guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.guests[g.key] == g {
		delete(r.guests, g.key)
		g.leave(g.said)
	}
}

func (r *waitingRoom) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for k, g := range r.guests {
		delete(r.guests, k)
		g.leave(io.EOF)
	}
}

func isTLS(c net.Conn) bool {
	_, ok := c.(*tls.Conn)
	return ok
}

// slots count the sockets of one kind that are not paired yet. When all are
// taken, the next socket waits a moment for one, so that many clients may come
// at once; when none becomes free in that moment, sockets are refused until one
// does.
type slots struct {
	free  chan struct{}
	stuck bool // the serving goroutine's own
}

const crowdedGrace = 500 * time.Millisecond

func newSlots(n int) *slots {
	s := &slots{free: make(chan struct{}, n)}
	for range n {
		s.free <- struct{}{}
	}
	return s
}

func (s *slots) take(ctx context.Context) bool {
	select {
	case <-s.free:
		s.stuck = false
		return true
	default:
	}
	if s.stuck {
		return false
	}
	timer := time.NewTimer(crowdedGrace)
	defer timer.Stop()
	select {
	case <-s.free:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	s.stuck = true
	return false
}

func (s *slots) release() { s.free <- struct{}{} }
