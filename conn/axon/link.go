package axon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

type linkConfig struct {
	Config
	in, out    net.Conn // messages come by in, and are written to out
	compressed bool
	hall       *hallEnd // nil at a client's end

	// speaksTLS asks the peer whether it wants TLS; nil where that is known.
	speaksTLS func(context.Context) bool
}

// A link is the two sockets of one client, seen from either end. It keeps one
// goroutine, which waits for the end of the silent socket; a second one writes
// while there is something to write.
type link struct {
	cfg    linkConfig
	reader *wire.Reader
	out    *outbox
	info   conn.LinkInfo // what does not change

	received atomic.Int64 // when the last bytes came, as time since start
	promised atomic.Bool  // the peer writes as xbus does, and reads as xbus does
	started  time.Time

	life   context.Context // ends with Close
	cancel context.CancelFunc
	asked  bool // whether it wants TLS; the reader's own

	wg    sync.WaitGroup // watch and the outbox's writer
	mu    sync.Mutex
	cause error // why the link has ended; nil while it lives
}

// drainTime is how long the incoming socket may still be read after the other
// one has died: what has arrived is not lost, and a hall that rejects a client
// says so there (protocol §2.5).
const drainTime = 250 * time.Millisecond

func newLink(cfg linkConfig) *link {
	l := &link{cfg: cfg, started: time.Now()}
	l.life, l.cancel = context.WithCancel(context.Background())
	socket := &socketReader{link: l, acknowledge: func() {}}
	var src wire.Lender = &readBuffer{src: socket}
	if cfg.compressed {
		z := newInflater(socket)
		z.promised = func() { l.promised.Store(true) }
		src = z
	}
	if cfg.hall == nil {
		socket.acknowledge = acknowledger(cfg.in)
	} else {
		src = cfg.hall.guard(src)
	}
	l.reader = wire.NewReader(src, cfg.Limits)
	l.out = newOutbox(l)
	l.info.Goroutines = 1
	return l
}

func (l *link) start() { l.wg.Go(l.watch) }

// watch reads from the socket that is only written to: a peer sends nothing
// there, so what comes is its end.
func (l *link) watch() {
	var b [1]byte
	_, err := io.ReadFull(l.cfg.out, b[:])
	if err == nil {
		err = unexpectedByte(b[0])
	}
	err = l.fail(l.lost(err), l.drain())
	l.out.stop(err)
}

// drain is how long the incoming socket outlives the other one: what a client
// still asks for could not be answered.
func (l *link) drain() time.Duration {
	if l.cfg.hall != nil {
		return 0
	}
	return drainTime
}

func unexpectedByte(b byte) error {
	if b == tlsAlert {
		return fmt.Errorf("%w (first byte 0x15)", conn.ErrTLSRequired)
	}
	return fmt.Errorf("%w: 0x%02x came by the socket that is only written to", conn.ErrProtocol, b)
}

const tlsAlert = 0x15

// Receive implements [conn.Link].
func (l *link) Receive() (*wire.Message, error) {
	if m := l.cfg.hall.takeFirst(); m != nil {
		return m, nil
	}
	m, err := l.next()
	if err == nil {
		l.cfg.hall.complete()
		return m, nil
	}
	err = l.fail(l.lost(err), 0)
	l.out.stop(err)
	return nil, l.diagnosed(err)
}

// next reads a message. An end inside of a gzip member is how a peer leaves that
// writes one endless member; inside of a frame it is not.
func (l *link) next() (*wire.Message, error) {
	m, err := l.reader.Next()
	if errors.Is(err, io.ErrUnexpectedEOF) && l.reader.Buffered() {
		err = fmt.Errorf("%w: %w", wire.ErrTruncated, err)
	}
	return m, err
}

// diagnosed returns a better reason than that a peer has closed the link
// without a word, if there is one: that is what halls with TLS do to those who
// speak without (protocol §2.4).
func (l *link) diagnosed(err error) error {
	if l.asked || l.cfg.speaksTLS == nil || l.received.Load() > 0 || !errors.Is(err, conn.ErrLinkLost) {
		return err
	}
	l.asked = true
	if !l.cfg.speaksTLS(l.life) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cause = l.lost(fmt.Errorf("%w (%w)", conn.ErrTLSRequired, err))
	return l.cause
}

// Send implements [conn.Link].
func (l *link) Send(ctx context.Context, m *wire.Message) (uint64, error) {
	return l.out.put(ctx, m, queued)
}

// SendChunk is Send for a message whose chunk was made by wire.NewChunk and is
// given away with it: it is written without being copied.
func (l *link) SendChunk(ctx context.Context, m *wire.Message) (uint64, error) {
	return l.out.put(ctx, m, given)
}

// Close implements [conn.Link].
func (l *link) Close() error {
	err := &conn.Error{Op: "session", Addr: l.info.Remote, Reason: conn.ErrClosed}
	l.cancel()
	l.out.stop(err)
	l.fail(err, 0)
	l.wg.Wait()
	return nil
}

// Info implements [conn.Link].
func (l *link) Info() conn.LinkInfo {
	info := l.info
	info.Written = l.out.written.Load()
	info.LastReceived = l.started.Add(time.Duration(l.received.Load()))
	return info
}

// fail ends both sockets, the incoming one after drain, and returns the cause:
// the first one counts.
func (l *link) fail(cause error, drain time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		l.cause = cause
		l.cfg.in.SetReadDeadline(time.Now().Add(drain))
	}
	closeSocket(l.cfg.out)
	if drain == 0 {
		closeSocket(l.cfg.in)
	}
	return l.cause
}

// expectBytes renews the time for the next bytes, unless the link drains.
func (l *link) expectBytes() {
	if l.cfg.IdleTimeout <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		l.cfg.in.SetReadDeadline(time.Now().Add(l.cfg.IdleTimeout))
	}
}

// closeSocket closes without the polite end of TLS, which could wait.
func closeSocket(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	c.Close()
}

// lost names the reason for which a socket has ended.
func (l *link) lost(err error) error {
	e := &conn.Error{Op: "session", Addr: l.info.Remote, Err: err, Reason: conn.ErrLinkLost}
	var format *wire.FormatError
	switch {
	case conn.ReasonOf(err) != nil:
		e.Reason = conn.ReasonOf(err)
		if e.Reason == conn.ErrTLSRequired {
			e.Hint = "use xcrafts:// and give the certificate of the hall"
		}
	case errors.Is(err, wire.ErrTruncated): // the peer died while it wrote
	case errors.As(err, &format), errors.Is(err, errGzip):
		e.Reason = conn.ErrProtocol
	case isAlert(err):
		e.Reason = conn.ErrCertificateRejected
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Reason = conn.ErrTimeout
		e.Hint = fmt.Sprintf("nothing was received for %v", l.cfg.IdleTimeout)
		if l.cfg.IdleTimeout == 0 && l.cfg.hall != nil {
			e.Hint = fmt.Sprintf("a frame was not complete after %v", l.cfg.hall.frameTimeout)
		}
	}
	return e
}

// A socketReader reads the incoming socket and notes when bytes came.
type socketReader struct {
	link        *link
	acknowledge func()
}

func (r *socketReader) Read(p []byte) (int, error) {
	l := r.link
	l.expectBytes()
	l.cfg.hall.beforeRead(l)
	n, err := l.cfg.in.Read(p)
	if n > 0 {
		l.received.Store(int64(time.Since(l.started)))
		if !l.promised.Load() { // halls of xbus do not wait for it
			r.acknowledge()
		}
	}
	return n, err
}
