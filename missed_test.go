package xbus_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/server"
)

// TestNoticesAreNotMissed changes the registry before a loss and during it: what
// the connection keeps for itself is no event that a subscription has missed.
func TestNoticesAreNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := open(t, server.Config{Replay: []string{"greathall::*", "kept::*"}})
		client := connect(t, hall.URL(), strict())
		sub := subscribe(t, client.Topic("*::changed"))
		offer := func(name string) {
			handle(t, hall, name, func(context.Context, int) (int, error) { return 0, nil })
			time.Sleep(time.Second) // until the hall has told of it
		}
		publish(t, hall, "thermo::changed", 0)
		next(t, sub)
		offer("demo.first")
		if !client.Registry().Load().Has("demo.first") {
			t.Fatal("the client has not heard of the new command")
		}
		away(t, hall, client, func() {
			publish(t, hall, "thermo::changed", 1)
			publish(t, hall, "kept::changed", 2)
			handle(t, hall, "demo.second", func(context.Context, int) (int, error) { return 0, nil })
		})
		if gap := wantGap(t, sub); !gap.Known || gap.Missed != 2 || gap.Replayed != 1 {
			t.Errorf("%+v, want 2 missed events of which 1 is sent again", gap)
		}
		if ev := next(t, sub); string(ev.Data) != "2" {
			t.Errorf("%v instead of the event that was kept", ev)
		}
	})
}
