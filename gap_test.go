package xbus_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// strict comes back after 500 ms, then 750 ms, then 1 s.
func strict() xbus.Option { return xbus.WithBackoffFunc(conn.StrictBackoff) }

// away cuts the connection of a client that comes back after 500 ms and lets
// things happen meanwhile.
func away(t *testing.T, hall *server.Hall, client *xbus.Client, meanwhile func()) {
	t.Helper()
	if !hall.Cut(client.OrcName().Load()) {
		t.Fatal("there was no connection")
	}
	awaitState(t, client, func(s conn.State) bool { return !s.Usable() })
	synctest.Wait() // until the loss has been told everywhere
	meanwhile()
	awaitState(t, client, conn.State.Usable)
}

func wantGap(t *testing.T, sub *observable.Subscription[xbus.Event]) *xbus.Gap {
	t.Helper()
	ev := next(t, sub)
	if ev.Gap == nil || ev.Topic != xbus.TopicGap {
		t.Fatalf("%v instead of a gap", ev)
	}
	return ev.Gap
}

// With a hall of xbus the gap is counted, and part of it is sent again.
func TestGapsThatAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := open(t, server.Config{Replay: []string{"kept::*"}})
		client := connect(t, hall.URL(), strict())
		sub := subscribe(t, client.Topic("*::changed"))
		publish(t, hall, "thermo::changed", 0)
		if ev := next(t, sub); string(ev.Data) != "0" {
			t.Fatalf("%v", ev)
		}
		began := time.Now()
		away(t, hall, client, func() {
			for i := range 5 {
				publish(t, hall, "thermo::changed", i)
				publish(t, hall, "other::topic", i) // of nobody's interest, but sent to this client all the same
			}
			publish(t, hall, "kept::changed", "a")
			publish(t, hall, "kept::changed", "b")
			publish(t, hall, "Zug@"+string(hall.Token())+"::changed", 1) // for somebody else
		})
		publish(t, hall, "thermo::changed", "after")

		gap := wantGap(t, sub)
		if !gap.Known || gap.Missed != 12 || gap.Replayed != 2 || gap.Restarted || gap.Epoch != 2 || gap.Reason == "" {
			t.Errorf("%+v", gap)
		}
		wantErr(t, gap.Cause, conn.ErrLinkLost)
		if gap.From.After(began) || gap.To.Sub(began) != 500*time.Millisecond {
			t.Errorf("from %v to %v", gap.From.Sub(began), gap.To.Sub(began))
		}
		for _, want := range []string{`"a"`, `"b"`, `"after"`} {
			if ev := next(t, sub); string(ev.Data) != want {
				t.Errorf("%v, want %s", ev, want)
			}
		}
		nothing(t, client, sub)

		away(t, hall, client, func() {}) // nothing was missed: still a marker, with a count
		if gap := wantGap(t, sub); !gap.Known || gap.Missed != 0 || gap.Replayed != 0 || gap.Epoch != 3 {
			t.Errorf("%+v", gap)
		}
	})
}

// A replay that is interrupted is counted again as far as it did not come.
func TestGapWithinAReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := open(t, server.Config{Replay: []string{"kept::*"}})
		client := connect(t, hall.URL(), strict())
		sub := subscribe(t, client.Topic("*::changed"))
		away(t, hall, client, func() {
			for i := range 4 {
				publish(t, hall, "kept::changed", i)
			}
		})
		if gap := wantGap(t, sub); gap.Missed != 4 || gap.Replayed != 4 {
			t.Errorf("%+v", gap)
		}
		synctest.Wait()
		away(t, hall, client, func() { publish(t, hall, "thermo::changed", 9) })
		for i := range 4 {
			if ev := next(t, sub); string(ev.Data) != fmt.Sprint(i) {
				t.Errorf("%v", ev)
			}
		}
		if gap := wantGap(t, sub); !gap.Known || gap.Missed != 1 || gap.Replayed != 0 { // the four had all come
			t.Errorf("%+v", gap)
		}
	})
}

// A hall that was started anew knows nothing of the session.
func TestGapsAcrossARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		address := memory(t)
		hall := open(t, server.Config{Listen: []string{address}})
		client := connect(t, address, strict())
		sub := subscribe(t, client.Topic("thermo::*"))
		hall.Close()
		awaitState(t, client, func(s conn.State) bool { return s.Attempt == 3 })
		again := open(t, server.Config{Listen: []string{address}})
		awaitState(t, client, conn.State.Usable)
		if gap := wantGap(t, sub); gap.Known || gap.Missed != 0 || !gap.Restarted || gap.Epoch != 2 {
			t.Errorf("%+v", gap)
		}
		if client.Token().Load() != again.Token() {
			t.Error("the old token")
		}
	})
}

// Halls that number nothing leave the count open.
func TestGapsOfForeignHalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := halltest.New(t, halltest.Inproc("foreign"), halltest.Script{})
		client := connect(t, "mem://foreign", strict())
		sub := subscribe(t, client.Topic("thermo::*"))
		time.Sleep(300 * time.Millisecond)
		began := time.Now()
		hall.Down()
		time.Sleep(10 * time.Second)
		hall.Up()
		awaitState(t, client, epoch(2))
		hall.Event("thermo::changed", "1")

		ev := next(t, sub)
		gap := ev.Gap
		if gap == nil || gap.Known || gap.Missed != 0 || gap.Restarted || gap.Reason != "" || gap.Epoch != 2 {
			t.Fatalf("%v", ev)
		}
		if !strings.Contains(gap.String(), "an unknown number of events missed") || !strings.Contains(gap.String(), conn.ErrLinkLost.Error()) {
			t.Error(gap)
		}
		// The last sign of life was the heartbeat 300 ms before the cut; the
		// attempts come at 0.5, 1.25, 2.25 s and so on.
		if from, to := gap.From.Sub(began), gap.To.Sub(began); from != -300*time.Millisecond || to != 10250*time.Millisecond {
			t.Errorf("from %v to %v", from, to)
		}
		var text struct {
			From, To time.Time
			Epoch    int
			Cause    string
		}
		if err := ev.Decode(&text); err != nil || text.Epoch != 2 || !text.From.Equal(gap.From) || text.Cause != gap.Cause.Error() {
			t.Errorf("%s, %v", ev.Data, err)
		}
		if ev := next(t, sub); string(ev.Data) != "1" {
			t.Errorf("%v", ev)
		}
	})
}

// One marker for each subscription that lived before the loss, none for others.
func TestWhoGetsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := open(t, server.Config{})
		client := connect(t, hall.URL(), strict())
		before := subscribe(t, client.Topic("thermo::*"))
		same := subscribe(t, client.Topic("thermo::*"))
		relative := subscribe(t, client.Topic("demo.told"))
		gone := subscribe(t, client.Topic("thermo::*"))
		var while *observable.Subscription[xbus.Event]
		away(t, hall, client, func() {
			while = subscribe(t, client.Topic("thermo::*"))
			gone.Close()
		})
		after := subscribe(t, client.Topic("thermo::*"))
		for _, sub := range []*observable.Subscription[xbus.Event]{before, same, relative} {
			wantGap(t, sub)
			nothing(t, client, sub)
		}
		nothing(t, client, while)
		nothing(t, client, after)

		away(t, hall, client, func() {})
		for _, sub := range []*observable.Subscription[xbus.Event]{before, same, relative, while, after} {
			if gap := wantGap(t, sub); gap.Epoch != 3 {
				t.Errorf("%+v", gap)
			}
			nothing(t, client, sub)
		}
	})
}

// A marker goes through queues as events do.
func TestGapsInFullQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := open(t, server.Config{})
		client := connect(t, hall.URL(), strict())
		oldest := subscribe(t, client.Topic("thermo::*", observable.WithLimit(2)))
		newest := subscribe(t, client.Topic("thermo::*", observable.WithLimit(2), observable.WithPolicy(observable.DropNewest)))
		latest := subscribe(t, client.Topic("thermo::*", observable.WithPolicy(observable.ConflateBy(func(ev xbus.Event) string { return ev.Topic }))))
		for i := range 2 {
			publish(t, hall, "thermo::changed", i)
		}
		away(t, hall, client, func() {})
		publish(t, hall, "thermo::changed", 2)
		synctest.Wait()
		show := func(sub *observable.Subscription[xbus.Event]) (text string) {
			for sub.Stats().Buffered > 0 {
				ev := next(t, sub)
				if ev.Gap != nil {
					text += "gap"
				} else {
					text += string(ev.Data)
				}
				text += fmt.Sprintf("+%d ", ev.Lost)
			}
			return text
		}
		for want, sub := range map[string]*observable.Subscription[xbus.Event]{
			"gap+2 2+0 ": oldest, "0+0 1+0 ": newest, "2+2 gap+0 ": latest,
		} {
			if got := show(sub); got != want && !(sub == latest && strings.Contains(got, "gap") && strings.Contains(got, "2+")) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		publish(t, hall, "thermo::changed", 3)
		synctest.Wait()
		if got := show(newest); got != "3+2 " { // the marker and the event that found no room
			t.Error(got)
		}
	})
}

// The whole story of a connection, with its times.
func TestReconnectionStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := halltest.New(t, halltest.Inproc("story"), halltest.Script{})
		began := time.Now()
		client := connect(t, "mem://story", strict())
		var story []string
		tell := func(format string, args ...any) {
			story = append(story, fmt.Sprintf("%v ", time.Since(began))+fmt.Sprintf(format, args...))
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for s, err := range client.State().Observable().All(t.Context()) {
				if err != nil {
					t.Error(err)
				}
				switch { // an attempt that takes no time may be skipped
				case s.NextDelay > 0:
					tell("%v, attempt %d in %v", s.Phase, s.Attempt, s.NextDelay)
				case s.Attempt == 0:
					tell("%v, session %d", s.Phase, s.Epoch)
				}
			}
		}()
		notices := make(chan struct{})
		var noticed []string
		go func() {
			defer close(notices)
			for n, err := range client.Notices().All(t.Context()) {
				if err == nil {
					noticed = append(noticed, n.Kind.String())
				}
			}
		}()
		synctest.Wait()
		waiting := client.Call(t.Context(), "demo.never", nil)
		kept := client.Call(t.Context(), "demo.never", nil, rpc.KeepAcrossLoss())

		time.Sleep(10 * time.Second)
		hall.Down()
		_, err := waiting.Await(t.Context())
		if v, _ := rpc.VerdictOf(err); !errors.Is(err, rpc.ErrConnectionLost) || !errors.Is(err, conn.ErrLinkLost) || v != rpc.MaybeExecuted {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("the call ended after %v", took)
		}
		synctest.Wait()
		later := make(chan time.Duration)
		go func() { // waits for the session, within its context
			_, err := client.Call(t.Context(), "demo.echo", json.RawMessage("1")).Await(t.Context())
			if err != nil {
				t.Error(err)
			}
			later <- time.Since(began)
		}()
		time.Sleep(3 * time.Second)
		hall.Set(func(s *halltest.Script) { s.Token, s.Name = halltest.OtherToken, "Zug" })
		hall.Up()
		if at := <-later; at != 13250*time.Millisecond {
			t.Errorf("the call that waited was answered at %v", at)
		}
		for _, m := range hall.Commands() {
			if m.ID == kept.ID() {
				hall.Finish(m, `"late"`)
			}
		}
		if m, err := kept.Await(t.Context()); err != nil || string(m.Data) != `"late"` {
			t.Errorf("%v %v", m, err)
		}
		time.Sleep(time.Second)
		hall.Set(func(s *halltest.Script) { s.Beat = -1 })
		time.Sleep(10 * time.Second)
		client.Close()
		<-done
		<-notices

		want := []string{
			"0s connected, session 1",
			"10s reconnecting, attempt 1 in 500ms",
			"10.5s reconnecting, attempt 2 in 750ms",
			"11.25s reconnecting, attempt 3 in 1s",
			"12.25s reconnecting, attempt 4 in 1s",
			"13.25s connected, session 2",
			"15.5s lagging, session 2", // the last heartbeat was at 14 s
			"19s reconnecting, attempt 1 in 500ms",
			"19.5s connected, session 3",
			"21s lagging, session 3",
			"24.25s closed, session 3",
		}
		if story = slices.Compact(story); !slices.Equal(story, want) { // the last state may come twice
			t.Errorf("told:\n%s", strings.Join(story, "\n"))
		}
		got := strings.TrimPrefix(fmt.Sprint(noticed), "[commands.registry ") // of the first session, which may come too early
		if want := "reconnect attempt token.changed orcname.changed commands.registry reconnect reconnect attempt commands.registry reconnect]"; strings.TrimPrefix(got, "[") != want {
			t.Errorf("noticed %s", noticed)
		}
	})
}
