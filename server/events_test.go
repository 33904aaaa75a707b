package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// Who gets what: the rows of protocol §6.5, and only the concerned.
func TestEventsGoToTheConcerned(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, url string) {
		if strings.HasPrefix(url, "xcraft+unix") {
			t.Skip("the raw client knows no unix sockets")
		}
		a, b := joinRaw(t, url), joinRaw(t, url)
		a.call("warehouse.request-line-update", fmt.Sprintf(`{"type":"add","lineId":"news","orcName":%q,"token":%q,"generation":0}`, a.orc, a.token))
		ctx := within(t)
		for _, c := range []struct {
			topic string
			a, b  bool
		}{
			{"thermo::changed", true, true},
			{a.orc + "::whatever", true, false},
			{b.orc + "::whatever", false, true},
			{a.orc + "::job.1.finished", true, false},
			{b.orc + "::job.1.error", false, true},
			{"job::it.finished", true, true},
			{"greathall@" + string(a.token) + "::stream.chunked." + b.orc + "$12.orcished", false, true},
			{"thermo::<news>.today", true, false},
			{"thermo::<nobody>.today", false, false},
			{"Nobody@" + string(a.token) + "::x", false, false},
		} {
			if err := hall.Publish(ctx, c.topic, 1); err != nil {
				t.Fatal(err)
			}
			for name, client := range map[*raw]bool{a: c.a, b: c.b} {
				if client {
					if m := name.next(); m.Topic != c.topic || m.Token != name.token || m.ID == "" || m.Bare {
						t.Errorf("got %v, want %s", m, wire.Redact(c.topic))
					}
				}
			}
		}
		a.quiet()
		b.quiet()
		if n := hall.Stats().Unrouted; n != 2 {
			t.Errorf("%d without a receiver, want 2", n)
		}
	})
}

func TestPublishErrors(t *testing.T) {
	hall := openT(t, server.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"no namespace":  hall.Publish(t.Context(), "changed", 1),
		"empty":         hall.Publish(t.Context(), "", 1),
		"no JSON":       hall.Publish(t.Context(), "a::b", func() {}),
		"a bad chunk":   hall.Publish(t.Context(), "a::b", map[string]any{"chunk": []byte("s:x")}),
		"context ended": hall.Publish(ctx, "a::b", 1),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "server: publish") {
			t.Errorf("%s: %v", name, err)
		}
	}
	hall.Close()
	if err := hall.Publish(t.Context(), "a::b", 1); !errors.Is(err, server.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestLines(t *testing.T) {
	hall := openT(t, server.Config{})
	a := joinRaw(t, hall.URL())
	update := func(kind string) (lines payload.Value) {
		t.Helper()
		id := a.command("warehouse.request-line-update", fmt.Sprintf(`{"type":%q,"lineId":"news","orcName":%q,"token":%q,"generation":7}`, kind, a.orc, string(a.token)))
		m := a.await(a.orc + "::warehouse.lines-updated")
		a.answer("warehouse.request-line-update", id)
		v, err := payload.Unpack(payload.Parts{Data: m.Data, Immu: m.Immu(), Shred: m.Shred()}, payload.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := v.Get("generation").Int(); n != 7 {
			t.Errorf("generation: %v", v)
		}
		return v.Get("lines")
	}
	key := a.orc + "$" + string(a.token)
	m1 := update("add")
	if n, ok := m1.State().Path("news", key).Int(); !ok || n != 1 {
		t.Errorf("the table after the first time: %d in %v", n, m1)
	}
	if lines := update("add"); lines.Kind() != payload.KindNull {
		t.Errorf("the table after the second time: %v", lines)
	}
	if lines := update("delete"); lines.Kind() != payload.KindNull {
		t.Errorf("one left: %v", lines)
	}
	if lines := update("delete"); lines.State().Len() != 0 || lines.Kind() == payload.KindNull {
		t.Errorf("none left: %v", lines)
	}
	update("delete") // more than there were
	hall.Publish(t.Context(), "a::<news>.b", 1)
	a.quiet()
	if e := errorOf(t, a.call("warehouse.request-line-update", `{"type":"what"}`)); e.Code != server.CodeArguments {
		t.Errorf("got %+v", e)
	}
	// The Go client asks for the line by itself.
	client := connectT(t, hall.URL())
	news, err := client.Topic("a::<news>.*").Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	defer news.Close()
	before := hall.Stats().Unrouted
	eventually(t, "the line is connected", func() bool {
		hall.Publish(t.Context(), "a::<news>.b", 1)
		return hall.Stats().Unrouted == before || func() bool { before = hall.Stats().Unrouted; return false }()
	})
	if _, err := news.Next(within(t)); err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	hall := openT(t, server.Config{})
	demo(t, hall)
	a := joinRaw(t, hall.URL())
	first := a.orc
	a.autoconnect("") // again: another name, and the first one stays its own
	if a.orc == first {
		t.Error("the same name twice")
	}
	second := a.orc
	for _, name := range []string{first, second, "Grom@0123456789abcdef0123456789abcdef", "greathall@" + string(a.token)} {
		a.orc = name
		if m := a.call("demo.echo", "1"); m.IsError || m.OrcName != name {
			t.Errorf("%s: %s", wire.Redact(name), m.Data)
		}
	}
	// An orc of a horde leaves: its name is free again.
	b := joinRaw(t, hall.URL())
	b.orc = "Grom@0123456789abcdef0123456789abcdef"
	if e := errorOf(t, b.call("demo.echo", "1")); e.Code != server.CodeNameTaken {
		t.Errorf("got %+v", e)
	}
	a.send(&wire.Message{Topic: wire.TopicDeleteRoute, Bare: true, Rare: &wire.Rare{Extra: []byte(`"orcName":"Grom@0123456789abcdef0123456789abcdef"`)}})
	a.orc = first
	a.call("demo.echo", "1") // behind the former
	if m := b.call("demo.echo", "1"); m.IsError {
		t.Errorf("after it was given free: %s", m.Data)
	}
	// A name without a token is nobody's; the answer goes back the same way.
	b.orc = "resp"
	if m := b.call("demo.echo", "1"); m.IsError {
		t.Errorf("a plain name: %s", m.Data)
	}
	// After a loss the old name can be brought back (protocol §4.4).
	a.link.Close()
	eventually(t, "it has left", func() bool { return hall.Stats().Connections == 1 })
	a = joinRaw(t, hall.URL())
	a.orc = first
	if m := a.call("demo.echo", "1"); m.IsError {
		t.Errorf("the old name: %s", m.Data)
	}
}

// A client that was given the token needs no autoconnect.
func TestServerMode(t *testing.T) {
	hall := openT(t, server.Config{})
	demo(t, hall)
	a := dialRaw(t, hall.URL())
	a.token, a.orc = hall.Token(), "greathall@"+string(hall.Token())
	m := a.message("demo.echo", "5")
	m.SetARP(json.RawMessage(fmt.Sprintf(`{%q:{"port":%d}}`, a.orc, a.link.Info().Port)))
	a.send(m)
	if got := a.answer("demo.echo", m.ID); string(got.Data) != "5" {
		t.Errorf("got %s", got.Data)
	}
}

func TestNumberedEventsAndSessions(t *testing.T) {
	hall := openT(t, server.Config{Replay: []string{"kept::*"}, ReplayLimit: 3})
	demo(t, hall)
	ctx := within(t)
	a, plain := joinX(t, hall, ""), joinRaw(t, hall.URL())
	if x := a.last.XBus; x == nil || x.Version != 1 || x.Known || x.Session == "" || plain.last.XBus != nil {
		t.Fatalf("the answers say %+v and %+v", x, plain.last.XBus)
	}
	hall.Publish(ctx, "a::1", nil)
	hall.Publish(ctx, plain.orc+"::2", nil) // for somebody else: not counted
	hall.Publish(ctx, "kept::3", nil)
	for i, want := range []string{"a::1", "kept::3"} {
		if m := a.next(); m.Topic != want || m.Seq != uint64(i+1) {
			t.Errorf("got %s, number %d", m.Topic, m.Seq)
		}
	}
	if m := plain.next(); m.Seq != 0 {
		t.Error("events of plain clients are numbered")
	}

	// Away: what is for it is counted, and kept where it was asked for.
	a.link.Close()
	eventually(t, "it is away", func() bool { return hall.Stats().Connections == 1 })
	if s := hall.Stats(); s.Sessions != 1 {
		t.Errorf("%d sessions", s.Sessions)
	}
	for i := range 5 {
		hall.Publish(ctx, fmt.Sprintf("kept::away%d", i), i)
		hall.Publish(ctx, "lost::away", i)
	}
	hall.Publish(ctx, a.orc+"::private", 1)
	thief := joinRaw(t, hall.URL())
	thief.orc = a.orc
	if e := errorOf(t, thief.call("demo.echo", "1")); e.Code != server.CodeNameTaken {
		t.Errorf("the name of a client that is away: %+v", e)
	}

	// Back: the same name, the exact number, and the last ones once more.
	back := joinX(t, hall, fmt.Sprintf(`,"session":%q,"seq":2`, a.last.XBus.Session))
	x := back.last.XBus
	if !x.Known || x.Seq != 2+11 || x.Replayed != 3 || back.orc != a.orc {
		t.Errorf("back: %+v as %s", x, wire.Redact(back.orc))
	}
	for i := 2; i < 5; i++ {
		if m := back.next(); m.Topic != fmt.Sprintf("kept::away%d", i) || m.Seq != uint64(2+2*i+1) {
			t.Errorf("replayed %s, number %d", m.Topic, m.Seq)
		}
	}
	if m := back.call("demo.echo", "1"); m.Seq != 14 {
		t.Errorf("the numbers go on with %d", m.Seq)
	}

	// By another connection, before the hall has noticed the loss.
	again := joinX(t, hall, fmt.Sprintf(`,"session":%q,"seq":14`, x.Session))
	if !again.last.XBus.Known || again.last.XBus.Seq != 14 || again.orc != a.orc {
		t.Errorf("again: %+v", again.last.XBus)
	}
	cut(t, hall, back, server.Replaced)
	again.call("demo.echo", "1")
}

func TestSessionsExpire(t *testing.T) {
	bubble(t, server.Config{SessionTTL: 10 * time.Second, Limits: server.Limits{Sessions: 2}}, func(t *testing.T, hall *server.Hall, join func() *raw) {
		enter := func(more string) *raw {
			link, err := transportT(t, hall.URL()).Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c := &raw{t: t, link: link}
			c.autoconnect(`,"xbus":{"version":1` + more + `}`)
			return c
		}
		a := enter("")
		a.link.Close()
		time.Sleep(9 * time.Second)
		a = enter(fmt.Sprintf(`,"session":%q`, a.last.XBus.Session))
		if !a.last.XBus.Known {
			t.Error("forgotten too early")
		}
		a.link.Close()
		time.Sleep(11 * time.Second)
		if s := hall.Stats(); s.Sessions != 0 {
			t.Errorf("%d sessions", s.Sessions)
		}
		for range 5 {
			enter("").link.Close()
			synctest.Wait()
		}
		if s := hall.Stats(); s.Sessions > 3 {
			t.Errorf("%d sessions are kept", s.Sessions)
		}
		time.Sleep(11 * time.Second)
	})
}

func TestHeartbeat(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, hall *server.Hall, join func() *raw) {
		began := time.Now()
		link, err := transportT(t, hall.URL()).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		for i := range 6 {
			m, err := link.Receive()
			if err != nil || !m.IsHeartbeat() {
				t.Fatalf("received %v, %v", m, err)
			}
			if at := time.Since(began); at != time.Duration(i)*500*time.Millisecond {
				t.Errorf("heartbeat %d after %v", i, at)
			}
		}
	})
}
