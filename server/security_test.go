package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// eventually waits for what another goroutine of the hall is about to do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func refused(t *testing.T, hall *server.Hall, reason server.Reason) {
	t.Helper()
	eventually(t, "refused: "+string(reason), func() bool { return hall.Stats().Refused[reason] > 0 })
}

func cut(t *testing.T, hall *server.Hall, c *raw, reason server.Reason) {
	t.Helper()
	c.lost()
	eventually(t, "cut: "+string(reason), func() bool { return hall.Stats().Cut[reason] > 0 })
}

// What a hostile client tries is denied with the default settings, counted,
// and leaves the victim alone.
func TestS1HostileClients(t *testing.T) {
	for name, attack := range map[string]func(t *testing.T, hall *server.Hall, victim, evil *raw){
		"speak under the name of another": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			m := evil.message("demo.tick", "")
			m.OrcName = victim.orc
			evil.send(m)
			got := evil.await(victim.orc + "::demo.tick." + m.ID + ".error")
			if e := errorOf(t, got); e.Code != server.CodeNameTaken || strings.Contains(e.Message, string(victim.token)) {
				t.Errorf("answer %s", got.Data)
			}
			refused(t, hall, server.NameTaken)
		},
		"take the route of another": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			m := evil.message("demo.tick", "")
			m.SetARP(json.RawMessage(fmt.Sprintf(`{%q:{"token":%q,"port":%d}}`, victim.orc, victim.token, evil.link.Info().Port)))
			evil.send(m)
			evil.answer("demo.tick", m.ID)
			victim.call("demo.echo", "1")
			evil.quiet()
		},
		"delete the route of another": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			evil.send(&wire.Message{Topic: wire.TopicDeleteRoute, Bare: true, Rare: &wire.Rare{Extra: []byte(`"orcName":"` + victim.orc + `"`)}})
			refused(t, hall, server.ForeignRoute)
			victim.call("demo.echo", "1")
		},
		"use another token": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			m := evil.message("demo.tick", "")
			m.Token = "0123456789abcdef0123456789abcdef"
			evil.send(m)
			refused(t, hall, server.WrongToken)
			evil.call("demo.echo", "1")
		},
		"command before autoconnect": func(t *testing.T, hall *server.Hall, victim, _ *raw) {
			stranger := dialRaw(t, hall.URL())
			m := victim.message("demo.tick", "")
			m.OrcName = "Stranger@" + string(victim.token)
			m.SetARP(json.RawMessage(fmt.Sprintf(`{"x@y":{"port":%d}}`, stranger.link.Info().Port)))
			stranger.send(m)
			refused(t, hall, server.NotBound)
		},
		"shut the hall down": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			if e := errorOf(t, evil.call("shutdown", "")); e.Code != server.CodeNotAvailable {
				t.Errorf("answer %+v", e)
			}
		},
		"broadcast": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			if e := errorOf(t, evil.call("broadcast", `{"topic":"a::b","msg":{}}`)); e.Code != server.CodeNotAvailable {
				t.Errorf("answer %+v", e)
			}
		},
		"forge an error": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			if e := errorOf(t, evil.call("error", fmt.Sprintf(`{"orcName":%q,"id":"1"}`, victim.orc))); e.Code != server.CodeNotAvailable {
				t.Errorf("answer %+v", e)
			}
		},
		"listen to a line for another": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			data := fmt.Sprintf(`{"type":"add","lineId":"secret","orcName":%q,"token":"x"}`, victim.orc)
			if e := errorOf(t, evil.call("warehouse.request-line-update", data)); e.Code != server.CodeForbidden {
				t.Errorf("answer %+v", e)
			}
		},
		"an internal topic": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			evil.send(&wire.Message{Topic: ":shutdown", Bare: true})
			cut(t, hall, evil, server.InternalTopic)
		},
		"the topic of the transport": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			evil.send(&wire.Message{Topic: "xcraft::axon/reject", Bare: true})
			cut(t, hall, evil, server.InternalTopic)
		},
		"gameover": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			evil.send(&wire.Message{Topic: "gameover", ID: "1"})
			cut(t, hall, evil, server.InternalTopic)
		},
		"a throw-away token that is the victim": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			evil.ask(victim.orc, "")
			cut(t, hall, evil, server.BadPeer)
		},
		"autoconnect without data": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			evil.send(&wire.Message{Topic: wire.CommandAuto, Token: "invalid", OrcName: "greathall", ID: "1"})
			cut(t, hall, evil, server.BadPeer)
		},
		"a name that is none": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			for _, name := range []string{"a.b@c", "@x", "x@", strings.Repeat("x", 300) + "@y", "greathall", "a@b@c"} {
				m := evil.message("demo.tick", "")
				m.OrcName = name
				evil.send(m)
			}
			eventually(t, "six bad names", func() bool { return hall.Stats().Refused[server.BadName] == 6 })
		},
		"no id": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			m := evil.message("demo.tick", "")
			m.ID = ""
			evil.send(m)
			refused(t, hall, server.Malformed)
		},
		"a long command": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			evil.command(strings.Repeat("x", 300), "")
			refused(t, hall, server.Malformed)
		},
		"a long id": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			m := evil.message("demo.tick", "")
			m.ID = strings.Repeat("x", 300)
			evil.send(m)
			refused(t, hall, server.Malformed)
		},
		"autoconnect again and again": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			first := evil.orc
			for range 12 { // ten names are allowed
				evil.autoconnect("")
			}
			if evil.orc != first {
				t.Error("names without end")
			}
			evil.call("demo.echo", "1")
		},
		"steal a session": func(t *testing.T, hall *server.Hall, victim, evil *raw) {
			known := joinX(t, hall, "")
			thief := dialRaw(t, hall.URL())
			thief.autoconnect(`,"xbus":{"version":1,"session":"guess","seq":1}`)
			if thief.last.XBus.Known || thief.orc == known.orc {
				t.Errorf("got %+v", thief.last)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			hall := openT(t, server.Config{Limits: server.Limits{Names: 10}})
			demo(t, hall)
			victim, evil := joinRaw(t, hall.URL()), joinRaw(t, hall.URL())
			attack(t, hall, victim, evil)
			victim.quiet()
			if victim.orc == evil.orc {
				t.Error("one name for two")
			}
		})
	}
}

func joinX(t *testing.T, hall *server.Hall, more string) *raw {
	t.Helper()
	c := dialRaw(t, hall.URL())
	c.autoconnect(`,"xbus":{"version":1` + more + `}`)
	return c
}

// A stranger hears heartbeats, whatever is said in the hall.
func TestS1StrangersHearNothing(t *testing.T) {
	hall := openT(t, server.Config{Hold: true})
	stranger := dialRaw(t, hall.URL())
	stranger.ask(string(wire.NewToken()), "")
	for i := range 10 {
		hall.Publish(t.Context(), "a::b", i)
	}
	for range 4 { // of the door, at the entrance, and of the hall: the question has come by then
		if m, err := stranger.link.Receive(); err != nil || !m.IsHeartbeat() {
			t.Fatalf("received %v, %v", m, err)
		}
	}
	hall.Ready()
	if m := stranger.next(); !strings.HasSuffix(m.Topic, "::autoconnect.finished") {
		t.Errorf("received %v", m)
	}
	if m := stranger.next(); m.Topic != "greathall::loaded" {
		t.Errorf("received %v", m)
	}
}

func TestAuthenticateAndAuthorize(t *testing.T) {
	var asked server.Peer
	hall := openT(t, server.Config{
		Authenticate: func(_ context.Context, p server.Peer) error {
			if p.Nice == 3 && p.NodeName == "raw" && !p.InProcess && strings.HasPrefix(p.Remote, "127.0.0.1:") {
				return nil
			}
			return errors.New("who are you?")
		},
		Authorize: func(_ context.Context, p server.Peer, command string) error {
			asked = p
			if command == "demo.fail" || command == "motd" {
				return errors.New("not for you")
			}
			return nil
		},
	})
	demo(t, hall)
	client := joinRaw(t, hall.URL())
	if m := client.call("demo.echo", "1"); m.IsError {
		t.Errorf("answer %s", m.Data)
	}
	if asked.OrcName != client.orc {
		t.Errorf("Authorize was asked about %+v", asked)
	}
	for _, command := range []string{"demo.fail", "motd"} {
		if e := errorOf(t, client.call(command, "")); e.Code != server.CodeForbidden || e.Message != "not for you" {
			t.Errorf("%s: %+v", command, e)
		}
	}
	if n := hall.Stats().Refused[server.NotAuthorized]; n != 2 {
		t.Errorf("%d refused", n)
	}
	stranger := dialRaw(t, hall.URLs()[1]) // in process
	stranger.ask("t", "")
	if e := errorOf(t, stranger.await("t::autoconnect.error")); e.Code != server.CodeForbidden {
		t.Errorf("answer %+v", e)
	}
	cut(t, hall, stranger, server.Denied)
}

// A client that does not read is cut at its limit, learns why when it is back,
// and delays nobody.
func TestSlowConsumer(t *testing.T) {
	cfg := server.Config{Listen: []string{"xcraft://127.0.0.1:0"}}
	cfg.Sockets.SendQueue, cfg.Sockets.WriteTimeout = 1<<20, noTimeout // it is the queue that ends it
	hall := openT(t, cfg)
	slow, other := joinX(t, hall, ""), joinRaw(t, hall.URL())
	text := strings.Repeat("x", 100_000)
	for i := 0; hall.Stats().Cut[server.SlowConsumer] == 0; i++ {
		if i == 1000 {
			t.Fatal("it was not cut")
		}
		hall.Publish(t.Context(), "big::news", text)
		if m := other.next(); m.Topic != "big::news" {
			t.Fatalf("received %v", m)
		}
	}
	slow.lost()
	back := joinX(t, hall, fmt.Sprintf(`,"session":%q,"seq":0`, slow.last.XBus.Session))
	if x := back.last.XBus; !x.Known || x.Lost != string(server.SlowConsumer) || x.Seq == 0 {
		t.Errorf("back: %+v", x)
	}
}

func TestConnectionLimit(t *testing.T) {
	hall := openT(t, server.Config{Limits: server.Limits{Connections: 2}})
	joinRaw(t, hall.URL())
	b := joinRaw(t, hall.URL())
	extra := dialRaw(t, hall.URL())
	extra.ask("t", "")
	extra.lost()
	refused(t, hall, server.TooManySessions)
	b.link.Close()
	eventually(t, "room", func() bool { return hall.Stats().Connections == 1 })
	joinRaw(t, hall.URL())
}

// Commands beyond the limit are not lost: they are read when others have ended.
func TestInFlightLimit(t *testing.T) {
	hall := openT(t, server.Config{Limits: server.Limits{InFlight: 3}})
	release := make(chan struct{})
	server.Handle(hall, "a.wait", func(context.Context, any) (any, error) {
		<-release
		return nil, nil
	})
	c := joinRaw(t, hall.URL())
	for range 10 {
		c.nested("a.wait", "")
	}
	eventually(t, "three run", func() bool { return hall.Stats().Running == 3 })
	close(release)
	for range 10 {
		c.next()
	}
}

// A connection that never says who it is, in process too.
func TestUnboundIsCut(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, hall *server.Hall, _ func() *raw) {
		link, err := transportT(t, hall.URL()).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		began := time.Now()
		for {
			if _, err := link.Receive(); err != nil {
				if !errors.Is(err, conn.ErrLinkLost) || time.Since(began) != 5*time.Second {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
				break
			}
		}
		if hall.Stats().Cut[server.Unbound] != 1 {
			t.Errorf("stats: %+v", hall.Stats())
		}
	})
}
