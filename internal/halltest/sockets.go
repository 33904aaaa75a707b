package halltest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// TCP is a hall on two free ports of the loopback.
func TCP() Backend { return TLS(nil) }

// TLS is a hall like TCP with TLS, whose configuration asks for client
// certificates or not.
func TLS(cfg *tls.Config) Backend {
	return Backend{func(testing.TB) backend {
		return &sockets{network: "tcp", tls: cfg, where: Addr{Host: "127.0.0.1"}}
	}}
}

// Unix is a hall on unix sockets in a folder of the test.
func Unix() Backend {
	return Backend{func(tb testing.TB) backend {
		return &sockets{network: "unix", where: Addr{Dir: tb.TempDir(), ID: "hall", Commander: 35400, Notifier: 35800}}
	}}
}

type sockets struct {
	network   string
	tls       *tls.Config
	where     Addr
	listeners []net.Listener
}

func (b *sockets) addr() Addr { return b.where }

func (b *sockets) address(side Side, port int) string {
	if b.network == "tcp" {
		return fmt.Sprintf("%s:%d", b.where.Host, port)
	}
	suffix := map[Side]string{Commander: "cmd", Notifier: "evt"}[side]
	return filepath.Join(b.where.Dir, fmt.Sprintf("%s%d-%s.sock", b.where.ID, port, suffix))
}

func (b *sockets) open(h *Hall) error {
	for side, port := range map[Side]*int{Commander: &b.where.Commander, Notifier: &b.where.Notifier} {
		listener, err := net.Listen(b.network, b.address(side, *port))
		if err != nil {
			return err
		}
		if a, ok := listener.Addr().(*net.TCPAddr); ok {
			*port = a.Port // the same one next time
		}
		b.listeners = append(b.listeners, listener)
		h.wg.Go(func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				h.wg.Go(func() { b.host(h, side, c) })
			}
		})
	}
	return nil
}

func (b *sockets) close() {
	for _, l := range b.listeners {
		l.Close()
	}
	b.listeners = nil
}

// host serves one socket from beginning to end.
func (b *sockets) host(h *Hall, side Side, raw net.Conn) {
	defer raw.Close()
	defer context.AfterFunc(h.ctx, func() { raw.Close() })()
	c := raw
	if b.tls != nil {
		secure := tls.Server(raw, b.tls)
		raw.SetDeadline(time.Now().Add(patience))
		if secure.HandshakeContext(h.ctx) != nil {
			return
		}
		raw.SetDeadline(time.Time{})
		c = secure
	}
	s := &socket{Conn: c, compressed: b.network == "tcp"}
	p := &peer{side: side, write: s.write, close: func() { raw.Close() }}
	if side == Notifier {
		p.send = s.send
	}
	if !h.enter(p) {
		if side == Notifier && h.present().Reject {
			_ = s.send(h.rejection())
			_, _ = io.Copy(io.Discard, c) // or the frame is lost with the connection
		}
		return
	}
	defer h.leave(p)
	if side == Notifier {
		_, _ = io.Copy(io.Discard, c)
		return
	}
	h.awaitNotifier()
	frames := wire.NewReader(s.plain(), wire.Limits{})
	for {
		m, err := frames.Next()
		if err != nil {
			return
		}
		h.command(m)
	}
}

// A socket writes one gzip member for each frame.
type socket struct {
	net.Conn
	compressed bool

	mu sync.Mutex
}

func (s *socket) send(m *wire.Message) error {
	frame, err := wire.Append(nil, m)
	if err != nil {
		return err
	}
	if s.compressed {
		frame = Member(frame)
	}
	return s.write(frame)
}

func (s *socket) write(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.SetWriteDeadline(time.Now().Add(patience))
	_, err := s.Write(b)
	return err
}

// Member returns b as one gzip member, as the reference writes it.
func Member(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // a Buffer takes all
	}
	return out.Bytes()
}
