package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/topics"
)

// Config shapes a [Hall]. Zero fields take the defaults that stand beside them.
type Config struct {
	// Name is what the hall calls itself, also as a routing key for other
	// halls (protocol §1), default "xbus".
	Name string
	// Listen is where clients are taken in, default
	// xcraft://127.0.0.1:35400?events=35800. Several may be given:
	//
	//	xcraft://host:35400?events=35800                        TCP; port 0 is any free one
	//	xcrafts://host:35400?cert=hall.pem&key=hall-key.pem     TLS; clients=folder asks for certificates
	//	xcraft+unix://<unixSocketId>                            unix sockets; commander=, events=, dir=
	//	mem://name                                              this process
	Listen []string
	// Exact makes a busy port an error; by default the next ones are tried.
	Exact bool
	// Sockets holds the limits and timers of the sockets; addresses and
	// certificates in it are replaced by those of Listen.
	Sockets axon.ListenConfig

	// Hold keeps autoconnects waiting until [Hall.Ready] is called, so that
	// clients find all commands when they come in.
	Hold bool
	// GameOver makes Close say farewell for good: clients of the reference
	// then stop and do not come back (protocol §4.8).
	GameOver bool
	// Offer lists commands that a hall can do for anybody and does not by
	// default: "shutdown", "broadcast", "error".
	Offer []string
	// OnShutdown is called when a client has sent shutdown. Default: the hall
	// closes. It runs on a goroutine of its own.
	OnShutdown func()

	// Authenticate decides whether a client may come in, before its
	// autoconnect is answered. nil lets everybody in that got that far.
	Authenticate func(context.Context, Peer) error
	// Authorize sees each command before it runs, builtin ones included; an
	// error refuses it and is told to the caller. It must be quick.
	Authorize func(ctx context.Context, p Peer, command string) error
	// AllowAnonymous lets the hall listen beyond its machine without client
	// certificates and without Authenticate.
	AllowAnonymous bool

	// Timeout ends a command whose handler does not, default 60 s; negative
	// for never. A handler may have its own.
	Timeout time.Duration
	// Heartbeat is the interval of heartbeats, default 500 ms, which is what
	// other peers expect (protocol §4.2).
	Heartbeat time.Duration
	// CloseTimeout is how long Close waits for handlers, default 5 s.
	CloseTimeout time.Duration

	// Replay keeps the events whose topic matches one of these patterns for
	// clients of xbus that are away for a moment, at most ReplayLimit for each
	// client, default 1024.
	Replay      []string
	ReplayLimit int
	// StreamTimeout ends a stream when nothing came, or nothing was taken, for
	// so long, default 120 s.
	StreamTimeout time.Duration
	// SessionTTL is how long the session of a client of xbus outlives its
	// connection, default 60 s.
	SessionTTL time.Duration

	// Limits bound what clients can make the hall hold.
	Limits Limits
	// Logger receives the life of the hall; silent by default.
	Logger *slog.Logger
}

// Limits bound what clients can make a hall hold. Zero fields take the defaults
// beside them.
type Limits struct {
	Connections int // at the same time, default 1024
	InFlight    int // commands of one connection that wait or run, default 4096; more are not read until some have ended
	Names       int // orc names of one connection, default 65536
	Lines       int // lines of one connection, default 65536
	Sessions    int // of clients of xbus that are away, default 1024
}

// A Peer is a client as the hooks of [Config] see it.
type Peer struct {
	// OrcName is its name; "" while it is not bound.
	OrcName string
	// Remote is its address, Local that of the hall's end.
	Remote, Local string
	// Secure tells that both sockets are encrypted, InProcess that there are
	// none.
	Secure, InProcess bool
	// Certificate is what the client has shown and the hall has accepted.
	Certificate *x509.Certificate
	// UID is the user at the other end of a unix socket, -1 if not known.
	UID int
	// Nice, NoForwarding and NodeName are what it announced (protocol §2.9).
	Nice         int
	NoForwarding bool
	NodeName     string
}

// Defaults of [Config].
const (
	DefaultListen       = "xcraft://127.0.0.1:35400?events=35800"
	DefaultTimeout      = 60 * time.Second
	DefaultHeartbeat    = 500 * time.Millisecond
	DefaultCloseTimeout = 5 * time.Second
	DefaultSessionTTL   = 60 * time.Second
	DefaultReplayLimit  = 1024
	DefaultConnections  = 1024
	DefaultInFlight     = 4096
)

// defaultLogger is silent.
var defaultLogger = slog.New(slog.DiscardHandler)

func (c Config) withDefaults() Config {
	setDefault(&c.Name, "xbus")
	setDefault(&c.Timeout, DefaultTimeout)
	setDefault(&c.Heartbeat, DefaultHeartbeat)
	setDefault(&c.CloseTimeout, DefaultCloseTimeout)
	setDefault(&c.SessionTTL, DefaultSessionTTL)
	setDefault(&c.ReplayLimit, DefaultReplayLimit)
	setDefault(&c.StreamTimeout, DefaultStreamTimeout)
	setDefault(&c.Limits.Connections, DefaultConnections)
	setDefault(&c.Limits.InFlight, DefaultInFlight)
	setDefault(&c.Limits.Names, 65536)
	setDefault(&c.Limits.Lines, 65536)
	setDefault(&c.Limits.Sessions, 1024)
	if len(c.Listen) == 0 {
		c.Listen = []string{DefaultListen}
	}
	if c.Logger == nil {
		c.Logger = defaultLogger
	}
	return c
}

func setDefault[T comparable](field *T, standard T) {
	var zero T
	if *field == zero {
		*field = standard
	}
}

func (c Config) check() error {
	for _, name := range c.Offer {
		if !offered[name] {
			return fmt.Errorf("server: Config.Offer has %q: only shutdown, broadcast and error can be offered", name)
		}
	}
	for _, pattern := range c.Replay {
		if _, err := topics.Compile(pattern); err != nil {
			return fmt.Errorf("server: Config.Replay: %w", err)
		}
	}
	l := c.Limits
	if min(l.Connections, l.InFlight, l.Names, l.Lines, l.Sessions, c.ReplayLimit) < 0 {
		return errors.New("server: a limit is negative: leave it 0 for the default")
	}
	if c.Heartbeat < 0 || c.SessionTTL < 0 || c.CloseTimeout < 0 {
		return errors.New("server: Heartbeat, SessionTTL and CloseTimeout cannot be negative: leave them 0 for the default")
	}
	return nil
}

// guarded tells that not anybody can come in by the sockets.
func (c Config) guarded(l axon.ListenConfig) bool {
	return c.AllowAnonymous || c.Authenticate != nil || l.TLS.MutualTLS()
}
