package axon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/xcraft-go/xbus/conn"
)

// Dial opens the event socket, then the command socket: the hall has seen the
// first when it reads from the second, so that the answer to a command sent at
// once finds its way.
func (t *Transport) Dial(ctx context.Context) (conn.Link, error) {
	secure, err := t.cfg.TLS.client(t.cfg.Host)
	if err != nil {
		return nil, &conn.Error{Op: "dial", Addr: t.events, Err: err}
	}
	events, err := t.open(ctx, t.events, secure)
	if err != nil {
		return nil, err
	}
	commands, err := t.open(ctx, t.commands, secure)
	if err != nil {
		closeSocket(events)
		return nil, err
	}
	port, err := eventPort(ctx, events)
	gone := errors.Is(err, errGone)
	if err != nil && !gone {
		closeSocket(events)
		closeSocket(commands)
		return nil, dialError(ctx, t.events, err)
	}
	cfg := linkConfig{Config: t.cfg, in: events, out: commands, compressed: t.network == "tcp"}
	if t.network == "tcp" && secure == nil {
		cfg.speaksTLS = t.speaksTLS
	}
	l := newLink(cfg)
	l.info.Port = port
	l.info.Local, l.info.Remote = commands.LocalAddr().String(), t.commands
	l.info.Secure = secure != nil
	l.info.SameHost = sameHost(events)
	l.start()
	if gone {
		// Nothing goes out under no port, but what the hall has said comes in.
		l.fail(l.lost(io.EOF), drainTime)
	}
	return l, nil
}

// sameHost tells that the other end of a socket is on this machine. Somebody
// between the two may make it look like that, as a tunnel does.
func sameHost(c net.Conn) bool {
	switch a := c.RemoteAddr().(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

func (t *Transport) open(ctx context.Context, address string, secure *tls.Config) (net.Conn, error) {
	socket, err := t.socket(ctx, address)
	if err != nil {
		return nil, dialError(ctx, address, err)
	}
	if secure == nil {
		return socket, nil
	}
	secure = secure.Clone()
	wanted := false
	if secure.GetClientCertificate == nil {
		secure.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			wanted = true
			return new(tls.Certificate), nil
		}
	}
	encrypted := tls.Client(socket, secure)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		socket.Close()
		if hungUp(err) && t.speaksPlain(ctx) {
			err = fmt.Errorf("%w: %w", conn.ErrTLSUnexpected, err)
		}
		return nil, tlsError(ctx, address, err, wanted)
	}
	return encrypted, nil
}

func (t *Transport) socket(ctx context.Context, address string) (net.Conn, error) {
	if t.cfg.Dialer != nil {
		return t.cfg.Dialer(ctx, t.network, address)
	}
	dialer := net.Dialer{KeepAliveConfig: keepAlive(t.cfg.KeepAlive)}
	if t.cfg.KeepAlive < 0 {
		dialer.KeepAlive = -1 // else there are probes with other delays
	}
	return dialer.DialContext(ctx, t.network, address)
}

// eventPort is what ties the two sockets together in the hall (protocol §2.9):
// the local port, or the inode of the hall's end of a unix socket. That end
// exists only when the hall has accepted it, for which this waits: without the
// inode the hall would close the socket of another client at the end of this
// one (protocol §2.6). 0 when the system does not tell.
func eventPort(ctx context.Context, events net.Conn) (uint64, error) {
	switch a := events.LocalAddr().(type) {
	case *net.TCPAddr:
		return uint64(a.Port), nil
	case *net.UnixAddr:
		return awaitInode(ctx, events)
	}
	return 0, nil
}

// awaitInode asks again when the hall has said something, as those of xbus do
// when they take somebody in, and now and then.
func awaitInode(ctx context.Context, events net.Conn) (uint64, error) {
	const longest = 10 * time.Millisecond
	accepted := false
	for wait := longest / 100; ; wait = min(2*wait, longest) {
		switch inode, known := peerInode(events); {
		case inode != 0 || !known:
			return inode, nil
		case accepted:
			return 0, errGone
		case ctx.Err() != nil:
			return 0, errNotAccepted
		}
		accepted = heard(events, wait) // before the next question, or it could be so in between
	}
}

// errGone: the hall has accepted the connection and closed it already.
var errGone = errors.New("the hall has closed the connection")

// errNotAccepted: the hall listens, and takes nobody in.
var errNotAccepted = errors.New("the hall does not accept the connection")
