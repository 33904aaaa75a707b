package conn_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
)

func TestReconnectDuringASession(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		began := time.Now()
		r.Reconnect()
		r.session(2)
		at(t, began, 0)
		if causes := r.losses(1); len(causes) != 1 || !errors.Is(causes[0], conn.ErrCut) {
			t.Errorf("detached for %v", causes)
		}
		// What was asked for once happens once.
		h.Cut(halltest.Notifier)
		synctest.Wait()
		if s := r.State().Load(); s.NextDelay != 500*time.Millisecond {
			t.Errorf("after the next loss the state is %+v", s)
		}
	})
}

func TestReconnectDuringAWait(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		h.Down()
		time.Sleep(2500 * time.Millisecond) // in the middle of a wait
		began := time.Now()
		h.Up()
		r.Reconnect()
		r.session(2)
		at(t, began, 0)
	})
}

func TestReconnectDuringTheFirstHandshake(t *testing.T) {
	bubble(t, halltest.Script{Hold: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		began := time.Now()
		r := start(t, tr)
		h.Await(1, "command autoconnect")
		h.Set(func(s *halltest.Script) { s.Hold = false })
		r.Reconnect()
		r.session(1)
		at(t, began, 0)
	})
}

// A stuck is a transport whose dials take as long as their contexts allow, until
// free is closed.
type stuck struct {
	conn.Transport
	free chan struct{}
}

func (s stuck) Dial(ctx context.Context) (conn.Link, error) {
	select {
	case <-s.free:
		return s.Transport.Dial(ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestReconnectDuringADial(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		began := time.Now()
		free := make(chan struct{})
		r := start(t, stuck{tr, free})
		synctest.Wait()
		close(free)
		r.Reconnect()
		r.session(1)
		at(t, began, 0)
	})
}

func TestADialThatTakesTooLong(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		began := time.Now()
		err := start(t, stuck{tr, nil}).wait()
		at(t, began, 10*time.Second)
		if !errors.Is(err, conn.ErrTimeout) || !strings.Contains(err.Error(), "no answer within 10s") {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestTheEndOfTheContext(t *testing.T) {
	cause := errors.New("the caller has enough")
	for _, test := range []struct {
		name   string
		script halltest.Script
		down   bool
		free   bool // of a stuck dial
		lead   time.Duration
	}{
		{name: "during a dial", free: false},
		{name: "during the handshake", free: true, script: halltest.Script{Hold: true}},
		{name: "during a session", free: true, lead: time.Second},
		{name: "during a lag", free: true, script: halltest.Script{Beat: -1}, lead: 2 * time.Second},
		{name: "during a wait", free: true, down: true, lead: 100 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := halltest.New(t, halltest.Inproc("end"), test.script)
				free := make(chan struct{})
				if test.free {
					close(free)
				}
				if test.down {
					h.Down()
				}
				r := start(t, stuck{transport(t, h), free}, func(c *conn.Config) { c.RetryFirst = true })
				time.Sleep(test.lead)
				synctest.Wait()
				began := time.Now()
				r.cancel(cause)
				if err := r.wait(); err != cause {
					t.Errorf("Run returned %v", err)
				}
				at(t, began, 0)
				if s := r.State().Load(); s.Phase != conn.Closed || s.Err != cause {
					t.Errorf("the state is %+v", s)
				}
				if strings.Contains(strings.TrimSuffix(r.path(), "closed"), "reconnecting") {
					t.Errorf("the path was %s: there was no loss", r.path())
				}
				for _, err := range r.losses(0) {
					if !errors.Is(err, conn.ErrClosed) || !errors.Is(err, cause) {
						t.Errorf("detached for %v", err)
					}
				}
				if got := r.Stats().Failures; !test.down && len(got) != 0 {
					t.Errorf("an end that was asked for counts as failure: %v", got)
				}
			})
		})
	}
}

// A slow is a transport whose links take a second to close.
type slow struct {
	conn.Transport
	closing *atomic.Int32
}

type slowLink struct {
	conn.Link
	closing *atomic.Int32
	closed  *atomic.Bool
}

func (s slow) Dial(ctx context.Context) (conn.Link, error) {
	link, err := s.Transport.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return slowLink{link, s.closing, new(atomic.Bool)}, nil
}

// Close is slow for the first who calls it.
func (l slowLink) Close() error {
	if !l.closed.CompareAndSwap(false, true) {
		return nil
	}
	l.closing.Add(1)
	defer l.closing.Add(-1)
	err := l.Link.Close()
	time.Sleep(time.Second)
	return err
}

// Run returns when all that it started has ended.
func TestRunWaitsForItsOwn(t *testing.T) {
	t.Run("closing of a link", func(t *testing.T) {
		bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
			var closing atomic.Int32
			r := start(t, slow{tr, &closing})
			r.session(1)
			r.stop()
			if n := closing.Load(); n != 0 {
				t.Errorf("%d goroutines still close the link", n)
			}
		})
	})
	t.Run("the watchdog", func(t *testing.T) {
		bubble(t, halltest.Script{Beat: -1}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
			var logging atomic.Int32
			r := start(t, tr, func(c *conn.Config) {
				c.Logger = slog.New(slowHandler{&logging})
			})
			r.session(1)
			time.Sleep(1500 * time.Millisecond)
			synctest.Wait()
			if logging.Load() != 1 {
				t.Fatal("the lag is not being logged")
			}
			r.stop()
			if n := logging.Load(); n != 0 {
				t.Errorf("%d goroutines still log", n)
			}
		})
	})
}

// A slowHandler takes a second to log a lag.
type slowHandler struct{ logging *atomic.Int32 }

func (h slowHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h slowHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h slowHandler) WithGroup(string) slog.Handler            { return h }
func (h slowHandler) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if s, ok := a.Value.Any().(conn.State); ok && s.Phase == conn.Lagging {
			h.logging.Add(1)
			defer h.logging.Add(-1)
			time.Sleep(time.Second)
		}
		return true
	})
	return nil
}

// Closing is no error of the state.
func TestCloseLeavesNoError(t *testing.T) {
	for _, cause := range []error{conn.ErrClosed, context.Canceled} {
		bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
			r := start(t, tr)
			r.session(1)
			r.cancel(cause)
			if err := r.wait(); err != cause {
				t.Errorf("Run returned %v, want %v", err, cause)
			}
			if s := r.State().Load(); s.Phase != conn.Closed || s.Err != nil || s.String() != "closed" {
				t.Errorf("the state is %+v", s)
			}
		})
	}
}

func TestRunTwice(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		defer func() {
			if text, ok := recover().(string); !ok || !strings.Contains(text, "New") {
				t.Errorf("a second Run panicked with %v", text)
			}
		}()
		r.Run(t.Context())
	})
}
