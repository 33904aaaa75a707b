package axon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// pairGrace is how long a first command that is no autoconnect waits for its
// event socket. Such commands may be left over from an earlier connection and
// name a port that is gone (protocol §2.8).
const pairGrace = 250 * time.Millisecond

// greet takes an event socket in: it waits in the room until a command socket
// claims it.
func (l *Listener) greet(socket net.Conn) {
	events, rejected, err := l.secure(socket)
	if err != nil {
		if rejected {
			l.sayWhy(events)
		}
		l.refuse(events, err)
		return
	}
	g := newGuest(events, time.Now().Add(l.cfg.BindTimeout))
	if err := g.write(l.waiting.heartbeat); err != nil {
		l.refuse(events, err)
		return
	}
	l.waiting.enter(g)
	g.listen() // the slot is taken as long as the guest waits
	l.waiting.gone(g)
	<-g.left
	if g.err != nil {
		l.refuse(events, g.err)
	}
}

// sayWhy tells a client that its certificate is rejected (protocol §2.5).
func (l *Listener) sayWhy(events net.Conn) {
	frame, _ := wire.AppendFrame(nil, wire.ArgString(wire.TopicReject), wire.ArgJSON(json.RawMessage(
		`{"code":"XCRAFT_AXON_CLIENT_CERTIFICATE_REJECT","message":"Unauthorized client connection"}`)))
	events.SetWriteDeadline(time.Now().Add(time.Second))
	if _, err := events.Write(member(frame)); err == nil {
		events.Close() // with the end of TLS, so that the frame is not lost
	}
}

// meet takes a command socket in: its first command says which event socket
// belongs to it.
func (l *Listener) meet(socket net.Conn) {
	commands, _, err := l.secure(socket)
	if err != nil {
		l.refuse(commands, err)
		return
	}
	stop := context.AfterFunc(l.ctx, func() { closeSocket(commands) })
	link, events, err := l.pair(commands)
	if !stop() && err == nil {
		err = io.EOF // closed meanwhile
	}
	if err != nil {
		l.refuse(commands, err)
		if events != nil {
			closeSocket(events)
		}
		return
	}
	link.start()
	select {
	case l.links <- link:
	case <-l.ctx.Done():
		link.Close()
	}
}

// pair reads commands until one names an event socket that waits.
func (l *Listener) pair(commands net.Conn) (*link, net.Conn, error) {
	until := time.Now().Add(l.cfg.BindTimeout)
	end := &hallEnd{frameTimeout: l.cfg.FrameTimeout, limit: l.cfg.MaxUnboundBytes}
	link := newLink(linkConfig{Config: l.linkConfig(), in: commands, compressed: l.network == "tcp", hall: end})
	link.info.Remote = remoteOf(commands)
	for {
		m, err := link.next()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = ErrUnbound
			}
			return nil, nil, link.lost(err)
		}
		events, err := l.claim(commands, m, until)
		if err != nil {
			return nil, events, link.lost(err)
		}
		if events == nil {
			continue
		}
		end.first = m
		commands.SetDeadline(time.Time{})
		events.SetDeadline(time.Time{})
		link.join(events)
		return link, events, nil
	}
}

func (l *Listener) linkConfig() Config {
	return Config{IdleTimeout: l.cfg.IdleTimeout, WriteTimeout: l.cfg.WriteTimeout, SendQueue: l.cfg.SendQueue, Compression: l.cfg.Compression, Limits: l.cfg.Limits}
}

// claim finds the event socket that belongs to a command. An autoconnect waits
// for it: the two sockets come by different doors.
func (l *Listener) claim(commands net.Conn, m *wire.Message, until time.Time) (net.Conn, error) {
	if limit := time.Now().Add(pairGrace); m.Topic != wire.CommandAuto && limit.Before(until) {
		until = limit
	}
	want := claim{address: keyOf(commands).address, pid: peerPID(commands), certificate: certificateOf(commands),
		ports: portsOf(m.ARP()), anyPort: l.cfg.AnyPort, unix: l.network == "unix"}
	if len(want.ports) == 0 && !want.anyPort && !want.unix {
		return nil, nil // no socket would fit
	}
	ctx, cancel := context.WithDeadline(l.ctx, until)
	defer cancel()
	return l.waiting.claim(ctx, want)
}

// join gives the link the socket that it writes to.
func (l *link) join(events net.Conn) {
	l.cfg.out = events
	l.out = newOutbox(l)
	l.info.Port = keyOf(events).port
	l.info.Local, l.info.Remote = l.cfg.in.LocalAddr().String(), remoteOf(l.cfg.in)
	l.info.Secure = l.cfg.in != nil && isTLS(l.cfg.in)
	l.received.Store(int64(time.Since(l.started)))
}

// portsOf returns the ports that the routes of a command name.
func portsOf(arp json.RawMessage) []uint64 {
	var ports []uint64
	for _, route := range wire.Members(arp) {
		for name, value := range wire.Members(route) {
			if name != "port" {
				continue
			}
			if port, err := strconv.ParseUint(string(value), 10, 64); err == nil && port != 0 {
				ports = append(ports, port)
			}
		}
	}
	return ports
}

// A key names an event socket as its client does.
type key struct {
	address netip.Addr // zero for unix sockets
	port    uint64     // or the inode of our end
}

func keyOf(c net.Conn) key {
	switch a := c.RemoteAddr().(type) {
	case *net.TCPAddr:
		return key{a.AddrPort().Addr().Unmap(), uint64(a.Port)}
	case *net.UnixAddr:
		return key{port: ownInode(c)}
	}
	return key{}
}

// portOf reads the port of an address, from the name of the file for a unix one.
func portOf(a net.Addr, suffix, id string) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	digits := strings.TrimPrefix(strings.TrimSuffix(filepath.Base(a.String()), suffix), id)
	port, _ := strconv.Atoi(digits) // the listener has written it
	return port
}

// removeStale removes the file of a unix socket on which nobody listens.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("%s exists and is no socket: remove it, or take another UnixSocketID", path)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return &net.OpError{Op: "listen", Net: "unix", Addr: &net.UnixAddr{Name: path, Net: "unix"}, Err: errInUse}
	}
	return os.Remove(path)
}

var _ conn.Link = (*link)(nil)
