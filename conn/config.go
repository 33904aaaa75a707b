package conn

import (
	"errors"
	"log/slog"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// GameOver says what the hall's farewell means (protocol §4.8).
type GameOver uint8

const (
	// StopForGood closes the connection, as the reference does.
	StopForGood GameOver = iota
	// ComeBack treats the farewell as a loss: reconnect when the hall is back.
	ComeBack
)

// Config shapes a [Conn]. Only Transport is required; zero fields take the
// defaults that stand beside them.
type Config struct {
	Transport Transport

	// Backoff makes the waits between attempts, default [NewBackoff] with its
	// own defaults. It is called once.
	Backoff func() Backoff
	// RetryFirst goes on trying when the very first attempt fails. By default
	// the first failure ends Run, so that Connect can tell the reason. A
	// reason that is [Permanent] ends it all the same.
	RetryFirst bool
	// GiveUp decides whether a failure after the first session ends Run.
	// Default never: a certificate that is refused today may be accepted
	// tomorrow, and State.Err tells meanwhile.
	GiveUp func(error) bool
	// GameOver is what the hall's farewell means, default StopForGood.
	GameOver GameOver

	// Nice and NoForwarding are announced at the handshake (protocol §2.9).
	Nice         int
	NoForwarding bool
	// NodeName is the routing key announced at the handshake, default "xbus".
	NodeName string
	// Token makes a session without a handshake ("server mode" of the
	// reference): the commands go out under greathall@<token>.
	Token string
	// AdoptNewName uses the name that the hall gives at a reconnection
	// instead of the first one.
	AdoptNewName bool

	// DialTimeout bounds one dial, default 10 s.
	DialTimeout time.Duration
	// HandshakeTimeout is how long the hall may be silent before the session,
	// default 10 s. A hall that beats may take as long as it wants to answer.
	HandshakeTimeout time.Duration
	// AutoconnectRetry is the age after which an autoconnect without answer is
	// sent again at the next heartbeat, default 5 s (protocol §4.3).
	AutoconnectRetry time.Duration
	// LagAfter is the silence that is shown as Lagging, default 1.5 s. A hall
	// beats every 500 ms.
	LagAfter time.Duration
	// LostAfter is the silence that ends the session, default 5 s. Node halls
	// stop for 1 to 2 s on their own: do not go below 2 s against them.
	LostAfter time.Duration
	// OptimistLag shows the lag and never ends the session for it.
	OptimistLag bool

	// Logger receives the life of the connection; silent by default.
	Logger *slog.Logger

	// OnMessage receives each event of the session on the reader's goroutine:
	// it must not wait for anything.
	OnMessage func(*wire.Message)
	// OnAttach is called when a session begins, before the state says so;
	// OnDetach when it has ended, after the state says so. Both run on the
	// goroutine of Run.
	OnAttach func(Session)
	OnDetach func(Session, error)

	// OnRegistry is called with each registry, on the goroutine of Run; with
	// that of a new session before OnAttach.
	OnRegistry func(Registry)

	// Announce may add members to the data of the autoconnect command, which
	// halls that do not know them ignore. It is called before each.
	Announce func() map[string]any
}

// A Session is one attachment to a hall.
type Session struct {
	Epoch    uint64
	Identity Identity
	Info     LinkInfo
	// Answer is the data of the hall's answer to autoconnect, raw JSON; nil
	// for a session without a handshake.
	Answer []byte
	// XBus is the part of it that halls of xbus add, its member "xbus"; nil for
	// others.
	XBus []byte
	// Began is when the session began; Lost, in OnDetach, when it ended.
	Began, Lost time.Time
}

func (c Config) withDefaults() (Config, error) {
	if c.Transport == nil {
		return c, errors.New("conn: Config.Transport is missing: give axon.New(…), inproc.New(…) or a transport of your own")
	}
	if c.Backoff == nil {
		c.Backoff = func() Backoff { return NewBackoff(BackoffConfig{}) }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.NodeName = or(c.NodeName, "xbus")
	c.DialTimeout = or(c.DialTimeout, 10*time.Second)
	c.HandshakeTimeout = or(c.HandshakeTimeout, 10*time.Second)
	c.AutoconnectRetry = or(c.AutoconnectRetry, 5*time.Second)
	c.LagAfter = or(c.LagAfter, 1500*time.Millisecond)
	c.LostAfter = or(c.LostAfter, 5*time.Second)
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"DialTimeout", c.DialTimeout}, {"HandshakeTimeout", c.HandshakeTimeout},
		{"AutoconnectRetry", c.AutoconnectRetry}, {"LagAfter", c.LagAfter}, {"LostAfter", c.LostAfter},
	} {
		if d.value < 0 {
			return c, errors.New("conn: Config." + d.name + " is negative: leave it 0 for the default")
		}
	}
	if c.LostAfter < c.LagAfter {
		return c, errors.New("conn: Config.LostAfter is shorter than Config.LagAfter: a session would be lost before it lags")
	}
	if c.OnMessage == nil {
		c.OnMessage = func(*wire.Message) {}
	}
	if c.OnRegistry == nil {
		c.OnRegistry = func(Registry) {}
	}
	if c.OnAttach == nil {
		c.OnAttach = func(Session) {}
	}
	if c.OnDetach == nil {
		c.OnDetach = func(Session, error) {}
	}
	if c.GiveUp == nil {
		c.GiveUp = func(error) bool { return false }
	}
	return c, nil
}
