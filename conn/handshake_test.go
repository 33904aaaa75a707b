package conn_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/wire"
)

func TestAutoconnectGoesBeforeTheFirstHeartbeat(t *testing.T) {
	bubble(t, halltest.Script{Beat: -1}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		began := time.Now()
		s := start(t, tr).session(1)
		at(t, began, 0)
		want := conn.Identity{Token: halltest.Token, OrcName: grom, AssignedName: grom}
		if s.Identity != want || !s.Loaded || s.Epoch != 1 || s.Attempt != 0 || s.Err != nil {
			t.Errorf("the first session is %+v", s)
		}
	})
}

// What goes over the wire is what the reference sends (protocol §4.3).
func TestTheQuestionAsItIsSent(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		start(t, tr, func(c *conn.Config) { c.Nice, c.NoForwarding, c.NodeName = 7, true, "xbusclient" }).session(1)
		m := h.Commands()[0]
		token := halltest.AutoconnectToken(m)
		if len(token) != 32 || m.Topic != "autoconnect" || m.OrcName != "greathall" || m.Token != "invalid" ||
			m.OriginRouter != wire.Axon || m.Router != wire.Axon || m.Nested || len(m.ID) != wire.IDLen {
			t.Errorf("the question is %+v", m)
		}
		if got := string(m.ARP()); got != `{"`+token+`":{"token":"","nice":7,"noForwarding":true,"nodeName":"xbusclient","port":1,"hordes":[]}}` {
			t.Errorf("its route is %s", got)
		}
		if got := string(m.Data); got != `{"autoConnectToken":"`+token+`","nice":7,"noForwarding":true}` {
			t.Errorf("its data is %s", got)
		}
	})
}

func TestAnnounceAddsAndDoesNotReplace(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		start(t, tr, func(c *conn.Config) {
			c.Announce = func() map[string]any { return map[string]any{"since": 12, "nice": "mine", "autoConnectToken": "mine"} }
		}).session(1)
		var data map[string]any
		if err := json.Unmarshal(h.Commands()[0].Data, &data); err != nil {
			t.Fatal(err)
		}
		if data["since"] != 12.0 || data["nice"] != 0.0 || data["autoConnectToken"] == "mine" {
			t.Errorf("announced: %v", data)
		}
	})
}

func TestAnnounceThatIsNoJSON(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		err := start(t, tr, func(c *conn.Config) {
			c.Announce = func() map[string]any { return map[string]any{"f": func() {}} }
		}).wait()
		if err == nil || !strings.Contains(err.Error(), "Config.Announce") {
			t.Errorf("Run returned %v", err)
		}
	})
}

// Without an answer the question is asked again every 5 s, at a heartbeat, with
// another token and id; an answer to an older one does not count.
func TestTheQuestionIsAskedAgain(t *testing.T) {
	bubble(t, halltest.Script{Hold: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		began := time.Now()
		r := start(t, tr)
		for n, when := range []time.Duration{0, 5 * time.Second, 10 * time.Second} {
			h.Await(n+1, "command autoconnect")
			at(t, began, when)
		}
		asked := h.Commands()
		h.Answer(asked[0])
		h.Answer(asked[1])
		synctest.Wait()
		if s := r.State().Load(); s.Phase != conn.Connecting {
			t.Fatalf("an answer to an old question led to %v", s)
		}
		if got := r.Stats().Early; got != 2 {
			t.Errorf("%d early messages were counted, want the 2 old answers", got)
		}
		h.Answer(asked[2])
		r.session(1)
		if halltest.AutoconnectToken(asked[0]) == halltest.AutoconnectToken(asked[1]) || asked[0].ID == asked[1].ID {
			t.Error("the question was repeated as it was")
		}
	})
}

// A hall that does not take clients in yet answers all at once when it does: the
// client takes the last name (protocol §4.3).
func TestAHallThatAcceptsLate(t *testing.T) {
	bubble(t, halltest.Script{Hold: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		time.Sleep(7*time.Minute - time.Second) // much longer than HandshakeTimeout: it beats
		names := []string{"Borug", "Dul", "Mug"}
		h.Set(func(s *halltest.Script) {
			s.Hold, s.Autoconnect = false, nil
		})
		asked := h.Commands()
		for i, m := range asked[len(asked)-3:] {
			h.Set(func(s *halltest.Script) { s.Name = names[i] })
			h.Answer(m)
		}
		if s := r.session(1); s.Identity.OrcName != "Mug@"+halltest.Token || s.Attempt != 0 {
			t.Errorf("the session is %+v", s)
		}
		if len(asked) != 84 {
			t.Errorf("asked %d times in 7 minutes, want every 5 s", len(asked))
		}
	})
}

func TestNoSignOfLife(t *testing.T) {
	bubble(t, halltest.Script{Beat: -1, Hold: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		began := time.Now()
		err := start(t, tr).wait()
		at(t, began, 10*time.Second)
		if !errors.Is(err, conn.ErrNoHeartbeat) || !strings.Contains(err.Error(), "silent for 10s") {
			t.Errorf("Run returned %v", err)
		}
	})
}

// Silence counts from the last sign, not from the beginning.
func TestSilenceDuringTheHandshake(t *testing.T) {
	bubble(t, halltest.Script{Hold: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) { c.HandshakeTimeout = 3 * time.Second })
		time.Sleep(2 * time.Second)
		began := silence(t, h)
		err := r.wait()
		at(t, began, 3*time.Second)
		if !errors.Is(err, conn.ErrNoHeartbeat) {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestARefusedAutoconnect(t *testing.T) {
	refuse := func(h *halltest.Hall, m *wire.Message) {
		h.Event(halltest.AutoconnectToken(m)+"::autoconnect.error", `{"code":"FULL","message":"no room"}`)
	}
	t.Run("by a hall that has beaten", func(t *testing.T) {
		bubble(t, halltest.Script{Autoconnect: func(h *halltest.Hall, m *wire.Message) { h.Beat(); refuse(h, m) }},
			func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
				err := start(t, tr, func(c *conn.Config) { c.RetryFirst = true }).wait()
				if !errors.Is(err, conn.ErrRejected) || !conn.Permanent(err) || !strings.Contains(err.Error(), "no room") {
					t.Errorf("Run returned %v", err)
				}
			})
	})
	t.Run("by a hall that still starts", func(t *testing.T) {
		bubble(t, halltest.Script{Autoconnect: refuse}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
			began := time.Now()
			r := start(t, tr)
			h.Await(1, "command autoconnect")
			h.Set(func(s *halltest.Script) { s.Autoconnect = nil })
			r.session(1)
			at(t, began, 500*time.Millisecond) // at the first heartbeat
		})
	})
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, data := range []string{
		``, `null`, `1`, `[]`, `{}`,
		`{"token":"t","orcName":"Grom@t"}`,
		`{"token":"t","orcName":"Grom@t","cmdRegistry":null}`,
		`{"token":"t","orcName":"Grom@t","cmdRegistry":[]}`,
		`{"token":"t","orcName":"Grom","cmdRegistry":{}}`,
		`{"token":"","orcName":"Grom@","cmdRegistry":{}}`,
		`{"token":{},"orcName":"Grom@t","cmdRegistry":{}}`,
	} {
		t.Run(data, func(t *testing.T) {
			answer := func(h *halltest.Hall, m *wire.Message) {
				h.Event(halltest.AutoconnectToken(m)+"::autoconnect.finished", data)
			}
			synctest.Test(t, func(t *testing.T) {
				h := halltest.New(t, halltest.Inproc("answers"), halltest.Script{Autoconnect: answer})
				err := start(t, transport(t, h)).wait()
				if !errors.Is(err, conn.ErrProtocol) || conn.Permanent(err) {
					t.Errorf("Run returned %v", err)
				}
			})
		})
	}
}

func TestARejectedCertificate(t *testing.T) {
	bubble(t, halltest.Script{Reject: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		err := start(t, tr).wait()
		if !errors.Is(err, conn.ErrCertificateRejected) || !conn.Permanent(err) || !strings.Contains(err.Error(), "Unauthorized client connection") {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestGameOverDuringTheHandshake(t *testing.T) {
	bubble(t, halltest.Script{Hold: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) { c.RetryFirst = true })
		h.Await(1, "command autoconnect")
		h.GameOver()
		if err := r.wait(); !errors.Is(err, conn.ErrGameOver) {
			t.Errorf("Run returned %v", err)
		}
	})
}

// A client in the process of a hall knows the token and asks nothing.
func TestServerMode(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) { c.Token = halltest.Token })
		s := r.session(1)
		if s.Identity.OrcName != "greathall@"+halltest.Token || !s.Loaded || r.Token().Load() != halltest.Token {
			t.Errorf("the session is %+v", s)
		}
		(&players{t, h, r}).echo()
		if list := r.attached; len(list) != 1 || list[0].Answer != nil || !list[0].Info.Server {
			t.Errorf("attached to %+v", list)
		}
		h.Cut(halltest.Notifier)
		(&players{t, h, r}).back()
		if got := r.noticed(2); !slices.Equal(got, []string{"reconnect attempt", "reconnect"}) {
			t.Errorf("noticed %v", got)
		}
		for _, line := range h.Saw() {
			if strings.Contains(line, "autoconnect") {
				t.Errorf("the hall saw %q", line)
			}
		}
	})
}
