package xbus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// silent accepts on two ports and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	var ports [2]string
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
	}
	return fmt.Sprintf("xcraft://127.0.0.1:%s?events=%s", ports[0], ports[1])
}

// vacant returns an address where nobody listens.
func vacant(t *testing.T) string {
	t.Helper()
	hall := open(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	hall.Close()
	return hall.URL()
}

func TestConnectErrors(t *testing.T) {
	for _, c := range []struct {
		name    string
		address func(t *testing.T) string
		opts    []xbus.Option
		within  time.Duration
		reason  error
		wants   []error
		text    string
	}{
		{"refused", vacant, nil, time.Minute, conn.ErrRefused, nil, "127.0.0.1:"},
		{"no such hall in this process", func(*testing.T) string { return "mem://nobody" }, nil, time.Minute, conn.ErrRefused, nil, "mem://nobody"},
		{"a hall that says nothing", silent, nil, 2 * time.Second, conn.ErrNoHeartbeat, []error{context.DeadlineExceeded}, "the hall has not answered"},
		{"refused, until the patience ends", vacant, []xbus.Option{xbus.WithRetryFirst()}, 2 * time.Second,
			conn.ErrRefused, []error{context.DeadlineExceeded}, "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := c.address(t)
			ctx, cancel := context.WithTimeout(t.Context(), c.within) // long enough for an attempt on a busy machine
			defer cancel()
			client, err := xbus.Connect(ctx, address, append(c.opts, quick())...)
			if err == nil {
				client.Close()
				t.Fatal("connected")
			}
			wantErr(t, err, append(c.wants, c.reason)...)
			if conn.ReasonOf(err) != c.reason {
				t.Errorf("reason %v, want %v", conn.ReasonOf(err), c.reason)
			}
			var e *conn.Error
			if !errors.As(err, &e) || e.Addr == "" || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestConnectCancelled(t *testing.T) {
	own := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	address := silent(t)
	time.AfterFunc(20*time.Millisecond, func() { cancel(own) })
	_, err := xbus.Connect(ctx, address)
	wantErr(t, err, own)
	if errors.Is(err, conn.ErrTimeout) {
		t.Errorf("%v: nothing timed out", err)
	}
	already, cancel2 := context.WithCancel(t.Context())
	cancel2()
	if _, err := xbus.Connect(already, "mem://nobody"); err == nil {
		t.Error("connected")
	}
}

// Exactly when a hall that holds its answers is given up.
func TestConnectWithinItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := halltest.New(t, halltest.Inproc("held"), halltest.Script{Hold: true})
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		began := time.Now()
		_, err := xbus.Connect(ctx, "mem://held")
		if took := time.Since(began); took != 90*time.Second {
			t.Errorf("after %v", took)
		}
		wantErr(t, err, conn.ErrNoHeartbeat, context.DeadlineExceeded)

		time.AfterFunc(30*time.Second, hall.Accept)
		began = time.Now()
		client, err := xbus.Connect(t.Context(), "mem://held")
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if took := time.Since(began); took < 30*time.Second || took > 35*time.Second {
			t.Errorf("accepted after %v", took)
		}
	})
}

func TestConnectRejected(t *testing.T) {
	halltest.New(t, halltest.Inproc("rejects"), halltest.Script{Reject: true})
	_, err := xbus.Connect(within(t), "mem://rejects", xbus.WithRetryFirst(), quick())
	wantErr(t, err, conn.ErrCertificateRejected)
}

func TestOpenAndStates(t *testing.T) {
	address := memory(t)
	client, err := xbus.Open(address, xbus.WithRetryFirst(), quick())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	awaitState(t, client, func(s conn.State) bool { return s.Attempt > 2 && errors.Is(s.Err, conn.ErrRefused) })
	if client.LastError() == nil || client.Registry().Load() != nil || client.OrcName().Load() != "" || client.Token().Load() != "" {
		t.Error("it has a session")
	}
	if _, ok := client.Session(); ok || client.Registry().Load().Has("motd") {
		t.Error("it has a session")
	}
	_, err = client.Call(within(t), "demo.echo", nil, rpc.Down(rpc.FailFast)).Await(within(t))
	wantErr(t, err, rpc.ErrNotConnected, conn.ErrNotConnected, conn.ErrRefused)
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q", err)
	}

	hall := open(t, server.Config{Listen: []string{address}})
	if err := client.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	if client.LastError() != nil || client.Token().Load() != hall.Token() || !strings.HasSuffix(client.OrcName().Load(), "@"+string(hall.Token())) {
		t.Errorf("%v %v", client.State().Load(), client.LastError())
	}
	if s, ok := client.Session(); !ok || s.Epoch != 1 || !s.Info.Server {
		t.Errorf("%+v %v", s, ok)
	}
	r, err := client.Registry().Wait(within(t), func(r *rpc.Registry) bool { return r.Has("demo.echo") })
	if err != nil || r.Time.IsZero() {
		t.Errorf("%v, %v", r.Names(), err)
	}

	client.Close()
	<-client.Done()
	if s := client.State().Load(); s.Phase != conn.Closed || s.Err != nil || s.String() != "closed" {
		t.Errorf("%v", s)
	}
	wantErr(t, client.Ready(within(t)), xbus.ErrClosed)
}

func TestOpenGivesUpAtTheFirstFailure(t *testing.T) {
	client, err := xbus.Open("mem://nobody")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	<-client.Done()
	wantErr(t, client.Ready(within(t)), conn.ErrRefused)
	wantErr(t, client.LastError(), conn.ErrRefused)
	_, err = client.Call(within(t), "demo.echo", nil).Await(within(t))
	wantErr(t, err, rpc.ErrClosed, conn.ErrRefused)
	for _, err := range client.Topic("a::b").All(within(t)) {
		wantErr(t, err, conn.ErrRefused)
	}
}

func TestTransportOfOnesOwn(t *testing.T) {
	hall := open(t, server.Config{})
	transport, err := inproc.New(strings.TrimPrefix(hall.URL(), "mem://"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := xbus.Connect(within(t), "", xbus.WithTransport(transport))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	flush(t, client)
}

func TestTokenThatIsKnown(t *testing.T) {
	hall := open(t, server.Config{})
	client := connect(t, hall.URL(), xbus.WithToken(string(hall.Token())))
	if want := "greathall@" + string(hall.Token()); client.OrcName().Load() != want || client.Registry().Load() != nil {
		t.Errorf("%s", client.OrcName().Load())
	}
	flush(t, client)
}

func TestGameOver(t *testing.T) {
	for name, c := range map[string]struct {
		opts []xbus.Option
		end  bool
	}{
		"stops for good": {nil, true},
		"comes back":     {[]xbus.Option{xbus.WithGameOver(conn.ComeBack)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			address := memory(t)
			hall := open(t, server.Config{Listen: []string{address}, GameOver: true})
			client := connect(t, address, c.opts...)
			sub := subscribe(t, client.Topic("*::*"))
			hall.Close()
			if !c.end {
				awaitState(t, client, func(s conn.State) bool { return s.Phase == conn.Reconnecting })
				open(t, server.Config{Listen: []string{address}})
				awaitState(t, client, epoch(2))
				return
			}
			<-client.Done()
			wantErr(t, client.LastError(), conn.ErrGameOver)
			_, err := client.Call(within(t), "demo.echo", nil).Await(within(t))
			wantErr(t, err, rpc.ErrClosed, conn.ErrGameOver)
			for ev, err := range sub.All(within(t)) { // what came before, then the reason
				if err == nil && ev.Topic != "greathall::shutdown" {
					t.Errorf("%v", ev)
				} else if err != nil {
					wantErr(t, err, conn.ErrGameOver)
				}
			}
			if late := subscribe(t, client.Topic("a::b")); !errors.Is(late.Err(), conn.ErrGameOver) {
				t.Errorf("a subscription after the end: %v", late.Err())
			}
		})
	}
}

// What the hall learns of a client.
func TestWhatIsAnnounced(t *testing.T) {
	hall := open(t, server.Config{})
	announced := func(address string, opts ...xbus.Option) (int, bool, string) {
		client := connect(t, address, opts...)
		defer client.Close()
		for _, p := range hall.Peers() {
			if p.OrcName == client.OrcName().Load() {
				return p.Nice, p.NoForwarding, p.NodeName
			}
		}
		t.Fatal("the hall does not know it")
		return 0, false, ""
	}
	if nice, no, node := announced(hall.URL()); nice != 0 || no || node != "xbus" {
		t.Errorf("%d %v %s", nice, no, node)
	}
	if nice, no, node := announced(hall.URL()+"?nice=7&noForwarding=true", xbus.WithNodeName("mine")); nice != 7 || !no || node != "mine" {
		t.Errorf("%d %v %s", nice, no, node)
	}
	if nice, _, _ := announced(hall.URL(), xbus.WithNice(-3)); nice != -3 {
		t.Errorf("%d", nice)
	}
}

func TestCallTimeoutOfTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		halltest.New(t, halltest.Inproc("slow"), halltest.Script{})
		client := connect(t, "mem://slow", xbus.WithCallTimeout(3*time.Second), xbus.WithMaxInFlight(1), xbus.WithMaxQueued(1))
		began := time.Now()
		call := client.Call(t.Context(), "demo.never", nil)
		_, err := client.Call(t.Context(), "demo.never", nil).Await(t.Context())
		wantErr(t, err, rpc.ErrTooMany)
		_, err = call.Await(t.Context())
		wantErr(t, err, rpc.ErrTimeout)
		if took := time.Since(began); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("after %v", took)
		}
	})
}

func TestDefaultClient(t *testing.T) {
	if xbus.Default() != nil {
		t.Fatal("there is one")
	}
	client := connect(t, open(t, server.Config{}).URL())
	xbus.SetDefault(client)
	defer xbus.SetDefault(nil)
	if xbus.Default() != client {
		t.Error("another one")
	}
}
