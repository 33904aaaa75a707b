package conn_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/wire"
)

// A rig is a connection under test and all that it reported.
type rig struct {
	*conn.Conn
	t      *testing.T
	cancel context.CancelCauseFunc
	result chan error
	over   error // what Run returned, once stop or wait has it
	ended  bool

	notices *observable.Subscription[conn.Notice]

	mu       sync.Mutex
	states   []conn.State // all of them, without conflation
	messages []*wire.Message
	calls    []string // OnAttach, OnDetach, OnRegistry in order
	attached []conn.Session
	detached []conn.Session
	causes   []error
	changed  chan struct{}
}

// start runs a connection until the end of the test.
func start(t *testing.T, transport conn.Transport, change ...func(*conn.Config)) *rig {
	t.Helper()
	r := prepare(t, transport, change...)
	r.run()
	return r
}

func prepare(t *testing.T, transport conn.Transport, change ...func(*conn.Config)) *rig {
	t.Helper()
	r := &rig{t: t, result: make(chan error, 1), changed: make(chan struct{})}
	cfg := conn.Config{
		Transport: transport, Backoff: conn.StrictBackoff, Logger: slog.New(stateHandler{r}),
		OnMessage: func(m *wire.Message) { r.note(func() { r.messages = append(r.messages, m) }) },
		OnRegistry: func(conn.Registry) {
			r.note(func() { r.calls = append(r.calls, "registry") })
		},
		OnAttach: func(s conn.Session) {
			r.note(func() { r.calls, r.attached = append(r.calls, "attach"), append(r.attached, s) })
		},
		OnDetach: func(s conn.Session, err error) {
			r.note(func() {
				r.calls, r.detached, r.causes = append(r.calls, "detach"), append(r.detached, s), append(r.causes, err)
			})
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := conn.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Conn = c
	r.notices = c.Notices().Subscribe(observable.WithPolicy(observable.FailOnOverflow))
	return r
}

func (r *rig) run() {
	ctx, cancel := context.WithCancelCause(context.Background())
	r.cancel = cancel
	go func() { r.result <- r.Run(ctx) }()
	r.t.Cleanup(func() { r.stop() })
}

func (r *rig) note(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

// stop ends the connection and returns what Run returned.
func (r *rig) stop() error {
	r.cancel(conn.ErrClosed)
	return r.wait()
}

// wait waits until Run has returned.
func (r *rig) wait() error {
	r.t.Helper()
	if r.ended {
		return r.over
	}
	select {
	case r.over = <-r.result:
		r.ended = true
		<-r.Done()
	case <-time.After(10 * time.Minute): // of the bubble's time; go test ends a real one before
		r.t.Fatal("Run does not return")
	}
	return r.over
}

// until waits for a state.
func (r *rig) until(what string, pred func(conn.State) bool) conn.State {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := r.State().Wait(ctx, pred)
	if err != nil {
		r.t.Fatalf("no state that is %s: %v; it is %v", what, err, r.State().Load())
	}
	return s
}

// session waits for the n-th session.
func (r *rig) session(n uint64) conn.State {
	r.t.Helper()
	return r.until("the session", func(s conn.State) bool { return s.Usable() && s.Epoch >= n })
}

// await waits until met, which runs under mu, is true.
func (r *rig) await(what string, met func() bool) {
	r.t.Helper()
	late := time.After(10 * time.Second)
	for {
		r.mu.Lock()
		ok, changed := met(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-late:
			r.t.Fatalf("no %s", what)
		}
	}
}

// losses waits until n sessions have ended, and returns why they did.
func (r *rig) losses(n int) (causes []error) {
	r.t.Helper()
	r.await("end of a session", func() bool {
		causes = slices.Clone(r.causes)
		return len(causes) >= n
	})
	return causes
}

// event waits for an event with the topic.
func (r *rig) event(topic string) (found *wire.Message) {
	r.t.Helper()
	r.await("event "+topic, func() bool {
		for _, m := range r.messages {
			if m.Topic == topic {
				found = m
			}
		}
		return found != nil
	})
	return found
}

// noticed waits for n notices and returns them, with those that are there
// beyond, as text.
func (r *rig) noticed(n int) (list []string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		if len(list) == n {
			cancel() // what is there is returned all the same
		}
		notice, err := r.notices.Next(ctx)
		if err != nil {
			return list
		}
		list = append(list, describe(notice))
	}
}

func describe(n conn.Notice) string {
	text := n.Kind.String()
	if n.Kind == conn.OrcNameChanged {
		text += " " + n.Old + " " + n.New
	}
	if n.Relayed {
		text += " (relayed)"
	}
	return text
}

// path returns the phases that were shown, each change once.
func (r *rig) path() string {
	r.await("log of the state, which follows it", func() bool {
		now := r.State().Load()
		return slices.ContainsFunc(r.states, func(s conn.State) bool {
			return s.Phase == now.Phase && s.Epoch == now.Epoch && s.Since.Equal(now.Since)
		})
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	var path []string
	for _, s := range r.states {
		if p := s.Phase.String(); len(path) == 0 || path[len(path)-1] != p {
			path = append(path, p)
		}
	}
	return strings.Join(path, " ")
}

// waits returns the waits between attempts that were announced.
func (r *rig) waits() (list []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.states {
		if s.NextDelay > 0 {
			list = append(list, s.NextDelay)
		}
	}
	return list
}

// A stateHandler records the states that the connection logs: all of them,
// where a Value would skip some.
type stateHandler struct{ r *rig }

func (h stateHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h stateHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h stateHandler) WithGroup(string) slog.Handler            { return h }
func (h stateHandler) Handle(_ context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		if s, ok := a.Value.Any().(conn.State); ok {
			h.r.note(func() { h.r.states = append(h.r.states, s) })
		}
		return true
	})
	return nil
}

// transport reaches a hall, whatever its sockets are.
func transport(t *testing.T, h *halltest.Hall) conn.Transport {
	t.Helper()
	var tr conn.Transport
	var err error
	switch a := h.Addr; {
	case a.Name != "":
		tr, err = inproc.New(a.Name)
	default:
		tr, err = axon.New(axon.Config{Host: a.Host, CommanderPort: a.Commander, NotifierPort: a.Notifier, UnixSocketID: a.ID, SocketDir: a.Dir})
	}
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// bubble runs f in virtual time with a hall inside the process.
func bubble(t *testing.T, script halltest.Script, f func(t *testing.T, h *halltest.Hall, tr conn.Transport)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := halltest.New(t, halltest.Inproc(t.Name()), script)
		f(t, h, transport(t, h))
	})
}

// instantly is a backoff without waits, for real sockets.
func instantly(cfg *conn.Config) {
	cfg.Backoff = func() conn.Backoff { return fixed(time.Millisecond) }
}

type fixed time.Duration

func (f fixed) NextBackOff() time.Duration { return time.Duration(f) }
func (f fixed) Reset()                     {}

// at fails the test unless so much time has passed since the bubble began.
func at(t *testing.T, began time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(began); got != want {
		t.Errorf("it is %v after the beginning, want %v", got, want)
	}
}
