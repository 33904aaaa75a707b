package xbus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// seen is what a command arrived with.
type seen struct {
	Orc     string          `json:"orc"`
	Context json.RawMessage `json:"context"`
}

func respHall(t *testing.T, cfg server.Config) *server.Hall {
	hall := open(t, cfg)
	handle(t, hall, "demo.who", func(ctx context.Context, _ any) (seen, error) {
		r := server.RequestOf(ctx)
		return seen{r.OrcName, r.MsgContext()}, nil
	})
	return hall
}

func TestRespNames(t *testing.T) {
	hall := respHall(t, server.Config{})
	client := connect(t, hall.URL())
	other := "Zug@" + string(hall.Token())
	for orc, want := range map[string]string{
		"":            client.OrcName().Load(),
		xbus.OrcToken: "greathall@" + string(hall.Token()),
		other:         other,
	} {
		resp := client.Resp("warehouse", orc)
		if resp.OrcName() != want || resp.Module() != "warehouse" || resp.Client() != client || resp.MsgContext() != nil {
			t.Errorf("%q: %s", orc, resp.OrcName())
		}
		got, err := rpc.Typed[seen](resp.Call(within(t), "demo.who", nil)).Await(within(t))
		if err != nil || got.Orc != want || got.Context != nil && string(got.Context) != "null" {
			t.Errorf("%q: %+v %v", orc, got, err)
		}
		again := resp.Retry(within(t), resp.Call(within(t), "demo.nothing", nil))
		if _, err := again.Await(within(t)); err == nil {
			t.Error("no error")
		}
		if err := resp.Send(within(t), "demo.who", nil); err != nil {
			t.Error(err)
		}
	}
}

func TestRespContext(t *testing.T) {
	hall := respHall(t, server.Config{})
	client := connect(t, hall.URL())
	plain := client.Resp("m", "")
	resp, err := plain.WithContext(map[string]string{"_goblinUser": "u@s"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"_goblinUser":"u@s"}`
	if string(resp.MsgContext()) != want || plain.MsgContext() != nil {
		t.Errorf("%s, %s", resp.MsgContext(), plain.MsgContext())
	}
	if got, err := rpc.Typed[seen](resp.Call(within(t), "demo.who", nil)).Await(within(t)); err != nil || string(got.Context) != want {
		t.Errorf("%+v %v", got, err)
	}
	own := rpc.WithContext(map[string]int{"a": 1}) // the options of a call stand over it
	if got, err := rpc.Typed[seen](resp.Call(within(t), "demo.who", nil, own)).Await(within(t)); err != nil || string(got.Context) != `{"a":1}` {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := plain.WithContext(func() {}); err == nil || !strings.HasPrefix(err.Error(), "xbus: message context: ") {
		t.Errorf("%v", err)
	}
}

// Before the first session the name of the hall is not known; a call waits and
// goes under it all the same.
func TestRespBeforeTheSession(t *testing.T) {
	address := memory(t)
	client, err := xbus.Open(address, xbus.WithRetryFirst(), quick())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	own, hallResp := client.Resp("m", ""), client.Resp("m", xbus.OrcToken)
	if own.OrcName() != "" || hallResp.OrcName() != "" || own.HasCommand("motd") || !own.RegistryTime().IsZero() || own.IsConnected() || own.Registry().Len() != 0 {
		t.Error("it has something")
	}
	type result struct {
		who seen
		err error
	}
	results := make(chan result)
	go func() {
		who, err := rpc.Typed[seen](hallResp.Call(within(t), "demo.who", nil)).Await(within(t))
		results <- result{who, err}
	}()
	published := make(chan error)
	go func() { published <- own.Publish(within(t), "told", 1) }()
	awaitState(t, client, func(s conn.State) bool { return s.Attempt > 1 })
	hall := open(t, server.Config{Listen: []string{address}, Hold: true, Offer: []string{"broadcast"}})
	handle(t, hall, "demo.who", func(ctx context.Context, _ any) (seen, error) {
		return seen{Orc: server.RequestOf(ctx).OrcName}, nil
	})
	hall.Ready()
	if r := <-results; r.err != nil || r.who.Orc != "greathall@"+string(hall.Token()) {
		t.Errorf("%+v", r)
	}
	if err := <-published; err != nil {
		t.Error(err)
	}
	if !own.HasCommand("demo.who") || own.RegistryTime().IsZero() || !own.IsConnected() || !own.Registry().Has("motd") {
		t.Error("nothing is known of the hall")
	}
}

func TestRespTopics(t *testing.T) {
	hall := respHall(t, server.Config{Offer: []string{"broadcast"}})
	client := connect(t, hall.URL())
	for _, orc := range []string{"", xbus.OrcToken} {
		resp := client.Resp("m", orc)
		if _, err := resp.Call(within(t), "demo.echo", nil).Await(within(t)); err != nil { // the name is ours from now on
			t.Fatal(err)
		}
		told, all := subscribe(t, resp.Topic("told")), subscribe(t, resp.CatchAll())
		if err := resp.Publish(within(t), "told", 1); err != nil {
			t.Fatal(err)
		}
		if err := resp.Publish(within(t), "news::today", 2); err != nil {
			t.Fatal(err)
		}
		if ev := next(t, told); ev.Topic != resp.OrcName()+"::told" {
			t.Errorf("%v", ev)
		}
		for _, want := range []string{resp.OrcName() + "::told", "news::today"} {
			ev := next(t, all)
			for strings.HasSuffix(ev.Topic, ".finished") { // of the call, which ends before its event has been handed on
				ev = next(t, all)
			}
			if ev.Topic != want {
				t.Errorf("%v", ev)
			}
		}
		if n := resp.UnsubscribeAll("told"); n != 1 {
			t.Errorf("%d closed", n)
		}
		all.Close()
	}
}

func TestRespLog(t *testing.T) {
	var mu sync.Mutex
	var text bytes.Buffer
	logger := slog.New(slog.NewTextHandler(lockedWriter{&mu, &text}, nil))
	hall := respHall(t, server.Config{})
	client := connect(t, hall.URL(), xbus.WithLogger(logger))
	client.Resp("warehouse", "").Log().Info("released", "n", 1)
	client.Close()
	mu.Lock()
	defer mu.Unlock()
	if s := text.String(); !strings.Contains(s, "msg=released module=warehouse n=1") || !strings.Contains(s, "phase=connected") {
		t.Error(s)
	}
	if strings.Contains(text.String(), string(hall.Token())) {
		t.Error("the token is in the log")
	}
}

type lockedWriter struct {
	mu  *sync.Mutex
	dst *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dst.Write(p)
}

// The notices by kind, of this connection and of hordes.
func TestRespNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := halltest.New(t, halltest.Inproc("notices"), halltest.Script{})
		client := connect(t, "mem://notices")
		resp := client.Resp("m", "")
		ctx, cancel := context.WithCancel(t.Context())
		reconnections, wait1 := resp.Reconnections().Chan(ctx)
		tokens, wait2 := resp.TokenChanges().Chan(ctx)
		names, wait3 := resp.OrcNameChanges().Chan(ctx)
		registries, wait4 := resp.RegistryChanges().Chan(ctx)
		if d := <-registries; fmt.Sprint(d.Added) != "[demo.echo]" {
			t.Errorf("%+v", d)
		}
		synctest.Wait() // all have joined

		hall.Event("greathall::bus.reconnect", `{"status":"attempt"}`)
		hall.Event("greathall::bus.reconnect", `{"status":"done"}`)
		hall.Event("greathall::bus.token.changed", `{"busConfig":{"host":"x"}}`)
		hall.Event("greathall::bus.commands.registry", `{"registry":{"demo.echo":{"desc":"x"},"demo.new":{}},"token":"t"}`)
		for _, want := range []conn.NoticeKind{conn.ReconnectAttempt, conn.Reconnected} {
			if n := <-reconnections; n.Kind != want || !n.Relayed {
				t.Errorf("%+v", n)
			}
		}
		if n := <-tokens; n.Kind != conn.TokenChanged || !n.Relayed || string(n.BusConfig) != `{"host":"x"}` {
			t.Errorf("%+v", n)
		}
		if d := <-registries; fmt.Sprint(d) != "{[demo.new] [] [demo.echo]}" {
			t.Errorf("%+v", d)
		}
		hall.Set(func(s *halltest.Script) { s.Name = "Zug" })
		hall.Cut(halltest.Notifier)
		awaitState(t, client, epoch(2))
		if n := <-names; n.New != "Zug@"+halltest.Token || n.Old != "Grom@"+halltest.Token || n.Relayed {
			t.Errorf("%+v", n)
		}
		for _, want := range []conn.NoticeKind{conn.ReconnectAttempt, conn.Reconnected} {
			if n := <-reconnections; n.Kind != want || n.Relayed {
				t.Errorf("%+v", n)
			}
		}
		cancel()
		for _, wait := range []func() error{wait1, wait2, wait3, wait4} {
			wantErr(t, wait(), context.Canceled)
		}
	})
}
