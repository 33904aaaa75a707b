package conn_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/wire"
)

func TestSendStampsTheSession(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		receipt, err := r.Send(t.Context(), &wire.Message{Topic: "demo.none", ID: "1", Data: []byte(`{}`)})
		if err != nil || receipt != (conn.Receipt{Epoch: 1, Number: 2}) { // 1 was the autoconnect
			t.Fatalf("the receipt is %+v, %v", receipt, err)
		}
		h.Await(1, "command demo.none")
		m := h.Commands()[1]
		want := `{"_xcraftMessage":true,"token":"` + halltest.Token + `","orcName":"` + grom + `","id":"1","topic":"demo.none","data":{},` +
			`"isNested":false,"isError":false,"originRouter":"axon","arp":{"` + grom + `":{"token":"` + halltest.Token +
			`","nice":0,"noForwarding":false,"nodeName":"zog","port":1,"hordes":[]}},"router":"axon"}`
		if got := string(wire.AppendEnvelope(nil, m)); got != want {
			t.Errorf("sent\n%s\nwant\n%s", got, want)
		}
	})
}

// A command may go under another name, with a route for it (protocol §5.7).
func TestSendUnderAnotherName(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		name := "greathall@" + halltest.Token
		if _, err := r.Send(t.Context(), &wire.Message{Topic: "demo.none", ID: "1", OrcName: name}); err != nil {
			t.Fatal(err)
		}
		h.Await(1, "command demo.none from "+name+" with the token")
		if got := string(h.Commands()[1].ARP()); !strings.HasPrefix(got, `{"`+name+`":{"token":"`+halltest.Token+`",`) {
			t.Errorf("its route is %s", got)
		}
	})
}

// The reference remembers the route of a name that it has given: it is sent once
// after each heartbeat. Not so where two clients may have the name, and not under
// a name that only commands bring.
func TestTheRouteGoesAlongOnceABeat(t *testing.T) {
	const adopted, kept = false, true
	for _, test := range []struct {
		name   string
		script halltest.Script
		change func(*conn.Config)
		again  bool // in a second session, under the name of the first
		want   string
	}{
		{"the name that was given", halltest.Script{}, nil, adopted, "route none none route none"},
		{"one that is given twice", halltest.Script{Name: "Urag"}, nil, adopted, "route route route route route"},
		{"one like it", halltest.Script{Name: "Uragg"}, nil, adopted, "route none none route none"},
		{"an earlier name", halltest.Script{}, nil, kept, "route route route route route"},
		{"without a handshake", halltest.Script{}, func(c *conn.Config) { c.Token = halltest.Token }, adopted, "route route route route route"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.script.Beat = -1
			bubble(t, test.script, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
				r := start(t, tr, func(c *conn.Config) {
					c.OptimistLag = true // the hall beats when it is told to
					if test.change != nil {
						test.change(c)
					}
				})
				r.session(1)
				if test.again {
					h.Set(func(s *halltest.Script) { s.Name = "Thrall" })
					r.Reconnect()
					r.session(2)
				}
				send := func() {
					if _, err := r.Send(t.Context(), &wire.Message{Topic: "demo.none", ID: "1"}); err != nil {
						t.Fatal(err)
					}
				}
				h.Forget()
				send()
				send()
				send()
				h.Beat()
				synctest.Wait()
				send()
				send()
				h.Await(5, "command demo.none")
				var got []string
				for _, m := range h.Commands() {
					switch {
					case m.Topic == wire.CommandAuto:
					case m.ARP() == nil:
						got = append(got, "none")
					default:
						got = append(got, "route")
					}
				}
				if all := strings.Join(got, " "); all != test.want {
					t.Errorf("the commands came with %s, want %s", all, test.want)
				}
			})
		})
	}
}

// A hall of xbus, which says so in its answer, gets no routes with commands.
func TestNoRoutesForAHallOfXbus(t *testing.T) {
	script := halltest.Script{Autoconnect: func(h *halltest.Hall, m *wire.Message) {
		h.Event(halltest.AutoconnectToken(m)+"::autoconnect.finished",
			`{"token":"`+halltest.Token+`","orcName":"Grom@`+halltest.Token+`","cmdRegistry":{},"isLoaded":true,"xbus":{"version":1}}`)
	}}
	bubble(t, script, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		for _, name := range []string{"", "greathall@" + halltest.Token} {
			if _, err := r.Send(t.Context(), &wire.Message{Topic: "demo.none", ID: "1", OrcName: name}); err != nil {
				t.Fatal(err)
			}
		}
		h.Await(2, "command demo.none")
		for i, m := range h.Commands() {
			if withRoute := m.ARP() != nil; withRoute != (i == 0) {
				t.Errorf("the command %s has the route %s", m.Topic, m.ARP())
			}
		}
	})
}

func TestSendWithoutASession(t *testing.T) {
	send := func(r *rig) error {
		_, err := r.Send(context.Background(), &wire.Message{Topic: "demo.echo", ID: "1"})
		return err
	}
	bubble(t, halltest.Script{Hold: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		h.Await(1, "command autoconnect")
		if err := send(r); !errors.Is(err, conn.ErrNotConnected) || !errors.Is(err, conn.ErrNotSent) {
			t.Errorf("before the session: %v", err)
		}
		h.Accept()
		r.session(1)
		h.Down()
		r.until("without a session", func(s conn.State) bool { return s.Phase == conn.Reconnecting })
		err := send(r)
		if !errors.Is(err, conn.ErrNotConnected) || !errors.Is(err, conn.ErrNotSent) || !errors.Is(err, conn.ErrLinkLost) {
			t.Errorf("after a loss: %v", err)
		}
		r.stop()
		err = send(r)
		if !errors.Is(err, conn.ErrNotConnected) || !errors.Is(err, conn.ErrNotSent) || !errors.Is(err, conn.ErrClosed) || strings.Contains(err.Error(), "\n") {
			t.Errorf("after the end: %q", err)
		}
		if got := r.Stats().Sent; got != 0 {
			t.Errorf("%d messages were counted as sent", got)
		}
	})
}

func TestSendRefusesWhatCannotBeWritten(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		_, err := r.Send(t.Context(), &wire.Message{Topic: "", ID: "1"})
		if !errors.Is(err, conn.ErrNotSent) || !errors.Is(err, wire.ErrTopic) {
			t.Errorf("an empty topic: %v", err)
		}
		synctest.Wait()
		if s := r.State().Load(); s.Epoch != 1 || !s.Usable() {
			t.Errorf("the state is %v", s)
		}
	})
}

// A receipt and the number of what was written tell, after a loss, what may have
// been executed.
func TestTheVerdictAfterALoss(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		last := conn.Receipt{}
		for range 5 {
			receipt, err := r.Send(t.Context(), &wire.Message{Topic: "demo.none", ID: "1"})
			if err != nil || receipt.Number <= last.Number {
				t.Fatal(receipt, err)
			}
			last = receipt
		}
		h.Cut(halltest.Notifier)
		r.losses(1)
		if s := r.detached[0]; s.Epoch != last.Epoch || s.Info.Written != last.Number {
			t.Errorf("session %d has written %d messages, the last was %d of session %d", s.Epoch, s.Info.Written, last.Number, last.Epoch)
		}
		if r.Stats().Sent != 5 {
			t.Errorf("%d messages were counted as sent", r.Stats().Sent)
		}
	})
}

func TestFlush(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		if err := r.Flush(t.Context()); err != nil {
			t.Errorf("nothing waits over inproc: %v", err)
		}
		r.stop()
		if err := r.Flush(t.Context()); !errors.Is(err, conn.ErrNotConnected) {
			t.Errorf("without a session: %v", err)
		}
	})
}

// User code may send, look and cut from within the hooks.
func TestCallsFromHooks(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		var c *conn.Conn
		cut := false
		r := prepare(t, tr, func(cfg *conn.Config) {
			cfg.OnAttach = func(s conn.Session) {
				if _, err := c.Send(context.Background(), &wire.Message{Topic: "demo.attached", ID: "1"}); err != nil {
					t.Error(err)
				}
			}
			cfg.OnMessage = func(m *wire.Message) {
				c.State().Load()
				c.Stats()
				c.Silence()
				if !cut {
					cut = true
					c.Reconnect()
				}
			}
			cfg.OnDetach = func(conn.Session, error) { c.Reconnect() }
		})
		c = r.Conn
		r.run()
		r.session(1)
		h.Event("a::b", "1")
		r.session(2)
		h.Await(2, "command demo.attached")
	})
}
