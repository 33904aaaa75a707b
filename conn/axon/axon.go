package axon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// Config says where a great hall is and how to speak to it. The zero Config is
// the default hall of Xcraft: 127.0.0.1, ports 35400 and 35800, without TLS.
type Config struct {
	// Host is the name or address of the hall, default 127.0.0.1.
	Host string
	// CommanderPort takes commands, default 35400; NotifierPort sends events,
	// default 35800.
	CommanderPort, NotifierPort int
	// UnixSocketID switches to unix sockets (protocol §2.6): the sockets are
	// <id><port>-cmd.sock and <id><port>-evt.sock in SocketDir, default /tmp.
	UnixSocketID string
	SocketDir    string
	// TLS encrypts both sockets; nil for plain TCP. Not with unix sockets.
	TLS *TLS

	// KeepAlive is the delay of TCP keep-alive probes, default 6 s; negative
	// for none.
	KeepAlive time.Duration
	// IdleTimeout ends the link when nothing was received for so long,
	// default never: the watchdog of conn looks at heartbeats.
	IdleTimeout time.Duration
	// WriteTimeout ends the link when the hall takes nothing for so long
	// while something is to be written, default 30 s.
	WriteTimeout time.Duration
	// SendQueue bounds what waits to be written, in bytes, default 64 MiB.
	// Senders wait for room beyond it.
	SendQueue int
	// Compression is the deflate level for what is sent, 1 to 9. Default 0:
	// stored blocks, which cost 500 times less processor time and suit all
	// networks but slow ones. Both forms are understood by every hall.
	Compression int
	// Limits bound what the hall can make this side hold.
	Limits wire.Limits
	// Dialer replaces the way a socket is opened, for proxies and tests.
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)
}

// Defaults of [Config].
const (
	DefaultHost          = "127.0.0.1"
	DefaultCommanderPort = 35400
	DefaultNotifierPort  = 35800
	DefaultKeepAlive     = 6 * time.Second
	DefaultWriteTimeout  = 30 * time.Second
	DefaultSendQueue     = 64 << 20

	defaultSocketDir = "/tmp"
)

// A Transport reaches one great hall over sockets. It implements
// [conn.Transport].
type Transport struct {
	cfg              Config
	network          string
	commands, events string // addresses
}

var _ conn.Transport = (*Transport)(nil)

// New checks cfg and makes a Transport of it. Nothing is opened yet.
func New(cfg Config) (*Transport, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("axon: %w", err)
	}
	t := &Transport{cfg: cfg, network: "tcp"}
	if cfg.UnixSocketID != "" {
		t.network = "unix"
		t.commands, t.events = SocketPaths(cfg.SocketDir, cfg.UnixSocketID, cfg.CommanderPort, cfg.NotifierPort)
		return t, nil
	}
	t.commands = net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.CommanderPort))
	t.events = net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.NotifierPort))
	return t, nil
}

// SocketPaths returns the paths of the two sockets of a hall (protocol §2.6). dir
// "" is the folder where halls have them, as in [Config].
func SocketPaths(dir, id string, commanderPort, notifierPort int) (commands, events string) {
	setDefault(&dir, defaultSocketDir)
	return filepath.Join(dir, fmt.Sprintf("%s%d-cmd.sock", id, commanderPort)),
		filepath.Join(dir, fmt.Sprintf("%s%d-evt.sock", id, notifierPort))
}

// String is the address of the commander, e.g. "127.0.0.1:35400".
func (t *Transport) String() string { return t.commands }

func (c Config) withDefaults() Config {
	setDefault(&c.Host, DefaultHost)
	setDefault(&c.CommanderPort, DefaultCommanderPort)
	setDefault(&c.NotifierPort, DefaultNotifierPort)
	setDefault(&c.SocketDir, defaultSocketDir)
	setDefault(&c.KeepAlive, DefaultKeepAlive)
	setDefault(&c.WriteTimeout, DefaultWriteTimeout)
	setDefault(&c.SendQueue, DefaultSendQueue)
	return c
}

func setDefault[T comparable](field *T, standard T) {
	var zero T
	if *field == zero {
		*field = standard
	}
}

func (c Config) check() error {
	switch {
	case c.CommanderPort < 1 || c.CommanderPort > 65535:
		return fmt.Errorf("port %d in Config.CommanderPort: give one from 1 to 65535", c.CommanderPort)
	case c.NotifierPort < 1 || c.NotifierPort > 65535:
		return fmt.Errorf("port %d in Config.NotifierPort: give one from 1 to 65535", c.NotifierPort)
	case c.UnixSocketID == "" && c.CommanderPort == c.NotifierPort:
		return fmt.Errorf("commander and notifier have the same port %d: a hall has one of each, by default %d and %d",
			c.CommanderPort, DefaultCommanderPort, DefaultNotifierPort)
	case c.UnixSocketID != "" && c.TLS != nil:
		return errors.New("unix sockets have no TLS: leave out Config.TLS or Config.UnixSocketID")
	case filepath.Base(c.UnixSocketID) != c.UnixSocketID && c.UnixSocketID != "":
		return fmt.Errorf("path %q in Config.UnixSocketID: give the bare identifier, and the folder in SocketDir", c.UnixSocketID)
	case c.Compression < 0 || c.Compression > 9:
		return fmt.Errorf("level %d in Config.Compression: give 0 for none, or 1 (fast) to 9 (small)", c.Compression)
	case c.SendQueue < 0 || c.WriteTimeout < 0 || c.IdleTimeout < 0:
		return errors.New("the fields SendQueue, WriteTimeout and IdleTimeout of Config cannot be negative: leave them 0 for the default")
	}
	return nil
}
