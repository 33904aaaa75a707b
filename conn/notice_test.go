package conn_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
)

const horde = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// What happens to a horde of the hall is passed on and changes nothing here.
func TestRelayedNotices(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		before := r.session(1)
		h.Event("greathall::bus.token.changed", `{"busConfig":{"host":"h"}}`)
		h.Event("greathall::bus.orcname.changed", `{"oldOrcName":"a","newOrcName":"b","token":"`+halltest.Token+`","busConfig":1}`)
		h.Event("greathall::bus.reconnect", `{"status":"attempt"}`)
		h.Event("greathall::bus.reconnect", `{"status":"done"}`)
		want := []string{"commands.registry", "token.changed (relayed)", "orcname.changed a b (relayed)", "reconnect attempt (relayed)", "reconnect (relayed)"}
		if got := r.noticed(5); !slices.Equal(got, want) {
			t.Errorf("noticed %v", got)
		}
		if s := r.State().Load(); s.Identity != before.Identity || s.Epoch != 1 || !s.Usable() {
			t.Errorf("the state is %+v", s)
		}
		synctest.Wait()
		if len(r.messages) != 0 {
			t.Errorf("%d of them were handed on as events", len(r.messages))
		}
	})
}

func TestBusConfigOfARelayedNotice(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		r.noticed(1)
		h.Event("greathall::bus.token.changed", `{"busConfig":{"host":"h"}}`)
		n, err := r.notices.Next(t.Context())
		if err != nil || string(n.BusConfig) != `{"host":"h"}` || !n.Relayed || n.Kind != conn.TokenChanged {
			t.Errorf("the notice is %+v, %v", n, err)
		}
	})
}

// orcname.changed with another token is an ordinary event (protocol §4.6), for
// which the token of its message counts.
func TestOrcNameOfAnotherHall(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		h.Event("greathall::bus.orcname.changed", `{"oldOrcName":"a","newOrcName":"b","token":"`+horde+`"}`)
		if m := r.event("greathall::bus.orcname.changed"); !strings.Contains(string(m.Data), horde) {
			t.Errorf("the event is %v", m)
		}
		foreign := h.Message("greathall::bus.orcname.changed", `{"token":"`+horde+`"}`)
		foreign.Token = horde
		h.Send(foreign)
		synctest.Wait()
		if got := r.Stats(); got.WrongToken != 1 || got.Received != 1 {
			t.Errorf("the counters are %+v", got)
		}
		if got := r.noticed(1); !slices.Equal(got, []string{"commands.registry"}) {
			t.Errorf("noticed %v", got)
		}
	})
}

func TestRegistryUpdates(t *testing.T) {
	bubble(t, halltest.Script{Registry: `{"a.b":{"name":"a.b"}}`}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		first := r.Registry().Load()
		if string(first.JSON) != `{"a.b":{"name":"a.b"}}` || first.Token != halltest.Token || first.Time.IsZero() {
			t.Errorf("the first registry is %+v", first)
		}
		// That of a horde, and with the token of the horde in the message too
		// (protocol §4.5, §10 #32).
		m := h.Message("greathall::bus.commands.registry", `{"registry":{"c.d":{"name":"c.d"}},"token":"`+horde+`"}`)
		m.Token = horde
		h.Send(m)
		r.noticed(2)
		second := r.Registry().Load()
		if string(second.JSON) != `{"c.d":{"name":"c.d"}}` || second.Token != horde || !second.Time.After(first.Time) {
			t.Errorf("the second registry is %+v", second)
		}
		if got := strings.Join(r.calls, " "); got != "registry attach registry" {
			t.Errorf("the hooks were called: %s", got)
		}
	})
}

// A Value skips what was soon replaced; two registries of one moment are two all
// the same.
func TestRegistriesOfOneMoment(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		for i := range 3 {
			h.Event("greathall::bus.commands.registry", fmt.Sprintf(`{"registry":{"c%d":{}},"token":"t"}`, i))
			r.noticed(1)
		}
		synctest.Wait()
		if got := string(r.Registry().Load().JSON); got != `{"c2":{}}` {
			t.Errorf("the registry is %s", got)
		}
	})
}

// Notices are believed before the session too (protocol §4.6).
func TestNoticesBeforeTheSession(t *testing.T) {
	bubble(t, halltest.Script{Hold: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		h.Await(1, "command autoconnect")
		h.Event("greathall::bus.commands.registry", `{"registry":{},"token":"t"}`)
		h.Event("greathall::bus.orcname.changed", `{"token":"`+halltest.Token+`"}`)
		h.Event("a::b", "1")
		if got := r.noticed(1); !slices.Equal(got, []string{"commands.registry"}) {
			t.Errorf("noticed %v", got)
		}
		synctest.Wait()
		if got := r.Stats(); got.Early != 2 || got.Received != 0 {
			t.Errorf("the counters are %+v", got)
		}
	})
}

// What is not believed ends the session, and the reconnection heals it
// (protocol §2.11).
func TestMalformedNotices(t *testing.T) {
	for _, test := range []struct{ topic, data string }{
		{"greathall::bus.commands.registry", ``},
		{"greathall::bus.commands.registry", `null`},
		{"greathall::bus.commands.registry", `{}`},
		{"greathall::bus.commands.registry", `{"registry":null}`},
		{"greathall::bus.commands.registry", `{"registry":[1]}`},
		{"greathall::bus.commands.registry", `{"registry":{},"token":1}`},
		{"greathall::bus.token.changed", ``},
		{"greathall::bus.token.changed", `"x"`},
		{"greathall::bus.orcname.changed", `[]`},
		{"greathall::bus.orcname.changed", `{"token":{}}`},
		{"greathall::bus.reconnect", `1`},
		{"greathall::bus.reconnect", `{"status":1}`},
	} {
		t.Run(test.topic+" "+test.data, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := halltest.New(t, halltest.Inproc("malformed"), halltest.Script{})
				r := start(t, transport(t, h))
				r.session(1)
				h.Event(test.topic, test.data)
				r.session(2)
				if err := r.losses(1)[0]; !errors.Is(err, conn.ErrProtocol) || !strings.Contains(err.Error(), test.topic) {
					t.Errorf("the session was lost for %v", err)
				}
				if got := r.Stats().Failures; len(got) != 1 || got[conn.ErrProtocol.Error()] != 1 {
					t.Errorf("counted: %v", got)
				}
			})
		})
	}
}

func TestWhatIsDroppedIsCounted(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		m := h.Message("a::b", "1")
		m.Token = horde
		h.Send(m)
		h.Event("xcraft::axon/x", "1")
		h.Event(":delete-route", `{"orcName":"a"}`)
		h.Event("greathall::bus.reconnect", `{"status":"other"}`)
		h.Event("greathall::shutdown", "")
		h.Event("a::b", "2")
		if got := r.event("a::b"); string(got.Data) != "2" {
			t.Errorf("the event is %v", got)
		}
		got := r.Stats()
		if got.WrongToken != 1 || got.Unknown != 3 || got.Early != 0 || got.Received != 2 || got.Sessions != 1 || got.Sent != 0 {
			t.Errorf("the counters are %+v", got)
		}
		if s := r.State().Load(); s.Epoch != 1 {
			t.Errorf("the state is %v", s)
		}
	})
}

// Watchers that never look hold nobody up.
func TestSubscribersThatNeverRead(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		lazy := r.Notices().Subscribe()
		defer lazy.Close()
		states, _ := r.State().Observable().Chan(t.Context())
		defer func() {
			for range states {
			}
		}()
		defer r.stop()
		r.session(1)
		const many = 3000 // more than a subscription holds
		for i := range many {
			h.Event("greathall::bus.reconnect", `{"status":"done"}`)
			if i%100 == 0 {
				time.Sleep(time.Millisecond)
			}
			if i%1000 == 500 {
				h.Cut(halltest.Notifier)
				r.session(uint64(2 + i/1000))
			}
		}
		h.Event("the::end", "")
		r.event("the::end")
		if got := lazy.Stats(); got.Dropped == 0 || got.Matched != got.Dropped+uint64(got.Buffered) {
			t.Errorf("the lazy subscription counts %+v", got)
		}
	})
}

func TestNoticesEnd(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		r.noticed(1)
		r.stop()
		if n, err := r.notices.Next(t.Context()); err == nil {
			t.Errorf("after the end there is %v", n)
		}
		for range r.State().Observable().All(t.Context()) {
		}
		for range r.Token().Observable().All(t.Context()) {
		}
		for range r.OrcName().Observable().All(t.Context()) {
		}
		for range r.Registry().Observable().All(t.Context()) {
		}
	})
}

func TestKindsOfNotices(t *testing.T) {
	for kind, want := range map[conn.NoticeKind]string{
		conn.ReconnectAttempt: "reconnect attempt", conn.Reconnected: "reconnect", conn.TokenChanged: "token.changed",
		conn.OrcNameChanged: "orcname.changed", conn.RegistryChanged: "commands.registry", 0: "notice 0", 77: "notice 77",
	} {
		if got := kind.String(); got != want {
			t.Errorf("kind %d is %q, want %q", kind, got, want)
		}
	}
}

// Hooks are called in this order around a session, with complete information.
func TestHooks(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		var shown []string
		var c *conn.Conn
		r := prepare(t, tr, func(cfg *conn.Config) {
			cfg.OnAttach = func(s conn.Session) { shown = append(shown, fmt.Sprint("attach ", s.Epoch)) }
			cfg.OnDetach = func(s conn.Session, err error) {
				_, ok := c.Session()
				shown = append(shown, fmt.Sprint("detach ", s.Epoch, " ", c.State().Load().Phase, " ", ok, " ", s.Lost.Sub(s.Began)))
			}
		})
		c = r.Conn
		r.run()
		r.session(1)
		if s, ok := r.Session(); !ok || s.Epoch != 1 || s.Identity.OrcName != grom || len(s.Answer) == 0 || s.Info.Port != 1 {
			t.Errorf("the session is %+v", s)
		}
		time.Sleep(3 * time.Second)
		h.Cut(halltest.Notifier)
		r.session(2)
		r.stop()
		want := []string{"attach 1", "detach 1 reconnecting false 3s", "attach 2", "detach 2 closed false 0s"}
		if !slices.Equal(shown, want) {
			t.Errorf("the hooks were called: %q", shown)
		}
	})
}
