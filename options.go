package xbus

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
)

// settings are what options change, layer by layer.
type settings struct {
	transport conn.Transport
	axon      axon.Config
	conn      conn.Config
	calls     rpc.Config
	down      rpc.WhenDown
	subscribe []observable.SubscribeOption
	compat    bool
	logger    *slog.Logger
	err       error
}

// An Option changes how a Client connects and behaves.
type Option func(*settings)

// WithTLS gives certificates for xcrafts:// addresses. By default the hall's
// certificate must be signed by an authority of the system for the name of the
// host; Xcraft halls usually have a self-signed one: pin it.
func WithTLS(t axon.TLS) Option { return func(s *settings) { s.axon.TLS = &t } }

// WithBackoff shapes the waits between two attempts to connect. Default: drawn
// evenly from a window that grows from 500 ms to 30 s ("full jitter").
func WithBackoff(cfg conn.BackoffConfig) Option {
	return func(s *settings) {
		if cfg.Initial < 0 || cfg.Max < 0 || cfg.Multiplier < 0 {
			s.fail("WithBackoff: a field is negative: leave it 0 for the default")
		}
		s.conn.Backoff = func() conn.Backoff { return conn.NewBackoff(cfg) }
	}
}

// WithBackoffFunc gives waits of one's own, e.g. conn.StrictBackoff or any
// backoff.BackOff of cenkalti; make is called once for each client. Mind that
// cenkalti's default gives up after 15 minutes.
func WithBackoffFunc(make func() conn.Backoff) Option {
	return func(s *settings) {
		if make == nil {
			s.fail("WithBackoffFunc(nil): give the function that makes a Backoff")
		}
		s.conn.Backoff = make
	}
}

// WithRetryFirst makes Connect go on trying while the hall cannot be reached,
// as long as its context allows. Default: the first failure is returned.
func WithRetryFirst() Option { return func(s *settings) { s.conn.RetryFirst = true } }

// WithGameOver says what the farewell of a hall means, default
// conn.StopForGood, as the reference does.
func WithGameOver(g conn.GameOver) Option { return func(s *settings) { s.conn.GameOver = g } }

// WithLag sets the silence that is shown as lagging, default 1.5 s, and the one
// that ends a session, default 5 s. A hall beats every 500 ms; Node halls stop
// for one or two seconds on their own.
func WithLag(shown, lost time.Duration) Option {
	return func(s *settings) { s.conn.LagAfter, s.conn.LostAfter = shown, lost }
}

// WithNice announces a priority to the hall, default 0.
func WithNice(nice int) Option { return func(s *settings) { s.conn.Nice = nice } }

// WithNodeName announces a routing key of one's own, default "xbus".
func WithNodeName(name string) Option { return func(s *settings) { s.conn.NodeName = name } }

// WithToken makes a session without a handshake, with a token that is known
// already ("server mode" of the reference).
func WithToken(token string) Option {
	return func(s *settings) {
		if token == "" {
			s.fail(`WithToken(""): give the token of the hall, or leave the option out`)
		}
		s.conn.Token = token
	}
}

// WithNewName uses the orc name that the hall gives at a reconnection. Default:
// the first one, as the reference does (protocol §4.4).
func WithNewName() Option { return func(s *settings) { s.conn.AdoptNewName = true } }

// WithCallTimeout bounds calls whose context has no deadline, default 60 s;
// negative for none.
func WithCallTimeout(d time.Duration) Option { return func(s *settings) { s.calls.Timeout = d } }

// WithMaxQueued bounds the calls that wait under rpc.Queue, default 1,024.
func WithMaxQueued(n int) Option {
	return func(s *settings) {
		if n <= 0 {
			s.fail("WithMaxQueued(%d): give a positive number", n)
		}
		s.calls.MaxQueued = n
	}
}

// WithMaxInFlight bounds the calls in flight, default 262,144.
func WithMaxInFlight(n int) Option {
	return func(s *settings) {
		if n <= 0 {
			s.fail("WithMaxInFlight(%d): give a positive number", n)
		}
		s.calls.MaxInFlight = n
	}
}

// WithWhenDown says what calls do while there is no session, default rpc.Wait.
func WithWhenDown(w rpc.WhenDown) Option {
	return func(s *settings) {
		if w > rpc.Queue {
			s.fail("WithWhenDown(%d): give rpc.Wait, rpc.FailFast or rpc.Queue", w)
		}
		s.down = w
	}
}

// WithSubscribeDefaults sets options for every subscription that does not give
// its own. Default: 1,024 events, 64 MiB, drop the oldest.
func WithSubscribeDefaults(opts ...observable.SubscribeOption) Option {
	return func(s *settings) { s.subscribe = append(s.subscribe, opts...) }
}

// WithCompatibleMatching makes patterns miss what they miss in the reference
// (protocol §6.2). Default: what matches is delivered.
func WithCompatibleMatching() Option { return func(s *settings) { s.compat = true } }

// WithTransport reaches the hall by a transport of one's own; the address given
// to Connect must then be "".
func WithTransport(t conn.Transport) Option {
	return func(s *settings) {
		if t == nil {
			s.fail("WithTransport(nil): give a transport, or leave the option out")
		}
		s.transport = t
	}
}

// WithSockets changes what an address does not say about sockets: time-outs,
// limits, compression, the dialer. Host, ports, unix sockets and TLS in it are
// overwritten by the address.
func WithSockets(cfg axon.Config) Option {
	return func(s *settings) {
		tls := s.axon.TLS
		s.axon = cfg
		if cfg.TLS == nil {
			s.axon.TLS = tls
		}
	}
}

// WithLogger receives what happens to the connection and what is dropped;
// silent by default. Tokens are shortened in it.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) {
		if l == nil {
			s.fail("WithLogger(nil): give a logger, or leave the option out")
		}
		s.logger = l
	}
}

func (s *settings) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("xbus: "+format, args...)
	}
}

// settle applies the options and the address.
func settle(url string, opts []Option) (*settings, error) {
	s := &settings{logger: slog.New(slog.DiscardHandler)}
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("xbus: option %d is nil: leave it out", i)
		}
		opt(s)
	}
	if s.err != nil {
		return nil, s.err
	}
	if err := observable.ValidateOptionsFor[Event](append(subscribeBase(), s.subscribe...)...); err != nil {
		return nil, fmt.Errorf("xbus: WithSubscribeDefaults: %w", err)
	}
	switch {
	case s.transport != nil && url != "":
		return nil, errors.New("xbus: WithTransport and an address: give one of them")
	case s.transport != nil && s.axon.TLS != nil:
		return nil, errors.New("xbus: WithTransport and WithTLS: give the certificates to the transport")
	case s.transport == nil:
		t, err := parseURL(url, s)
		if err != nil {
			return nil, err
		}
		s.transport = t
	}
	s.conn.Transport, s.conn.Logger = s.transport, s.logger
	return s, nil
}
