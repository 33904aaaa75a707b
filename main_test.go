package xbus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// within bounds what a test waits for; it is never waited out in a test that
// passes, however busy the machine is.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// memory returns the address of a hall of this process that no other test has.
func memory(t testing.TB) string {
	t.Helper()
	return fmt.Sprint("mem://xbus-test-", halls.Add(1))
}

var halls atomic.Int64

// open opens a hall with the command demo.echo and what builtin commands there
// are.
func open(t testing.TB, cfg server.Config) *server.Hall {
	t.Helper()
	if cfg.Listen == nil {
		cfg.Listen = []string{memory(t)}
	}
	hall, err := server.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hall.Close() })
	handle(t, hall, "demo.echo", func(_ context.Context, in json.RawMessage) (json.RawMessage, error) { return in, nil })
	return hall
}

func handle[In, Out any](t testing.TB, hall *server.Hall, name string, fn func(context.Context, In) (Out, error), opts ...server.HandlerOption) {
	t.Helper()
	if err := server.Handle(hall, name, fn, opts...); err != nil {
		t.Fatal(err)
	}
}

// quick comes back without a wait.
func quick() xbus.Option {
	return xbus.WithBackoff(conn.BackoffConfig{Initial: time.Millisecond, Max: 10 * time.Millisecond})
}

func connect(t testing.TB, url string, opts ...xbus.Option) *xbus.Client {
	t.Helper()
	client, err := xbus.Connect(within(t), url, append([]xbus.Option{quick()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// everywhere runs a test inside of the process and over TCP.
func everywhere(t *testing.T, cfg server.Config, test func(t *testing.T, hall *server.Hall, client *xbus.Client)) {
	t.Helper()
	for name, address := range map[string]string{"memory": memory(t), "TCP": "xcraft://127.0.0.1:0"} {
		t.Run(name, func(t *testing.T) {
			cfg.Listen = []string{address}
			hall := open(t, cfg)
			test(t, hall, connect(t, hall.URL()))
		})
	}
}

func subscribe(t testing.TB, topic xbus.Topic) *observable.Subscription[xbus.Event] {
	t.Helper()
	sub, err := topic.Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	return sub
}

func next(t testing.TB, sub *observable.Subscription[xbus.Event]) xbus.Event {
	t.Helper()
	ev, err := sub.Next(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// nothing fails the test when an event waits in sub, once all that the hall has
// sent before has come.
func nothing(t testing.TB, client *xbus.Client, sub *observable.Subscription[xbus.Event]) {
	t.Helper()
	flush(t, client)
	if n := sub.Stats().Buffered; n > 0 {
		ev := next(t, sub)
		t.Errorf("%d events too many, the first is %v", n, ev)
	}
}

// flush waits until all that the hall has sent before has come.
func flush(t testing.TB, client *xbus.Client) {
	t.Helper()
	if _, err := client.Call(within(t), "demo.echo", nil).Await(within(t)); err != nil {
		t.Fatal(err)
	}
}

func publish(t testing.TB, hall *server.Hall, topic string, data any) {
	t.Helper()
	if err := hall.Publish(t.Context(), topic, data); err != nil {
		t.Fatal(err)
	}
}

// awaitState waits for a state and returns it.
func awaitState(t testing.TB, client *xbus.Client, pred func(conn.State) bool) conn.State {
	t.Helper()
	s, err := client.State().Wait(within(t), pred)
	if err != nil {
		t.Fatalf("%v: %v", err, client.State().Load())
	}
	return s
}

func epoch(n uint64) func(conn.State) bool {
	return func(s conn.State) bool { return s.Epoch >= n && s.Usable() }
}

func wantErr(t testing.TB, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("%v: want %v", err, target)
		}
	}
}
