package xbus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

func TestCalls(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		ctx := within(t)
		handle(t, hall, "demo.fail", func(context.Context, any) (any, error) { return nil, server.Errorf("E_DEMO", "it failed") })
		handle(t, hall, "demo.steps", func(ctx context.Context, n int) (int, error) {
			for i := range n {
				if err := server.RequestOf(ctx).Progress(i); err != nil {
					return 0, err
				}
			}
			return n, nil
		})
		handle(t, hall, "demo.context", func(ctx context.Context, _ any) (json.RawMessage, error) {
			return server.RequestOf(ctx).MsgContext(), nil
		})

		type point struct{ X, Y int }
		if p, err := xbus.Call[point](ctx, client, "demo.echo", point{1, 2}).Await(ctx); err != nil || p != (point{1, 2}) {
			t.Errorf("%v %v", p, err)
		}
		_, err := client.Call(ctx, "demo.fail", nil).Await(ctx)
		var far *rpc.Error
		if !errors.As(err, &far) || far.Code != "E_DEMO" || far.Message != "it failed" {
			t.Errorf("%v", err)
		}
		_, err = client.Call(ctx, "demo.ecko", nil).Await(ctx)
		wantErr(t, err, rpc.ErrCommandNotAvailable)
		if !strings.Contains(err.Error(), `did you mean "demo.echo"?`) {
			t.Error(err)
		}
		_, err = client.Call(ctx, "demo.ecko", nil, rpc.CheckFirst()).Await(ctx)
		wantErr(t, err, rpc.ErrCommandNotAvailable)

		call := xbus.Call[int](ctx, client, "demo.steps", 5, rpc.Progress(), rpc.WithContext(map[string]int{"a": 1}))
		n := 0
		for ev, err := range call.Progress().All(ctx) {
			if err != nil || string(ev.Data) != fmt.Sprint(n) {
				t.Errorf("%v %v", ev.Data, err)
			}
			n++
		}
		if got, err := call.Await(ctx); got != 5 || n != 5 || err != nil {
			t.Errorf("%d steps of %d, %v", n, got, err)
		}
		if got, err := xbus.Call[struct{ A int }](ctx, client, "demo.context", nil, rpc.WithContext(map[string]int{"a": 1})).Await(ctx); got.A != 1 || err != nil {
			t.Errorf("%v %v", got, err)
		}

		first := client.Call(ctx, "demo.fail", nil)
		if _, err := first.Await(ctx); err == nil {
			t.Error("no error")
		}
		again := client.Retry(ctx, first)
		if _, err := again.Await(ctx); !errors.As(err, &far) || again.ID() != first.ID() {
			t.Errorf("%v", err)
		}
		if err := client.Send(ctx, "demo.echo", nil); err != nil {
			t.Error(err)
		}
	})
}

// A frame that the hall would refuse is an error of the call, and not the end
// of the connection.
func TestMessagesThatCannotBeSent(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		bad := rpc.Parts{Data: json.RawMessage(`{"chunk":null}`), Chunk: []byte("j:{")} // would be taken for JSON
		_, err := client.Call(within(t), "demo.echo", bad).Await(within(t))
		if v, ok := rpc.VerdictOf(err); !ok || v != rpc.NotSent || errors.Is(err, rpc.ErrConnectionLost) {
			t.Errorf("%v", err)
		}
		var format *wire.FormatError
		if !errors.As(err, &format) {
			t.Errorf("%v is no FormatError", err)
		}
		flush(t, client)
		if n := client.Stats().Conn.Sessions; n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestAbort(t *testing.T) {
	hall := open(t, server.Config{})
	handle(t, hall, "demo.wait", func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() }, server.Parallel())
	client := connect(t, hall.URL())
	own := errors.New("changed my mind")
	call := client.Call(within(t), "demo.wait", nil)
	if !client.Abort(call.ID(), own) || client.Abort(call.ID(), nil) {
		t.Error("Abort does not say whether there was one")
	}
	_, err := call.Await(within(t))
	wantErr(t, err, rpc.ErrAborted, own)
	for range 3 {
		client.Call(within(t), "demo.wait", nil)
	}
	if n := client.AbortAll(own); n != 3 || client.Stats().Calls.InFlight != 0 {
		t.Errorf("%d aborted", n)
	}
}

func TestWhenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			down rpc.WhenDown
			opts []rpc.Option
			want error
		}{
			{rpc.FailFast, nil, rpc.ErrNotConnected},
			{rpc.FailFast, []rpc.Option{rpc.Down(rpc.Queue)}, nil},
			{rpc.Queue, nil, nil},
			{rpc.Wait, []rpc.Option{rpc.Down(rpc.FailFast)}, rpc.ErrNotConnected},
			{rpc.Wait, nil, nil},
		} {
			hall := halltest.New(t, halltest.Inproc("down"), halltest.Script{})
			client := connect(t, "mem://down", strict(), xbus.WithWhenDown(c.down))
			hall.Down()
			synctest.Wait()
			began, result := time.Now(), make(chan error)
			go func() {
				_, err := client.Call(t.Context(), "demo.echo", nil, c.opts...).Await(t.Context())
				if took := time.Since(began); (took > 5*time.Second) != (c.want == nil) {
					t.Errorf("%+v: after %v", c, took)
				}
				result <- err
			}()
			time.Sleep(5 * time.Second)
			hall.Up()
			if err := <-result; !errors.Is(err, c.want) {
				t.Errorf("%+v: %v", c, err)
			}
			client.Close()
			hall.Close()
		}
	})
}

func TestWaitsEndWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := xbus.Open("mem://nobody", xbus.WithRetryFirst())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { client.Close() })
		_, err = client.Call(t.Context(), "demo.echo", nil).Await(t.Context())
		wantErr(t, err, rpc.ErrClosed, xbus.ErrClosed)
		wantErr(t, client.Send(t.Context(), "demo.echo", nil), rpc.ErrClosed)
		_, err = client.Motd(t.Context())
		wantErr(t, err, xbus.ErrClosed)
		wantErr(t, client.Publish(t.Context(), "a.b", nil), xbus.ErrClosed)
		wantErr(t, client.Publish(t.Context(), "a::b", nil), rpc.ErrClosed)
	})
}

// Each event is answered by a call: the reader waits for nobody.
func TestACallForEachEvent(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		sub := subscribe(t, client.Topic("thermo::changed"))
		for i := range 500 {
			publish(t, hall, "thermo::changed", i)
		}
		n := 0
		for ev, err := range sub.All(within(t)) {
			if err != nil || ev.Lost > 0 {
				t.Fatal(ev, err)
			}
			got, err := xbus.Call[int](within(t), client, "demo.echo", ev.Data).Await(within(t))
			if err != nil || got != n {
				t.Fatal(got, err)
			}
			if n++; n == 500 {
				break
			}
		}
	})
}

// One that sleeps loses its own events and delays nobody.
func TestASleepingSubscriber(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		asleep, release := make(chan struct{}), make(chan struct{})
		var lost uint64
		done := make(chan struct{})
		sleeper := subscribe(t, client.Topic("thermo::changed", observable.WithLimit(8)))
		go func() {
			defer close(done)
			n := 0
			for ev, err := range sleeper.All(t.Context()) {
				if err != nil {
					return
				}
				if n++; n == 1 {
					close(asleep)
					<-release
				}
				lost += ev.Lost
			}
		}()
		publish(t, hall, "thermo::changed", -1)
		<-asleep
		awake := subscribe(t, client.Topic("thermo::changed"))
		for i := range 1000 {
			publish(t, hall, "thermo::changed", i)
			if ev := next(t, awake); string(ev.Data) != fmt.Sprint(i) {
				t.Fatalf("%v", ev)
			}
			if i%100 == 0 {
				flush(t, client)
			}
		}
		flush(t, client)
		if d := sleeper.Stats().Dropped; d != 992 {
			t.Errorf("%d dropped", d)
		}
		close(release)
		publish(t, hall, "thermo::changed", 1000)
		flush(t, client)
		sleeper.Close()
		<-done
		s := client.Stats()
		if s.Matched != s.Delivered+s.Dropped+uint64(s.Buffered) {
			t.Errorf("%+v", s)
		}
	})
}

// The numbers of calls reach the law of the counters through a crowd.
func TestManyCallsFromManyGoroutines(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		const callers, each = 16, 50
		errs := make(chan error, callers)
		for i := range callers {
			go func() {
				var err error
				for j := range each {
					want := i*each + j
					got, e := xbus.Call[int](within(t), client, "demo.echo", want).Await(within(t))
					if e != nil || got != want {
						err = fmt.Errorf("%d instead of %d: %v", got, want, e)
					}
				}
				errs <- err
			}()
		}
		for range callers {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if s := client.Stats().Calls; s.Started != callers*each || s.Answered != s.Started || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// What a link says of a message that did not go out.
func TestNoRoomInTime(t *testing.T) {
	release := make(chan struct{})
	hall := halltest.New(t, halltest.TCP(), halltest.Script{Command: func(*halltest.Hall, *wire.Message) { <-release }})
	t.Cleanup(func() { close(release) })
	address := fmt.Sprintf("xcraft://%s:%d?events=%d", hall.Addr.Host, hall.Addr.Commander, hall.Addr.Notifier)
	client := connect(t, address, xbus.WithSockets(axon.Config{SendQueue: 1, WriteTimeout: time.Hour}))
	big := json.RawMessage(`"` + strings.Repeat("x", 4<<20) + `"`)
	for wait := 100 * time.Millisecond; ; {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		_, err := client.Call(ctx, "demo.echo", big).Await(ctx)
		v, _ := rpc.VerdictOf(err)
		if v == rpc.MaybeExecuted {
			continue // there was room for it
		}
		if !errors.Is(err, conn.ErrOverflow) && wait < time.Minute {
			wait *= 2 // a busy machine had not come as far as the link in that time
			continue
		}
		if v != rpc.NotSent || errors.Is(err, rpc.ErrConnectionLost) {
			t.Errorf("%v", err)
		}
		wantErr(t, err, rpc.ErrTimeout, conn.ErrOverflow)
		return
	}
}
