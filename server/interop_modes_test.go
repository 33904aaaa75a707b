package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// heardBy returns the topics of the events that a JS client has reported under a
// label.
func heardBy(js *interop.Client, label string) (list []string) {
	for _, f := range js.Facts() {
		if f.Kind == "event" && f.Label == label {
			list = append(list, f.Topic)
		}
	}
	return list
}

// A real great hall has ours in its topology, in each mode: what its plain JS
// client reaches and hears, and that nothing goes the other way.
func TestInteropModesOfARealHall(t *testing.T) {
	interop.Require(t)
	for _, mode := range modes[:3] {
		t.Run(mode.name, func(t *testing.T) {
			ctx := patient(t)
			// A real hall ends when it loses a node of 127.0.0.1 that is not passive.
			hall, err := server.Listen(ctx, server.Config{Name: "gohall", Listen: []string{"xcraft://127.0.0.2:0"}})
			if err != nil {
				t.Skip(err) // no such address on this system
			}
			defer hall.Close()
			offerModes(t, hall)
			node, err := interop.NodeOf(hall.URL())
			if err != nil {
				t.Fatal(err)
			}
			node.Passive, node.NoForwarding = mode.passive, mode.noForwarding
			real := interop.StartServerT(t, interop.ServerOptions{App: "jsapp", Horde: map[string]interop.Node{"gohall": node}})
			eventually(t, "it has come", func() bool { return len(hall.Peers()) == 1 })
			js := interop.StartClientT(t, interop.ClientOptions{URL: real.URL()})
			below := connectT(t, hall.URL())
			heardBelow := topicsOf(t, below)
			if err := js.Subscribe(ctx, "far", "far::*"); err != nil {
				t.Fatal(err)
			}

			data := map[string]any{"a": 2, "b": 3}
			flagged := map[string]any{"a": 2, "b": 3, "_xcraftRPC": true}
			if mode.noForwarding {
				// The command comes here; the real hall does not give its answer to who
				// has asked.
				if err := js.Send("", "far.add", data); err != nil {
					t.Fatal(err)
				}
				eventually(t, "the command has run", func() bool { return hall.Stats().Finished == 1 })
			} else {
				// A passive node may have come a moment before the real hall knows it.
				eventually(t, "a command for the horde", func() bool {
					f, err := js.Call(ctx, "far.add", flagged)
					return err == nil && string(f.Data) == "5"
				})
				f, err := js.Call(ctx, "far.add", data)
				switch {
				case err != nil:
					t.Errorf("a command: %v", err)
				case mode.plainCalls && string(f.Data) != "5", !mode.plainCalls && f.Kind != "error":
					t.Errorf("a command: %s", f)
				}
			}

			for _, e := range emitted {
				if err := hall.Publish(ctx, e.topic, json.RawMessage(e.data)); err != nil {
					t.Fatal(err)
				}
			}

			// Nothing of the real hall comes here. The next command is behind it.
			for _, e := range emitted {
				f, err := js.Call(ctx, "demo.emit", map[string]any{"topic": "demo" + e.topic[3:], "payload": json.RawMessage(e.data)})
				if err != nil || f.Kind != "result" {
					t.Fatalf("%s, %v", f, err)
				}
			}
			before := hall.Stats().Finished
			if err := js.Send("", "far.add", flagged); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the command has run", func() bool { return hall.Stats().Finished > before })
			if _, err := below.Call(ctx, "demo.echo", nil, rpc.Horde()).Await(ctx); !errors.Is(err, rpc.ErrCommandNotAvailable) {
				t.Errorf("a command of the real hall: %v", err)
			}
			if got := heardBelow("demo"); len(got) != 0 {
				t.Errorf("of the real hall: %q", got)
			}
			if got := heardBelow("far"); len(got) != len(emitted) {
				t.Errorf("of the own hall: %q", got)
			}

			// The end of our hall is behind all that it has sent.
			hall.Close()
			if _, err := js.Wait(ctx, "reconnect attempt", ""); err != nil {
				t.Fatal(err)
			}
			if got := heardBy(js, "far"); !slices.Equal(got, mode.events) {
				t.Errorf("the JS client heard %q, want %q", got, mode.events)
			}
		})
	}
}

// Our hall has joined a real one, in each mode: what our Go and JS clients reach
// and hear, and that nothing goes the other way.
func TestInteropModesOfOurHall(t *testing.T) {
	interop.Require(t)
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			ctx := patient(t)
			real := interop.StartServerT(t, interop.ServerOptions{App: "jsapp"})
			hall := openT(t, server.Config{Name: "gohall", Listen: []string{"xcraft://127.0.0.1:0"}})
			server.Handle(hall, "near.add", func(context.Context, any) (int, error) { return 0, nil })
			joinHorde(t, hall, "jsapp", real.URL(), func(c *server.HordeConfig) { c.Passive, c.NoForwarding = mode.passive, mode.noForwarding })
			client := connectT(t, hall.URL())
			js := interop.StartClientT(t, interop.ClientOptions{URL: hall.URL()})
			above := interop.StartClientT(t, interop.ClientOptions{URL: real.URL()})
			heard := topicsOf(t, client)
			for _, c := range []*interop.Client{js, above} {
				if err := c.Subscribe(ctx, "all", "*::(said|flagged)"); err != nil {
					t.Fatal(err)
				}
			}

			data := map[string]any{"x": 3}
			flagged := map[string]any{"x": 3, "_xcraftRPC": true}
			_, err := xbus.Call[map[string]int](ctx, client, "demo.echo", data).Await(ctx)
			if plain := err == nil; plain != mode.plainCalls || !plain && !errors.Is(err, rpc.ErrCommandNotAvailable) {
				t.Errorf("a command: %v", err)
			}
			f, err := js.Call(ctx, "demo.echo", data)
			if err != nil || (f.Kind == "result") != mode.plainCalls {
				t.Errorf("a command of the JS client: %s, %v", f, err)
			}
			if got, err := xbus.Call[map[string]int](ctx, client, "demo.echo", data, rpc.Horde()).Await(ctx); err != nil || got["x"] != 3 {
				t.Errorf("a command for the horde: %v, %v", got, err)
			}

			for _, e := range emitted {
				payload := map[string]any{"topic": e.topic, "payload": json.RawMessage(e.data)}
				if _, err := client.Call(ctx, "demo.emit", payload, rpc.Horde()).Await(ctx); err != nil {
					t.Fatal(err)
				}
				if err := hall.Publish(ctx, "near"+e.topic[3:], json.RawMessage(e.data)); err != nil {
					t.Fatal(err)
				}
			}
			if f, err := js.Call(ctx, "demo.echo", flagged); err != nil || f.Kind != "result" {
				t.Errorf("a command of the JS client for the horde: %s, %v", f, err)
			}
			if f, err := above.Call(ctx, "demo.echo", data); err != nil || f.Kind != "result" {
				t.Errorf("a command of the real hall: %s, %v", f, err)
			}
			var want []string
			for _, topic := range mode.events {
				want = append(want, topic+" jsapp")
			}
			if _, err := client.Call(ctx, "demo.echo", data, rpc.Horde()).Await(ctx); err != nil {
				t.Fatal(err)
			}
			if got := heard("far"); !slices.Equal(got, want) {
				t.Errorf("the Go client heard %q, want %q", got, want)
			}
			own := func(topic string) bool { return topic[:4] == "near" }
			if got := slices.DeleteFunc(heardBy(js, "all"), own); !slices.Equal(got, mode.events) {
				t.Errorf("the JS client heard %q, want %q", got, mode.events)
			}
			if got := heardBy(above, "all"); slices.ContainsFunc(got, own) || len(got) != len(emitted) {
				t.Errorf("the client of the real hall heard %q", got)
			}
			if f, err := above.Call(ctx, "near.add", flagged); err != nil || f.Kind != "error" {
				t.Errorf("a command of ours is asked for there: %s, %v", f, err)
			}
		})
	}
}
