package axon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// ListenConfig says where a hall takes clients in and what it bears of those
// that it does not know yet. Zero fields take the defaults beside them.
type ListenConfig struct {
	// Host is the address to listen on, default 127.0.0.1.
	Host string
	// CommanderPort takes commands, NotifierPort sends events. 0 is any free
	// port, on unix sockets the port of the reference.
	CommanderPort, NotifierPort int
	// Exact makes a busy port an error. By default the next ones are tried, as
	// the reference does (protocol §2.7).
	Exact bool
	// UnixSocketID switches to unix sockets, as in [Config].
	UnixSocketID string
	SocketDir    string
	// TLS encrypts both sockets; nil for plain TCP.
	TLS *ServerTLS

	// KeepAlive is the delay of TCP keep-alive probes, and on Linux how long a
	// client may acknowledge nothing, default 15 s; negative for neither.
	KeepAlive time.Duration
	// IdleTimeout ends a client that has sent nothing for so long, default
	// never. It counts instead of FrameTimeout.
	IdleTimeout time.Duration
	// WriteTimeout ends a client that takes nothing for so long while
	// something is to be written, default 10 s.
	WriteTimeout time.Duration
	// SendQueue bounds what waits to be written to one client, in bytes,
	// default 16 MiB.
	SendQueue int
	// Compression is the deflate level for what is sent, default 0 as in [Config].
	Compression int
	// Limits bound what one client can make the hall hold; the default of
	// MaxFrame is 8 MiB here.
	Limits wire.Limits
	// FrameTimeout is the time that a frame may take from its first byte to
	// its last, default 30 s; negative for no limit.
	FrameTimeout time.Duration

	// BindTimeout is the time for the TLS handshake, and again for the pairing
	// of the two sockets of a client, default 5 s.
	BindTimeout time.Duration
	// MaxUnbound is how many sockets of each kind may wait to be paired,
	// default 128. Beyond it new ones wait a moment, then they are closed.
	MaxUnbound int
	// MaxUnboundBytes is how much a client may send, inflated, before the hall
	// has admitted it, default 64 KiB.
	MaxUnboundBytes int
	// Heartbeat is the interval of the heartbeats to sockets that wait to be
	// paired, default 500 ms.
	Heartbeat time.Duration
	// AnyPort also pairs the sockets of a client whose event socket comes from
	// another port than it says, if it is the only one of that address that
	// waits: for clients behind a proxy or a tunnel.
	AnyPort bool

	// Open replaces the way an address is listened on, for sockets that another
	// program has opened, and for tests.
	Open func(network, address string) (net.Listener, error)

	// OnRefuse learns of each socket that did not become part of a link, with
	// the reason. It is called from many goroutines.
	OnRefuse func(remote string, reason error)
}

// Reasons for which a socket is refused; test with [errors.Is].
var (
	// ErrUnbound: nobody has claimed the event socket, or no command socket
	// has said whose it is, within the time.
	ErrUnbound = errors.New("the two sockets of the client were not paired in time")
	// ErrCrowded: too many sockets wait to be paired.
	ErrCrowded = errors.New("too many sockets wait to be paired")
)

// Defaults of [ListenConfig].
const (
	DefaultServerKeepAlive    = 15 * time.Second
	DefaultServerWriteTimeout = 10 * time.Second
	DefaultServerSendQueue    = 16 << 20
	DefaultServerMaxFrame     = 8 << 20
	DefaultFrameTimeout       = 30 * time.Second
	DefaultBindTimeout        = 5 * time.Second
	DefaultMaxUnbound         = 128
	DefaultMaxUnboundBytes    = 64 << 10
	DefaultHeartbeat          = 500 * time.Millisecond
)

// A Listener takes clients in. Each [conn.Link] that it accepts is the two
// sockets of one client, paired by what the first command says (protocol
// §2.9); until then a socket gets heartbeats and nothing else.
type Listener struct {
	cfg              ListenConfig
	network          string
	keys             *keyring
	commands, events net.Listener

	waiting *waitingRoom
	links   chan conn.Link
	ctx     context.Context
	cancel  context.CancelCauseFunc
	wg      sync.WaitGroup // all goroutines of the Listener
}

// Listen opens the two sockets of a hall.
func Listen(cfg ListenConfig) (*Listener, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("axon: listen: %w", err)
	}
	keys, err := newKeyring(cfg.TLS)
	if err != nil {
		return nil, fmt.Errorf("axon: listen: %w", err)
	}
	l := &Listener{cfg: cfg, network: "tcp", keys: keys, links: make(chan conn.Link)}
	if cfg.UnixSocketID != "" {
		l.network = "unix"
	}
	if l.commands, err = l.open("CommanderPort", cfg.CommanderPort, commanderSocket); err != nil {
		return nil, err
	}
	if l.events, err = l.open("NotifierPort", cfg.NotifierPort, notifierSocket); err != nil {
		l.commands.Close()
		return nil, err
	}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	l.waiting = newWaitingRoom(cfg, l.network == "tcp")
	l.wg.Go(func() { l.serve(l.events, l.greet) })
	l.wg.Go(func() { l.serve(l.commands, l.meet) })
	l.wg.Go(func() { l.waiting.beat(l.ctx) })
	return l, nil
}

func (c ListenConfig) withDefaults() ListenConfig {
	setDefault(&c.Host, DefaultHost)
	setDefault(&c.SocketDir, "/tmp")
	if c.UnixSocketID != "" {
		setDefault(&c.CommanderPort, DefaultCommanderPort)
		setDefault(&c.NotifierPort, DefaultNotifierPort)
	}
	setDefault(&c.KeepAlive, DefaultServerKeepAlive)
	setDefault(&c.WriteTimeout, DefaultServerWriteTimeout)
	setDefault(&c.SendQueue, DefaultServerSendQueue)
	setDefault(&c.Limits.MaxFrame, DefaultServerMaxFrame)
	setDefault(&c.FrameTimeout, DefaultFrameTimeout)
	setDefault(&c.BindTimeout, DefaultBindTimeout)
	setDefault(&c.MaxUnbound, DefaultMaxUnbound)
	setDefault(&c.MaxUnboundBytes, DefaultMaxUnboundBytes)
	setDefault(&c.Heartbeat, DefaultHeartbeat)
	if c.OnRefuse == nil {
		c.OnRefuse = func(string, error) {}
	}
	return c
}

func (c ListenConfig) check() error {
	client := Config{Host: c.Host, UnixSocketID: c.UnixSocketID, Compression: c.Compression, SendQueue: c.SendQueue,
		WriteTimeout: c.WriteTimeout, CommanderPort: DefaultCommanderPort, NotifierPort: DefaultNotifierPort}
	switch {
	case c.UnixSocketID != "" && c.TLS != nil:
		return errors.New("unix sockets have no TLS: leave out ListenConfig.TLS or ListenConfig.UnixSocketID")
	case c.CommanderPort < 0 || c.CommanderPort > 65535 || c.NotifierPort < 0 || c.NotifierPort > 65535:
		return fmt.Errorf("the ports are %d and %d: give ports from 1 to 65535, or 0 for any free one", c.CommanderPort, c.NotifierPort)
	case c.BindTimeout < 0 || c.MaxUnbound < 0 || c.MaxUnboundBytes < 0 || c.Heartbeat < 0:
		return errors.New("BindTimeout, MaxUnbound, MaxUnboundBytes and Heartbeat cannot be negative: leave them 0 for the default")
	}
	return client.check()
}

// Kinds of sockets, for the names of unix ones.
const (
	commanderSocket = iota
	notifierSocket
)

// open listens on the first port from the given one on that is free.
func (l *Listener) open(name string, port, kind int) (net.Listener, error) {
	setup := net.ListenConfig{KeepAliveConfig: keepAlive(l.cfg.KeepAlive)}
	if l.cfg.KeepAlive < 0 {
		setup.KeepAlive = -1 // else there are probes with other delays
	}
	for try := port; ; try++ {
		address := net.JoinHostPort(l.cfg.Host, strconv.Itoa(try))
		if l.network == "unix" {
			address = l.socketPath(try, kind)
		}
		socket, err := l.listenAt(setup, address)
		if err == nil {
			return socket, nil
		}
		busy := errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)
		if busy && !l.cfg.Exact && port != 0 && try < 65535 {
			continue
		}
		e := &conn.Error{Op: "listen", Addr: address, Err: err}
		if busy {
			e.Hint = "another program has this port: stop it, take another " + name + ", or 0 for any free one"
		}
		return nil, e
	}
}

func (l *Listener) socketPath(port, kind int) string {
	commands, events := SocketPaths(l.cfg.SocketDir, l.cfg.UnixSocketID, port, port)
	if kind == commanderSocket {
		return commands
	}
	return events
}

// listenAt opens one address. The file of a unix socket on which nobody
// listens any more is removed first.
func (l *Listener) listenAt(setup net.ListenConfig, address string) (net.Listener, error) {
	if l.cfg.Open != nil {
		return l.cfg.Open(l.network, address)
	}
	if l.network == "unix" {
		if err := removeStale(address); err != nil {
			return nil, err
		}
	}
	return setup.Listen(context.Background(), l.network, address)
}

// Accept returns the hall's end of the next client. After Close its error
// wraps [io.EOF].
func (l *Listener) Accept(ctx context.Context) (conn.Link, error) {
	select {
	case link := <-l.links:
		return link, nil
	case <-l.ctx.Done():
		return nil, fmt.Errorf("axon: accept %s: the listener is closed: %w", l.Addr(), io.EOF)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Addr is the address of the commander, e.g. "127.0.0.1:35400".
func (l *Listener) Addr() string { return l.commands.Addr().String() }

// Ports returns the ports that are in use: those asked for, or later ones. On
// unix sockets they are part of the names of the files.
func (l *Listener) Ports() (commander, notifier int) {
	return portOf(l.commands.Addr(), "-cmd.sock", l.cfg.UnixSocketID), portOf(l.events.Addr(), "-evt.sock", l.cfg.UnixSocketID)
}

// Close takes no more clients and closes the sockets that are not paired. The
// links that were accepted live on.
func (l *Listener) Close() error {
	l.cancel(io.EOF)
	err := errors.Join(l.commands.Close(), l.events.Close())
	l.waiting.close()
	l.wg.Wait()
	return err
}

// serve accepts sockets and hands each to a goroutine of its own, at most
// MaxUnbound at a time.
func (l *Listener) serve(from net.Listener, handle func(net.Conn)) {
	slots := newSlots(l.cfg.MaxUnbound)
	delay := time.Duration(0)
	for {
		socket, err := from.Accept()
		switch {
		case l.ctx.Err() != nil:
			if err == nil {
				socket.Close()
			}
			return
		case err != nil: // out of descriptors, mostly: it passes
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			sleep(l.ctx, delay)
			continue
		}
		delay = 0
		boundSilence(socket, l.cfg.KeepAlive)
		if !slots.take(l.ctx) {
			l.refuse(socket, ErrCrowded)
			continue
		}
		l.wg.Go(func() {
			defer slots.release()
			handle(socket)
		})
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// secure makes the TLS handshake of a new socket, if there is one to make, and
// judges the certificate of the client.
func (l *Listener) secure(socket net.Conn) (c net.Conn, rejected bool, err error) {
	socket.SetDeadline(time.Now().Add(l.cfg.BindTimeout))
	if l.keys == nil {
		return socket, false, nil
	}
	encrypted := tls.Server(socket, l.keys.config())
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.BindTimeout)
	defer cancel()
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return socket, false, fmt.Errorf("%w: %w", conn.ErrTLS, err)
	}
	socket.SetDeadline(time.Now().Add(l.cfg.BindTimeout))
	if err := l.keys.admit(encrypted); err != nil {
		return encrypted, true, fmt.Errorf("%w: %w", conn.ErrCertificateRejected, err)
	}
	return encrypted, false, nil
}

func (l *Listener) refuse(socket net.Conn, reason error) {
	closeSocket(socket)
	if l.ctx.Err() == nil {
		l.cfg.OnRefuse(remoteOf(socket), &conn.Error{Op: "accept", Addr: remoteOf(socket), Reason: conn.ReasonOf(reason), Err: reason})
	}
}

func remoteOf(c net.Conn) string {
	if a := c.RemoteAddr(); a.Network() != "unix" {
		return a.String()
	}
	return c.LocalAddr().String()
}
