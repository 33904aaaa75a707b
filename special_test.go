package xbus_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

func TestPublish(t *testing.T) {
	everywhere(t, server.Config{Offer: []string{"broadcast"}}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		other := connect(t, hall.URL())
		ours, theirs := subscribe(t, client.Topic("news::*")), subscribe(t, other.Topic("news::*"))
		for _, data := range []any{map[string]any{"v": 1.5, "t": `"é<` + "\u2028"}, nil, json.RawMessage(`{"big":12345678901234567890, "f": 1e2}`), payload.NewList(1)} {
			if err := client.Publish(within(t), "news::today", data); err != nil {
				t.Fatal(err)
			}
			want, err := rpc.Encode(data)
			if err != nil {
				t.Fatal(err)
			}
			for _, sub := range []*observable.Subscription[xbus.Event]{ours, theirs} {
				ev := next(t, sub)
				if ev.Topic != "news::today" || string(ev.Data) != string(want.Data) || string(ev.Immu()) != string(want.Immu) || !ev.Broadcasted || ev.OrcName != "news" {
					t.Errorf("%v, want %s", ev, want.Data)
				}
			}
		}
		own := subscribe(t, client.Topic("told"))
		if err := client.Publish(within(t), "told", 1); err != nil {
			t.Fatal(err)
		}
		if ev := next(t, own); ev.Topic != client.OrcName().Load()+"::told" {
			t.Errorf("%v", ev)
		}
		for topic, want := range map[string]string{"news::": "write <namespace>::<name>", "::a": "write <namespace>::<name>", "a::b\nc": "line break"} {
			if err := client.Publish(within(t), topic, nil); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", topic, err)
			}
		}
		for _, data := range []any{func() {}, map[string]any{"chunk": []byte("x")}, json.RawMessage("{")} {
			if err := client.Publish(within(t), "news::today", data); err == nil || !strings.HasPrefix(err.Error(), `xbus: publish "news::today": `) {
				t.Errorf("%T: %v", data, err)
			}
		}
		nothing(t, client, ours)
	})
}

func TestPublishToAHallThatDoesNotOfferIt(t *testing.T) {
	client := connect(t, open(t, server.Config{}).URL())
	wantErr(t, client.Publish(within(t), "news::today", nil), rpc.ErrCommandNotAvailable)
	wantErr(t, client.Shutdown(within(t)), rpc.ErrCommandNotAvailable)
}

func TestSpecialCommands(t *testing.T) {
	everywhere(t, server.Config{Offer: []string{"shutdown"}, Name: "specials"}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		motd, err := client.Motd(within(t))
		if err != nil || motd.Server != "specials" || motd.OrcName != client.OrcName().Load() || motd.Motd.Text == "" {
			t.Errorf("%+v %v", motd, err)
		}
		if err := client.Disconnect(within(t)); err != nil {
			t.Error(err)
		}
		flush(t, client) // nothing was closed
		if err := client.Shutdown(within(t)); err != nil {
			t.Error(err)
		}
		<-hall.Done()
		// The loss ends what was in flight, the commands that have no answer.
		for ctx := within(t); client.Stats().Calls.InFlight != 0; time.Sleep(time.Millisecond) {
			if ctx.Err() != nil {
				t.Fatalf("%+v", client.Stats())
			}
		}
		if s := client.Stats(); s.Subscriptions != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Specials end by their contexts, by the default time-out, by what the hall
// says and by what becomes of the connection.
func TestSpecialsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := halltest.New(t, halltest.Inproc("specials"), halltest.Script{})
		client := connect(t, "mem://specials", strict())
		specials := map[string]func(context.Context) error{
			"motd":       func(ctx context.Context) error { _, err := client.Motd(ctx); return err },
			"disconnect": client.Disconnect, "shutdown": client.Shutdown,
		}
		for name, special := range specials {
			began := time.Now()
			wantErr(t, special(t.Context()), rpc.ErrTimeout)
			if took := time.Since(began); took < 60*time.Second || took > 61*time.Second {
				t.Errorf("%s: after %v", name, took)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			wantErr(t, special(ctx), context.DeadlineExceeded)
			cancel()

			hall.Set(func(s *halltest.Script) {
				s.Command = func(h *halltest.Hall, m *wire.Message) { h.Fail(m, `{"code":"CMD_NOT_AVAILABLE"}`) }
			})
			wantErr(t, special(t.Context()), rpc.ErrCommandNotAvailable)

			hall.Set(func(s *halltest.Script) {
				s.Command = func(h *halltest.Hall, m *wire.Message) { h.Finish(m, "") } // as no hall does
			})
			if err := special(t.Context()); (err == nil) != (name != "motd") {
				t.Errorf("%s: %v", name, err)
			}

			hall.Set(func(s *halltest.Script) {
				s.Command = func(h *halltest.Hall, m *wire.Message) { h.Cut(halltest.Notifier) }
			})
			err := special(t.Context())
			if !errors.Is(err, rpc.ErrConnectionLost) {
				t.Errorf("%s: %v", name, err)
			}
			awaitState(t, client, conn.State.Usable)
			hall.Set(func(s *halltest.Script) { s.Command = halltest.Echo })
		}
		if s := client.Stats(); s.Subscriptions != 0 || s.Calls.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}
