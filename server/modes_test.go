package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// A mode is a way to be connected to another hall, and what it lets pass
// (protocol §8).
type mode struct {
	name                  string
	passive, noForwarding bool
	plainCalls            bool     // commands without _xcraftRPC
	events                []string // of those that emitted publishes
}

var modes = []mode{
	{name: "plain", plainCalls: true, events: []string{"far::said", "far::flagged"}},
	{name: "passive", passive: true, events: []string{"far::flagged"}},
	{name: "no forwarding", noForwarding: true, plainCalls: true},
	{name: "passive, no forwarding", passive: true, noForwarding: true},
}

// emitted are events that a hall publishes, with their data.
var emitted = []struct{ topic, data string }{
	{"far::said", `{"n":1}`}, {"far::flagged", `{"n":2,"_xcraftRPC":true}`},
}

// offerModes gives a hall the commands that the tests of modes call.
func offerModes(t *testing.T, hall *server.Hall) {
	t.Helper()
	offer := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	offer(server.Handle(hall, "far.add", func(_ context.Context, in struct{ A, B int }) (int, error) { return in.A + in.B, nil }))
	offer(server.Handle(hall, "far.get", func(context.Context, any) (io.Reader, error) {
		return strings.NewReader(strings.Repeat("x", 300_000)), nil
	}))
}

// Our hall is connected to another one of ours, in each mode: what passes and
// what does not, both ways.
func TestHordeModes(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			ctx := within(t)
			far := openT(t, server.Config{Name: "far", Listen: []string{"xcraft://127.0.0.1:0"}, Offer: []string{"broadcast"}})
			near := openT(t, server.Config{Name: "near", Listen: []string{"xcraft://127.0.0.1:0"}})
			offerModes(t, far)
			server.Handle(near, "near.add", func(context.Context, any) (int, error) { return 0, nil })
			joinHorde(t, near, "far", far.URL(), func(c *server.HordeConfig) { c.Passive, c.NoForwarding = mode.passive, mode.noForwarding })
			here, there := connectT(t, near.URL()), connectT(t, far.URL())
			heardHere, heardThere := topicsOf(t, here), topicsOf(t, there)

			// Commands there and answers back.
			data := map[string]any{"a": 2, "b": 3}
			got, err := xbus.Call[int](ctx, here, "far.add", data).Await(ctx)
			if plain := err == nil && got == 5; plain != mode.plainCalls || !plain && !errors.Is(err, rpc.ErrCommandNotAvailable) {
				t.Errorf("a command: %d, %v", got, err)
			}
			if got, err := xbus.Call[int](ctx, here, "far.add", data, rpc.Horde()).Await(ctx); err != nil || got != 5 {
				t.Errorf("a command for the horde: %d, %v", got, err)
			}
			if _, err := here.Call(ctx, "far.add", map[string]string{"a": "x"}, rpc.Horde()).Await(ctx); err == nil || errors.Is(err, rpc.ErrCommandNotAvailable) {
				t.Errorf("a command that fails: %v", err)
			}
			down, err := here.Download(ctx, "far.get", map[string]bool{"_xcraftRPC": true})
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, down); n != 300_000 || err != nil {
				t.Errorf("a stream: %d bytes, %v", n, err)
			}
			down.Close()

			// Events back, of the hall and of its client, and none there.
			for _, e := range emitted {
				if err := errors.Join(far.Publish(ctx, e.topic, json.RawMessage(e.data)), there.Publish(ctx, e.topic, json.RawMessage(e.data))); err != nil {
					t.Fatal(err)
				}
				near.Publish(ctx, strings.Replace(e.topic, "far", "near", 1), json.RawMessage(e.data))
			}
			if _, err := there.Call(ctx, "far.add", data).Await(ctx); err != nil { // behind the events
				t.Fatal(err)
			}
			if _, err := here.Call(ctx, "far.add", data, rpc.Horde()).Await(ctx); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, topic := range mode.events {
				want = append(want, topic+" far", topic+" far")
			}
			heard := heardHere("far")
			slices.Sort(heard)
			slices.Sort(want)
			if !slices.Equal(heard, want) {
				t.Errorf("from there: %q, want %q", heard, want)
			}
			if got := heardThere("near"); len(got) != 0 {
				t.Errorf("there is heard %q", got)
			}
			if _, err := there.Call(ctx, "near.add", nil, rpc.Horde()).Await(ctx); !errors.Is(err, rpc.ErrCommandNotAvailable) {
				t.Errorf("a command of here is asked for there: %v", err)
			}
			if got := heardHere("near"); len(got) != len(emitted) {
				t.Errorf("of the own hall: %q", got)
			}
		})
	}
}

// topicsOf follows all events of a client and returns those that are there, with
// a namespace, as topic and horde.
func topicsOf(t *testing.T, client *xbus.Client) func(namespace string) []string {
	t.Helper()
	sub, err := client.Topic("*::*").Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	var all []string
	return func(namespace string) (list []string) {
		t.Helper()
		for sub.Stats().Buffered > 0 {
			ev, err := sub.Next(within(t))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, strings.TrimSuffix(ev.Topic+" "+ev.Horde(), " "))
		}
		for _, text := range all {
			if strings.HasPrefix(text, namespace+"::") {
				list = append(list, text)
			}
		}
		return list
	}
}
