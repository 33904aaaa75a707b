package server_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

func joinHorde(t *testing.T, hall *server.Hall, name, url string, change func(*server.HordeConfig)) *server.Horde {
	t.Helper()
	cfg := server.HordeConfig{Name: name, Transport: transportT(t, url),
		Backoff: func() conn.Backoff {
			return conn.NewBackoff(conn.BackoffConfig{Initial: 10 * time.Millisecond, Max: 50 * time.Millisecond})
		}}
	if change != nil {
		change(&cfg)
	}
	hd, err := hall.Join(within(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return hd
}

func TestHorde(t *testing.T) {
	far := openT(t, server.Config{Name: "far", Listen: []string{"xcraft://127.0.0.1:0"}})
	near := openT(t, server.Config{Name: "near", Listen: []string{"xcraft://127.0.0.1:0"}})
	thermo(t, far)
	demo(t, far)
	server.Handle(near, "demo.echo", func(context.Context, any) (string, error) { return "near", nil })
	joinHorde(t, near, "far", far.URL(), nil)
	ctx := within(t)
	client := connectT(t, near.URL())
	if !client.Registry().Load().Has("thermo.read") {
		t.Fatal("the commands of the horde are not in the registry")
	}

	got, err := xbus.Call[reading](ctx, client, "thermo.read", query{Room: "far away"}).Await(ctx)
	if err != nil || got.Room != "far away" {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = client.Call(ctx, "thermo.read", query{Room: "cellar"}).Await(ctx)
	if e, ok := errors.AsType[*rpc.Error](err); !ok || e.Code != "ROOM_UNKNOWN" || string(e.Info) != `{"rooms":3}` {
		t.Errorf("the far error is %v", err)
	}
	// One's own command wins, unless the horde is asked for.
	if got, err := xbus.Call[string](ctx, client, "demo.echo", "x").Await(ctx); err != nil || got != "near" {
		t.Errorf("own: %q, %v", got, err)
	}
	type flagged struct {
		RPC bool `json:"_xcraftRPC,omitempty"`
		X   int
	}
	if got, err := xbus.Call[flagged](ctx, client, "demo.echo", flagged{true, 7}).Await(ctx); err != nil || got != (flagged{false, 7}) {
		t.Errorf("far: %v, %v", got, err)
	}
	lonely := connectT(t, far.URL())
	if _, err := lonely.Call(ctx, "demo.echo", flagged{true, 7}).Await(ctx); !errors.Is(err, rpc.ErrCommandNotAvailable) {
		t.Errorf("a hall without a horde: %v", err)
	}

	// Events of the far hall are heard here, not the other way round.
	here, _ := client.Topic("*::*").Subscribe()
	there, _ := lonely.Topic("*::*").Subscribe()
	defer here.Close()
	defer there.Close()
	near.Publish(ctx, "near::said", 1)
	far.Publish(ctx, "far::said", 1)
	for sub, want := range map[interface {
		Next(context.Context) (xbus.Event, error)
	}][]string{here: {"near::said ", "far::said far"}, there: {"far::said "}} {
		for range want {
			ev, err := sub.Next(ctx)
			if err == nil && strings.Contains(ev.Topic, "demo.echo") { // its own call of before
				ev, err = sub.Next(ctx)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := ev.Topic + " " + ev.Horde(); !strings.Contains(strings.Join(want, ","), got) {
				t.Errorf("heard %q, want %q", got, want)
			}
		}
	}
	// Progress of a far command comes back to the one who asked.
	progress, _ := client.Topic("demo.progressed").Subscribe()
	defer progress.Close()
	if _, err := client.Call(ctx, "demo.tick", map[string]int{"n": 2}).Await(ctx); err != nil {
		t.Error(err)
	}
	if _, err := progress.Next(ctx); err != nil {
		t.Error(err)
	}
	if s := far.Stats(); s.Refused[server.NameTaken] != 0 {
		t.Errorf("stats: %+v", s)
	}
	// The route of an orc that leaves is given free there.
	orc := client.OrcName().Load()
	if err := client.Disconnect(ctx); err != nil {
		t.Error(err)
	}
	client.Close()
	eventually(t, "the route is deleted", func() bool {
		probe := joinRaw(t, far.URL())
		defer probe.link.Close()
		probe.orc = orc
		return !probe.call("demo.echo", "1").IsError
	})
}

func TestHordeIsLostAndComesBack(t *testing.T) {
	ctx := within(t)
	far, err := server.Listen(ctx, server.Config{Name: "far", Listen: []string{"xcraft://127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	near := openT(t, server.Config{Name: "near", Listen: []string{"xcraft://127.0.0.1:0"}})
	started, told := make(chan struct{}), make(chan struct{})
	server.Handle(far, "far.wait", func(ctx context.Context, _ any) (any, error) {
		close(started)
		<-told // too late for its answer
		return nil, ctx.Err()
	})
	hd := joinHorde(t, near, "far", far.URL(), nil)
	client := connectT(t, near.URL())
	call := client.Call(ctx, "far.wait", nil)
	<-started
	address := far.URL()
	far.Cut(far.Peers()[0].OrcName)
	if _, err := call.Await(ctx); func() bool { e, ok := errors.AsType[*rpc.Error](err); return !ok || e.Code != server.CodeHordeLost }() {
		t.Errorf("the command on its way: %v", err)
	}
	close(told)
	far.Close()
	far = openT(t, server.Config{Name: "far", Listen: []string{address}})
	demo(t, far)
	eventually(t, "the horde is back", func() bool {
		got, err := xbus.Call[int](ctx, client, "demo.echo", 5).Await(ctx)
		return err == nil && got == 5
	})
	if _, err := client.Registry().Wait(ctx, func(r *rpc.Registry) bool { return !r.Has("far.wait") }); err != nil {
		t.Errorf("commands that are gone are in the registry: %v", err)
	}
	hd.Leave()
	if _, err := client.Registry().Wait(ctx, func(r *rpc.Registry) bool { return !r.Has("demo.echo") }); err != nil {
		t.Error(err)
	}
}

// Two halls that have joined one another send nothing round in circles.
func TestHordesOfOneAnother(t *testing.T) {
	a := openT(t, server.Config{Name: "a", Listen: []string{"mem://a-hall"}})
	b := openT(t, server.Config{Name: "b", Listen: []string{"mem://b-hall"}})
	joinHorde(t, a, "b", b.URL(), nil)
	joinHorde(t, b, "a", a.URL(), func(c *server.HordeConfig) { c.Passive = true })
	ctx := within(t)
	client := connectT(t, a.URL())
	events, _ := client.Topic("x::*").Subscribe()
	defer events.Close()
	for range 3 {
		a.Publish(ctx, "x::from-a", 1)
		b.Publish(ctx, "x::from-b", 1)
	}
	b.Publish(ctx, "x::last", 1)
	counts := map[string]int{}
	for counts["x::last"] == 0 {
		ev, err := events.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		counts[ev.Topic]++
	}
	if counts["x::from-a"] != 3 || counts["x::from-b"] != 3 {
		t.Errorf("heard %v", counts)
	}
	if _, err := client.Call(ctx, "no.where", map[string]bool{"_xcraftRPC": true}).Await(ctx); !errors.Is(err, rpc.ErrCommandNotAvailable) {
		t.Errorf("got %v", err)
	}
}

func TestJoinErrors(t *testing.T) {
	hall := openT(t, server.Config{})
	if _, err := hall.Join(t.Context(), server.HordeConfig{}); err == nil {
		t.Error("no error without a name")
	}
	_, err := hall.Join(within(t), server.HordeConfig{Name: "none", Transport: transportT(t, "xcraft://127.0.0.1:1?events=2")})
	if !errors.Is(err, conn.ErrRefused) {
		t.Errorf("nobody there: %v", err)
	}
	far := openT(t, server.Config{Listen: []string{"mem://far-hall"}})
	joinHorde(t, hall, "far", far.URL(), nil)
	if _, err := hall.Join(t.Context(), server.HordeConfig{Name: "far", Transport: transportT(t, far.URL())}); err == nil {
		t.Error("joined twice")
	}
}
