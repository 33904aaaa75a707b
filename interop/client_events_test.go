package interop_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
)

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
	ev, err := sub.Next(patience(t))
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestClientEvents(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	ctx := patience(t)

	t.Run("patterns", func(t *testing.T) {
		for pattern, topics := range map[string][]string{
			"demo::ticked":             {"demo::ticked"},
			"demo::*":                  {"demo::ticked", "demo::other.thing"},
			"*::(ticked|other.*)":      {"demo::ticked"},
			"*::other.thing":           {"demo::other.thing"},
			"*::ev.Foo@bar":            {"x::ev.Foo@bar"},
			"demo::(other.thing|nope)": {"demo::other.thing"},
		} {
			sub := subscribe(t, client.Topic(pattern))
			for _, topic := range []string{"demo::ticked", "demo::other.thing", "x::ev.Foo@bar"} {
				call[json.RawMessage](t, client, "demo.emit", object{"topic": topic, "payload": topic})
			}
			call[json.RawMessage](t, client, "demo.emit", object{"topic": "demo::last", "payload": 1})
			for _, want := range topics {
				if got := next(t, sub); got.Topic != want {
					t.Errorf("%s: %s instead of %s", pattern, got.Topic, want)
				}
			}
			sub.Close()
		}
	})
	t.Run("a channel, a loop, several handlers", func(t *testing.T) {
		events, wait := client.Topic("demo::ticked").Chan(ctx)
		second := subscribe(t, client.Topic("demo::ticked"))
		call[int](t, client, "demo.tick", object{"n": 2})
		if ev := <-events; string(ev.Data) != `{"i":0}` {
			t.Errorf("%v", ev)
		}
		if ev := next(t, second); string(ev.Data) != `{"i":0}` {
			t.Errorf("%v", ev)
		}
		if n := client.UnsubscribeAll("demo::ticked"); n != 2 {
			t.Errorf("%d closed", n)
		}
		for range events { // what was in the channel already
		}
		if err := wait(); !errors.Is(err, observable.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a call for each event", func(t *testing.T) {
		sub := subscribe(t, client.Topic("demo::ticked"))
		if err := client.Send(ctx, "demo.tick", object{"n": 20}); err != nil {
			t.Fatal(err)
		}
		n := 0
		for ev, err := range sub.All(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if got := call[struct{ I int }](t, client, "demo.echo", ev.Data); got.I != n {
				t.Fatalf("%d instead of %d", got.I, n)
			}
			if n++; n == 20 {
				break
			}
		}
	})
	t.Run("relative topics", func(t *testing.T) {
		sub := subscribe(t, client.Topic("demo.progressed"))
		call[int](t, client, "demo.tick", object{"n": 1})
		if ev := next(t, sub); ev.Topic != client.OrcName().Load()+"::demo.progressed" {
			t.Errorf("%v", ev)
		}
	})
	t.Run("everything", func(t *testing.T) {
		sub := subscribe(t, client.Topic("*::*"))
		call[json.RawMessage](t, client, "demo.echo", object{"x": 1}, rpc.WithID("12345678-1234-4234-8234-123456789012"))
		for {
			if ev := next(t, sub); strings.HasSuffix(ev.Topic, "demo.echo.12345678-1234-4234-8234-123456789012.finished") {
				if ev.Raw() == nil || ev.Member("data") == nil {
					t.Error("the raw message is missing")
				}
				return
			}
		}
	})
	t.Run("publish", func(t *testing.T) {
		other := connect(t, server.URL())
		theirs, ours := subscribe(t, other.Topic("news::*")), subscribe(t, client.Topic("news::*"))
		if err := client.Publish(ctx, "news::today", object{"v": 1}); err != nil {
			t.Fatal(err)
		}
		for _, sub := range []*observable.Subscription[xbus.Event]{theirs, ours} {
			if ev := next(t, sub); ev.Topic != "news::today" || string(ev.Data) != `{"v":1}` || !ev.Broadcasted {
				t.Errorf("%v", ev)
			}
		}
		if err := client.Publish(ctx, "news::", nil); err == nil || !strings.Contains(err.Error(), "namespace") {
			t.Errorf("%v", err)
		}
	})
	t.Run("functions stay text", func(t *testing.T) {
		sub := subscribe(t, client.Topic("demo::function"))
		call[json.RawMessage](t, client, "demo.emitFunction", nil)
		if ev := next(t, sub); !ev.Serialized || !strings.Contains(string(ev.Data), "21") {
			t.Errorf("%v", ev)
		}
	})
	t.Run("specials", func(t *testing.T) {
		motd, err := client.Motd(ctx)
		if err != nil || motd.OrcName != client.OrcName().Load() || motd.Motd.Race == "" {
			t.Errorf("%+v %v", motd, err)
		}
		if err := client.Disconnect(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("the registry at run time, and notices of a horde", func(t *testing.T) {
		notices := observable.NewSubscription[conn.Notice]()
		go func() {
			for n, err := range client.Notices().All(ctx) {
				if err != nil {
					break
				}
				notices.Offer(ctx, n)
			}
			notices.Finish(nil)
		}()
		changed := client.Registry().Load()
		call[json.RawMessage](t, client, "demo.register", object{"name": "late.command", "rankingPredictions": []int{1}, "params": object{"required": "x"}})
		registry, err := client.Registry().Wait(ctx, func(r *rpc.Registry) bool { return r.Has("late.command") })
		if err != nil {
			t.Fatal(err)
		}
		if diff := registry.Compare(changed); len(diff.Added) != 1 || diff.Added[0] != "late.command" || len(diff.Removed) != 0 {
			t.Errorf("%+v", diff)
		}
		if c, _ := registry.Lookup("late.command"); string(c.Ranking) != "[1]" || c.Params.Required[0] != "x" {
			t.Errorf("%+v", c)
		}
		call[json.RawMessage](t, client, "late.command", nil)
		call[json.RawMessage](t, client, "demo.notify", object{"what": "token", "args": []any{object{"host": "h"}}})
		call[json.RawMessage](t, client, "demo.notify", object{"what": "reconnect", "args": []any{"attempt"}})
		for _, kind := range []conn.NoticeKind{conn.TokenChanged, conn.ReconnectAttempt} {
			for {
				n, err := notices.Next(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if n.Kind == conn.RegistryChanged {
					continue
				}
				if n.Kind != kind || !n.Relayed {
					t.Errorf("%+v instead of %v", n, kind)
				}
				break
			}
		}
	})
}

// A hall of its own: after a nested command the reference sends to everybody
// what is meant for one orc (protocol §5.5).
func TestClientLines(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	other := connect(t, server.URL())
	call[json.RawMessage](t, other, "demo.echo", nil) // until then the reference sends it lines of others
	deaf := subscribe(t, other.Topic("demo::news.*"))
	updated := subscribe(t, client.Topic("*::warehouse.lines-updated"))
	line := subscribe(t, client.Topic("demo::news.<sport>"))
	next(t, updated)
	call[json.RawMessage](t, client, "demo.emit", object{"topic": "demo::news.<sport>", "payload": 1})
	call[json.RawMessage](t, client, "demo.emit", object{"topic": "demo::news.end", "payload": 2})
	if ev := next(t, line); ev.Topic != "demo::news.<sport>" {
		t.Errorf("%v", ev)
	}
	if ev := next(t, deaf); ev.Topic != "demo::news.end" {
		t.Errorf("a client without the line got %v", ev)
	}
	line.Close()
	next(t, updated) // the line is given back
}

func TestClientAndReferenceHearEachOther(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	goClient := connect(t, server.URL())
	jsClient := interop.StartClientT(t, interop.ClientOptions{URL: server.URL()})
	ctx := patience(t)
	if err := jsClient.Subscribe(ctx, "news", "news::*"); err != nil {
		t.Fatal(err)
	}
	ours := subscribe(t, goClient.Topic("demo::ticked"))
	if err := goClient.Publish(ctx, "news::go", object{"from": "go"}); err != nil {
		t.Fatal(err)
	}
	fact, err := jsClient.Wait(ctx, "event", "news")
	if err != nil || fact.Topic != "news::go" {
		t.Errorf("%v %v", fact, err)
	}
	if _, err := jsClient.Call(ctx, "demo.tick", object{"n": 1}); err != nil {
		t.Fatal(err)
	}
	if ev := next(t, ours); ev.Topic != "demo::ticked" {
		t.Errorf("%v", ev)
	}
}
