package axon

import (
	"context"
	"crypto/tls"
	"net"

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
		events.Close()
		return nil, err
	}
	l := newLink(linkConfig{Config: t.cfg, in: events, out: commands, compressed: t.network == "tcp"})
	l.info.Port = eventPort(events)
	l.info.Local, l.info.Remote = commands.LocalAddr().String(), t.commands
	l.info.Secure = secure != nil
	l.start()
	return l, nil
}

func (t *Transport) open(ctx context.Context, address string, secure *tls.Config) (net.Conn, error) {
	dial := t.cfg.Dialer
	if dial == nil {
		dial = (&net.Dialer{KeepAliveConfig: keepAlive(t.cfg.KeepAlive)}).DialContext
	}
	socket, err := dial(ctx, t.network, address)
	if err != nil {
		return nil, dialError(ctx, address, err)
	}
	if secure == nil {
		return socket, nil
	}
	encrypted := tls.Client(socket, secure)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		socket.Close()
		return nil, tlsError(ctx, address, err)
	}
	return encrypted, nil
}

// eventPort is what ties the two sockets together in the hall (protocol §2.9):
// the local port, or the inode of the hall's end of a unix socket.
func eventPort(events net.Conn) uint64 {
	switch a := events.LocalAddr().(type) {
	case *net.TCPAddr:
		return uint64(a.Port)
	case *net.UnixAddr:
		return peerInode(events)
	}
	return 0
}
