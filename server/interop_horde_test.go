package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// A real great hall has ours in its topology: its plain JS client calls a Go
// command and hears a Go event (protocol §8).
func TestInteropMemberOfAHorde(t *testing.T) {
	interop.Require(t)
	for name, passive := range map[string]bool{"plain": false, "passive": true} {
		t.Run(name, func(t *testing.T) {
			ctx := patient(t)
			hall := openT(t, server.Config{Name: "gohall"})
			server.Handle(hall, "go.add", func(_ context.Context, in struct{ A, B int }) (int, error) { return in.A + in.B, nil })
			node, err := interop.NodeOf(hall.URL())
			if err != nil {
				t.Fatal(err)
			}
			node.Passive = passive
			js := interop.StartServerT(t, interop.ServerOptions{Horde: map[string]interop.Node{"gohall": node}})
			client := interop.StartClientT(t, interop.ClientOptions{URL: js.URL()})
			data := map[string]any{"a": 2, "b": 3}
			if passive {
				data["_xcraftRPC"] = true
			}
			answer, err := client.Call(ctx, "go.add", data)
			if err != nil || string(answer.Data) != "5" {
				t.Errorf("the answer is %s, %v", answer, err)
			}
			if err := client.Subscribe(ctx, "go", "go::*"); err != nil {
				t.Fatal(err)
			}
			if err := hall.Publish(ctx, "go::changed", map[string]int{"n": 1}); err != nil {
				t.Fatal(err)
			}
			if !passive {
				f, err := client.Wait(ctx, "event", "go")
				if err != nil || !strings.Contains(string(f.Msg), `"_xcraftHorde":"gohall"`) {
					t.Errorf("heard %s, %v", f, err)
				}
			}
		})
	}
}

// The process of the Go hall is killed and another one starts at the same place:
// the horde of the real great hall recovers, and its plain JS client calls the Go
// command and hears the Go event again, without doing anything.
func TestInteropHordeRecovers(t *testing.T) {
	interop.Require(t)
	for name, host := range map[string]string{
		"plain":   "127.0.0.2", // else the real hall would end, as with each local node that is not passive
		"passive": "127.0.0.1",
	} {
		t.Run(name, func(t *testing.T) {
			ctx := patient(t)
			passive := name == "passive"
			hall := startKillable(t, host)
			node, err := interop.NodeOf(hall.url)
			if err != nil {
				t.Fatal(err)
			}
			node.Passive = passive
			js := interop.StartServerT(t, interop.ServerOptions{Horde: map[string]interop.Node{"gohall": node}})
			client := interop.StartClientT(t, interop.ClientOptions{URL: js.URL()})
			if err := client.Subscribe(ctx, "go", "go::*"); err != nil {
				t.Fatal(err)
			}
			meet := func() {
				t.Helper()
				data := map[string]any{"a": 2, "b": 3}
				if passive {
					data["_xcraftRPC"] = true
				}
				if answer, err := client.Call(ctx, "go.add", data); err != nil || string(answer.Data) != "5" {
					t.Fatalf("the answer is %s, %v", answer, err)
				}
				if passive {
					return // only answers come back
				}
				hall.say("go::said")
				f, err := client.Wait(ctx, "event", "go")
				if want := fmt.Sprintf(`"data":%d`, hall.process.Process.Pid); err != nil || !strings.Contains(string(f.Msg), want) {
					t.Fatalf("heard %s, %v; want %s", f, err, want)
				}
			}
			meet()
			hall.kill()
			if _, err := client.Wait(ctx, "reconnect attempt", ""); err != nil {
				t.Fatal(err)
			}
			hall.start()
			if _, err := client.Wait(ctx, "reconnect", ""); err != nil {
				t.Fatal(err)
			}
			meet()
		})
	}
}

// Our hall joins a real one and offers its commands and events.
func TestInteropJoin(t *testing.T) {
	interop.Require(t)
	ctx := patient(t)
	js := interop.StartServerT(t, interop.ServerOptions{App: "jsapp"})
	hall := openT(t, server.Config{Name: "gohall"})
	joinHorde(t, hall, "jsapp", js.URL(), nil)
	client := connectT(t, hall.URL())
	if got, err := xbus.Call[map[string]int](ctx, client, "demo.echo", map[string]int{"x": 3}).Await(ctx); err != nil || got["x"] != 3 {
		t.Errorf("got %v, %v", got, err)
	}
	_, err := client.Call(ctx, "demo.fail", nil).Await(ctx)
	if e, ok := errors.AsType[*rpc.Error](err); !ok || e.Code != "DEMO_FAIL" || e.Name != "DemoError" {
		t.Errorf("the far error is %v", err)
	}
	ticks, err := client.Topic("demo::ticked").Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	defer ticks.Close()
	if _, err := client.Call(ctx, "demo.tick", map[string]int{"n": 1}).Await(ctx); err != nil {
		t.Error(err)
	}
	if ev, err := ticks.Next(ctx); err != nil || ev.Horde() != "jsapp" {
		t.Errorf("heard %v, %v", ev.Message, err)
	}
	plain := interop.StartClientT(t, interop.ClientOptions{URL: hall.URL()})
	if answer, err := plain.Call(ctx, "demo.echo", map[string]int{"y": 4}); err != nil || string(answer.Data) != `{"y":4}` {
		t.Errorf("the JS client of the Go hall: %s, %v", answer, err)
	}
}

// A great hall that joins without forwarding still gets its answers: what it does
// with them is its own affair (protocol §8).
func TestInteropHordeWithoutForwarding(t *testing.T) {
	interop.Require(t)
	ctx := patient(t)
	hall := openT(t, server.Config{Name: "gohall"})
	server.Handle(hall, "go.add", func(_ context.Context, in struct{ A, B int }) (int, error) { return in.A + in.B, nil })
	node, err := interop.NodeOf(hall.URL())
	if err != nil {
		t.Fatal(err)
	}
	node.Passive, node.NoForwarding = false, true
	js := interop.StartServerT(t, interop.ServerOptions{Horde: map[string]interop.Node{"gohall": node}})
	client := interop.StartClientT(t, interop.ClientOptions{URL: js.URL()})
	if err := client.Send("", "go.add", map[string]int{"a": 1, "b": 2}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the command has run", func() bool { return hall.Stats().Finished == 1 })
	if p := hall.Peers(); len(p) != 1 || !p[0].NoForwarding || p[0].NodeName != "xbus" {
		t.Errorf("peers: %+v", p)
	}
	if s := hall.Stats(); len(s.Refused) != 0 || s.Unrouted != 0 {
		t.Errorf("stats: %+v", s)
	}
	if answer, err := client.Call(ctx, "demo.echo", 1); err != nil || answer.Kind != "result" {
		t.Errorf("the JS hall: %s, %v", answer, err)
	}
}
