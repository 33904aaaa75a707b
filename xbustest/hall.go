package xbustest

import (
	"context"
	"sync"
	"testing"
	"time"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/server"
)

// A Hall is a great hall for one test. Its methods may be called from any
// goroutine; those that report failures end the test, so they belong to its own.
type Hall struct {
	t   testing.TB
	cfg server.Config

	mu       sync.Mutex
	current  *server.Hall
	commands map[string]*script
	calls    []Call
	taken    map[int]bool  // calls that an Await has returned
	called   chan struct{} // closed and replaced at each call
}

// An Option changes the hall before it starts.
type Option func(*server.Config)

// InProcess makes a hall without sockets, for tests in virtual time and for
// those that start many. The name must not be used twice at a time.
func InProcess(name string) Option {
	return func(c *server.Config) { c.Listen = []string{"mem://" + name} }
}

// With changes the configuration of the hall in any way.
func With(change func(*server.Config)) Option { return change }

// Patience is how long helpers wait for what they were told to expect.
const Patience = 10 * time.Second

// Start opens a hall on a free port of this machine, until the end of the test.
func Start(t testing.TB, opts ...Option) *Hall {
	t.Helper()
	cfg := server.Config{Listen: []string{"xcraft://127.0.0.1:0"}, Offer: []string{"broadcast"}}
	for _, opt := range opts {
		opt(&cfg)
	}
	h := &Hall{t: t, cfg: cfg, commands: make(map[string]*script), taken: make(map[int]bool), called: make(chan struct{})}
	h.open(cfg)
	t.Cleanup(h.close)
	return h
}

func (h *Hall) open(cfg server.Config) {
	h.t.Helper()
	hall, err := server.Listen(context.Background(), cfg)
	if err != nil {
		h.t.Fatalf("xbustest: %v", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.current = hall
}

func (h *Hall) close() {
	if err := h.Server().Close(); err != nil {
		h.t.Errorf("xbustest: %v", err)
	}
}

// Server is the hall itself, for all that this package has no word for. It is
// another one after Restart.
func (h *Hall) Server() *server.Hall {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current
}

// URL is the address for clients. It stays the same over a Restart.
func (h *Hall) URL() string { return h.Server().URL() }

// Connect connects a client, until the end of the test.
func (h *Hall) Connect(opts ...xbus.Option) *xbus.Client {
	h.t.Helper()
	return connect(h.t, h.URL(), opts...)
}

func connect(t testing.TB, url string, opts ...xbus.Option) *xbus.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	c, err := xbus.Connect(ctx, url, opts...)
	if err != nil {
		t.Fatalf("xbustest: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Publish sends an event to the clients.
func (h *Hall) Publish(topic string, data any) {
	h.t.Helper()
	if err := h.Server().Publish(context.Background(), topic, data); err != nil {
		h.t.Fatalf("xbustest: %v", err)
	}
}

// Stop ends the hall as a crash does for its clients: all connections are lost,
// and nobody listens.
func (h *Hall) Stop() {
	h.t.Helper()
	if err := h.Server().Close(); err != nil {
		h.t.Errorf("xbustest: %v", err)
	}
}

// Restart ends the hall, unless Stop has, and opens it again at the same
// address: with another token, as after a crash, and with the same scripts.
func (h *Hall) Restart() {
	h.t.Helper()
	address := h.URL()
	h.Stop()
	cfg := h.cfg
	cfg.Listen, cfg.Exact = []string{address}, true
	h.open(cfg)
	h.mu.Lock()
	hall, scripts := h.current, h.commands
	h.mu.Unlock()
	for name, s := range scripts {
		h.register(hall, name, s)
	}
}
