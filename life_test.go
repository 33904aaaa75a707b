package xbus_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

func TestCloseFromAnywhere(t *testing.T) {
	for name, closing := range map[string]func(t *testing.T, hall *server.Hall, client *xbus.Client){
		"twice": func(t *testing.T, _ *server.Hall, client *xbus.Client) { client.Close() },
		"by many": func(t *testing.T, _ *server.Hall, client *xbus.Client) {
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if err := client.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		},
		"in a loop over a topic": func(t *testing.T, hall *server.Hall, client *xbus.Client) {
			sub := subscribe(t, client.Topic("a::b"))
			publish(t, hall, "a::b", 1)
			publish(t, hall, "a::b", 2)
			events := 0
			for _, err := range sub.All(within(t)) {
				if err != nil {
					wantErr(t, err, xbus.ErrClosed)
					continue
				}
				if events++; events == 1 {
					client.Close()
				}
			}
			if events > 2 {
				t.Errorf("%d events", events)
			}
		},
		"in a loop over states": func(t *testing.T, _ *server.Hall, client *xbus.Client) {
			var last conn.State
			for s, err := range client.State().Observable().All(within(t)) {
				if err != nil {
					t.Error(err)
				}
				last = s
				client.Close()
			}
			if last.Phase != conn.Closed {
				t.Errorf("the last state is %v", last)
			}
		},
		"in a loop over the registry": func(t *testing.T, _ *server.Hall, client *xbus.Client) {
			for range client.RegistryChanges().All(within(t)) {
				client.Close()
			}
		},
		"in the hook of a loss": func(t *testing.T, hall *server.Hall, client *xbus.Client) {
			sub := subscribe(t, client.Topic("a::b", observable.WithLimit(1), observable.WithOnLoss(func(observable.Loss) { client.Close() })))
			publish(t, hall, "a::b", 1)
			publish(t, hall, "a::b", 2)
			<-client.Done()
			sub.Close()
		},
		"while calls are made": func(t *testing.T, _ *server.Hall, client *xbus.Client) {
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for {
						_, err := client.Call(within(t), "demo.echo", nil).Await(within(t))
						if err == nil {
							continue
						}
						if _, ok := rpc.VerdictOf(err); !ok || !errors.Is(err, rpc.ErrClosed) && !errors.Is(err, rpc.ErrConnectionLost) {
							t.Error(err)
						}
						if errors.Is(err, rpc.ErrClosed) {
							return
						}
					}
				})
			}
			time.Sleep(2 * time.Millisecond)
			client.Close()
			wg.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
				waits := client.Call(within(t), "demo.echo", nil)
				closing(t, hall, client)
				if err := client.Close(); err != nil {
					t.Error(err)
				}
				<-client.Done()
				if _, err := waits.Await(within(t)); err != nil {
					wantErr(t, err, rpc.ErrClosed)
				}
				if s := client.Stats(); s.Calls.InFlight != 0 || s.Calls.Started != s.Calls.Answered+s.Calls.Unanswered {
					t.Errorf("%+v", s)
				}
				_, err := client.Call(within(t), "demo.echo", nil).Await(within(t))
				wantErr(t, err, rpc.ErrClosed, xbus.ErrClosed)
				wantErr(t, client.Send(within(t), "demo.echo", nil), rpc.ErrClosed)
				wantErr(t, client.Ready(within(t)), xbus.ErrClosed)
				for _, err := range client.Topic("a::b").All(within(t)) {
					wantErr(t, err, xbus.ErrClosed)
				}
			})
		})
	}
}

// Streams still hand over what they had when the client is closed.
func TestEventsBeforeCloseCanBeRead(t *testing.T) {
	hall := open(t, server.Config{})
	client := connect(t, hall.URL())
	sub := subscribe(t, client.Topic("a::b"))
	for i := range 3 {
		publish(t, hall, "a::b", i)
	}
	flush(t, client)
	client.Close()
	n := 0
	for _, err := range sub.All(t.Context()) {
		if err == nil {
			n++
		} else {
			wantErr(t, err, xbus.ErrClosed)
		}
	}
	if n != 3 {
		t.Errorf("%d events", n)
	}
}

// Calls and loops keep no goroutine, a channel keeps one, and nothing is left
// after Close.
func TestGoroutines(t *testing.T) {
	count := func(want, baseline int) {
		t.Helper()
		for ctx := within(t); runtime.NumGoroutine()-baseline != want; time.Sleep(time.Millisecond) {
			if ctx.Err() != nil {
				t.Fatalf("%d goroutines, want %d", runtime.NumGoroutine()-baseline, want)
			}
		}
	}
	stable := func() int { // how many there are when none has ended for a while
		n := runtime.NumGoroutine()
		for same := 0; same < 50; same++ {
			time.Sleep(5 * time.Millisecond)
			if now := runtime.NumGoroutine(); now != n {
				n, same = now, 0
			}
		}
		return n
	}
	for name, backend := range map[string]halltest.Backend{"memory": halltest.Inproc("goroutines"), "TCP": halltest.TCP()} {
		t.Run(name, func(t *testing.T) {
			hall := halltest.New(t, backend, halltest.Script{})
			address := "mem://goroutines"
			perConnection := 1
			if hall.Addr.Host != "" {
				address = fmt.Sprintf("xcraft://%s:%d?events=%d", hall.Addr.Host, hall.Addr.Commander, hall.Addr.Notifier)
				perConnection = 2
			}
			before := stable()
			client := connect(t, address)
			hall.AwaitPeers(1)
			flush(t, client)
			connected := stable()
			if info, _ := client.Session(); 1+info.Info.Goroutines != perConnection {
				t.Errorf("%d per connection, want %d", 1+info.Info.Goroutines, perConnection)
			}
			var calls []*rpc.Pending
			for range 1000 {
				calls = append(calls, client.Call(t.Context(), "demo.never", nil))
			}
			count(0, connected)
			for _, p := range calls {
				p.Done()
			}
			count(0, connected)
			sub := subscribe(t, client.Topic("a::b"))
			hall.Event("a::b", "1")
			for range sub.All(within(t)) {
				count(0, connected)
				break
			}
			ctx, cancel := context.WithCancel(t.Context())
			var waits []func() error
			for range 10 {
				_, wait := client.Topic("a::b").Chan(ctx)
				waits = append(waits, wait)
			}
			count(10, connected)
			cancel()
			for _, wait := range waits {
				wantErr(t, wait(), context.Canceled)
			}
			count(0, connected)
			client.Close()
			hall.Cut(halltest.Notifier, halltest.Commander)
			count(0, before)
		})
	}
}

func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := halltest.New(t, halltest.Inproc("lag"), halltest.Script{})
		client := connect(t, "mem://lag", strict())
		var most time.Duration
		n := 0
		for lag, err := range client.Lag(100 * time.Millisecond).All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			most = max(most, lag)
			if n++; n == 30 {
				hall.Set(func(s *halltest.Script) { s.Beat = -1 })
			}
			if n == 30 && (most < 300*time.Millisecond || most > 500*time.Millisecond) {
				t.Errorf("of a hall that is well: %v", most)
			}
			if n == 60 {
				break
			}
		}
		if most < 2900*time.Millisecond {
			t.Errorf("of a hall that is silent: %v", most)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantErr(t, client.Lag(0).Run(ctx, func(time.Duration) bool { return true }), context.DeadlineExceeded)
		time.AfterFunc(time.Second, func() { client.Close() })
		if err := client.Lag(0).Run(t.Context(), func(time.Duration) bool { return true }); err != nil {
			t.Error(err)
		}
	})
}

// Malformed input ends the session with a counted reason, and the client comes
// back.
func TestMalformedInput(t *testing.T) {
	hall := halltest.New(t, halltest.TCP(), halltest.Script{})
	client := connect(t, fmt.Sprintf("xcraft://%s:%d?events=%d", hall.Addr.Host, hall.Addr.Commander, hall.Addr.Notifier))
	for i, bad := range [][]byte{[]byte("no gzip"), halltest.Member([]byte("no frame of AMP")), halltest.Member([]byte("\x20AXON"))} {
		hall.Raw(bad)
		awaitState(t, client, epoch(uint64(i)+2))
		flush(t, client)
	}
	if n := client.Stats().Conn.Failures[conn.ErrProtocol.Error()]; n != 3 {
		t.Errorf("%+v", client.Stats().Conn)
	}
}
