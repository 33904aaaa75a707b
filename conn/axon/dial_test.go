package axon

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
)

// to makes the configuration that reaches a hall.
func to(h *halltest.Hall, change ...func(*Config)) Config {
	cfg := Config{Host: h.Addr.Host, CommanderPort: h.Addr.Commander, NotifierPort: h.Addr.Notifier, UnixSocketID: h.Addr.ID, SocketDir: h.Addr.Dir}
	for _, f := range change {
		f(&cfg)
	}
	return cfg
}

func transport(t testing.TB, cfg Config) *Transport {
	t.Helper()
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func dial(t testing.TB, cfg Config) *link {
	t.Helper()
	l, err := transport(t, cfg).Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*link)
}

func TestDial(t *testing.T) {
	h := halltest.New(t, halltest.TCP(), halltest.Script{})
	l := dial(t, to(h))
	h.AwaitPeers(1)
	info := l.Info()
	if info.Port != uint64(l.cfg.in.LocalAddr().(*net.TCPAddr).Port) || info.Secure || info.Server || !info.SameHost || info.Goroutines != 1 {
		t.Errorf("the link is %+v", info)
	}
	if info.Remote != transport(t, to(h)).String() || !strings.HasPrefix(info.Local, "127.0.0.1:") {
		t.Errorf("it goes from %s to %s", info.Local, info.Remote)
	}
}

// failing makes a Dialer that returns err.
func failing(err error) func(*Config) {
	return func(c *Config) {
		c.Dialer = func(context.Context, string, string) (net.Conn, error) { return nil, err }
	}
}

func TestDialErrors(t *testing.T) {
	gone := halltest.New(t, halltest.TCP(), halltest.Script{})
	gone.Down()
	half := halltest.New(t, halltest.TCP(), halltest.Script{})
	noFile := func(c *Config) { c.UnixSocketID, c.SocketDir = "none", t.TempDir() }
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, test := range []struct {
		name string
		cfg  Config
		want error
		text string
	}{
		{"nothing listens", to(gone), conn.ErrRefused, "is the great hall running"},
		{"only the notifier listens", to(half, func(c *Config) { c.CommanderPort = gone.Addr.Commander }), conn.ErrRefused, "connection refused"},
		{"no such socket", to(gone, noFile), conn.ErrRefused, "unixSocketId"},
		{"no such host", to(gone, failing(&net.DNSError{Err: "no such host", Name: "h.invalid", IsNotFound: true})), conn.ErrDNS, "no such host"},
		{"no answer of the name server", to(gone, failing(&net.DNSError{Err: "i/o timeout", Name: "h.invalid", IsTimeout: true})), conn.ErrDNS, "spelling"},
		{"no route", to(gone, failing(op(syscall.EHOSTUNREACH))), conn.ErrUnreachable, "no route to host"},
		{"no network", to(gone, failing(op(syscall.ENETUNREACH))), conn.ErrUnreachable, "network is unreachable"},
		{"a time-out of the system", to(gone, failing(op(syscall.ETIMEDOUT))), conn.ErrTimeout, "a firewall"},
		{"something else", to(gone, failing(errors.New("no proxy"))), conn.ErrUnreachable, "no proxy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := transport(t, test.cfg).Dial(t.Context())
			if conn.ReasonOf(err) != test.want || !strings.Contains(err.Error(), test.text) {
				t.Errorf("the error is %v", err)
			}
			if e, ok := errors.AsType[*conn.Error](err); !ok || e.Op != "dial" || e.Addr == "" {
				t.Errorf("it does not say where: %#v", err)
			}
		})
	}
}

// A dial that has found one socket only leaves nothing behind.
func TestHalfADial(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	first := true
	cfg := Config{Dialer: func(context.Context, string, string) (net.Conn, error) {
		if first {
			first = false
			return ours, nil
		}
		return nil, syscall.ECONNREFUSED
	}}
	if _, err := transport(t, cfg).Dial(t.Context()); !errors.Is(err, conn.ErrRefused) {
		t.Errorf("the error is %v", err)
	}
	if _, err := ours.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the event socket is open: %v", err)
	}
}

// hanging dials until the context ends.
func hanging(c *Config) {
	c.Dialer = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

func TestTheContextOfADial(t *testing.T) {
	reason := errors.New("the user has left")
	for _, test := range []struct {
		name string
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		want error
		text string
	}{
		{"a deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, conn.ErrTimeout, "deadline exceeded"},
		{"a deadline with a reason", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, time.Second, &conn.Error{Reason: conn.ErrNoHeartbeat, Hint: "a hint"})
		}, conn.ErrNoHeartbeat, "a hint"},
		{"an end", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Second, func() { cancel(reason) })
			return ctx, func() { cancel(nil) }
		}, conn.ErrClosed, reason.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := test.ctx(t.Context())
				defer cancel()
				_, err := transport(t, Config{Dialer: nil}.with(hanging)).Dial(ctx)
				if conn.ReasonOf(err) != test.want || !strings.Contains(err.Error(), test.text) {
					t.Errorf("the error is %v", err)
				}
			})
		})
	}
}

func (c Config) with(f func(*Config)) Config { f(&c); return c }

// A Dialer is asked for the event socket first (protocol §2.9), with the network
// and the addresses of the reference.
func TestTheOrderOfTheSockets(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "tcp 127.0.0.1:35800, tcp 127.0.0.1:35400, "},
		{Config{Host: "::1", CommanderPort: 1, NotifierPort: 2}, "tcp [::1]:2, tcp [::1]:1, "},
		{Config{UnixSocketID: "x", SocketDir: dir}, "unix " + dir + "/x35800-evt.sock, unix " + dir + "/x35400-cmd.sock, "},
		{Config{UnixSocketID: "x"}, "unix /tmp/x35800-evt.sock, unix /tmp/x35400-cmd.sock, "},
	} {
		asked := ""
		var ends []net.Conn
		test.cfg.Dialer = func(_ context.Context, network, address string) (net.Conn, error) {
			asked += network + " " + address + ", "
			ours, theirs := net.Pipe()
			ends = append(ends, theirs)
			return ours, nil
		}
		l, err := transport(t, test.cfg).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if asked != test.want || l.Info().Port != 0 {
			t.Errorf("asked for %s and got %+v", asked, l.Info())
		}
		l.Close()
		for _, c := range ends {
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("after Close a socket is open: %v", err)
			}
		}
	}
}

func TestWrongConfigurations(t *testing.T) {
	for _, test := range []struct {
		cfg  Config
		want string
	}{
		{Config{CommanderPort: 70000}, "port 70000 in Config.CommanderPort: give one from 1 to 65535"},
		{Config{NotifierPort: -1}, "port -1 in Config.NotifierPort"},
		{Config{CommanderPort: 5, NotifierPort: 5}, "have the same port 5"},
		{Config{UnixSocketID: "x", TLS: &TLS{}}, "unix sockets have no TLS"},
		{Config{UnixSocketID: "a/b"}, `path "a/b" in Config.UnixSocketID`},
		{Config{Compression: 10}, "level 10 in Config.Compression"},
		{Config{SendQueue: -1}, "cannot be negative"},
		{Config{WriteTimeout: -1}, "cannot be negative"},
		{Config{IdleTimeout: -1}, "cannot be negative"},
	} {
		if _, err := New(test.cfg); err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "axon: ") {
			t.Errorf("New(%+v) returned %v, want %s", test.cfg, err, test.want)
		}
	}
	if got := transport(t, Config{}).String(); got != "127.0.0.1:35400" {
		t.Errorf("the default hall is %s", got)
	}
}
