package xbus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

func TestWrongTopics(t *testing.T) {
	client := connect(t, open(t, server.Config{}).URL())
	token := string(wire.NewToken())
	for _, c := range []struct {
		topic xbus.Topic
		want  string
	}{
		{client.Topic(""), "the pattern is empty"},
		{client.Topic("demo::((a)"), "demo::((a)"},
		{client.Topic("demo::(*)"), "demo::(*)"},
		{client.Topic("(*)"), "(*)"},
		{client.Topic("demo::(?=a)"), "demo::(?=a)"},
		{client.Topic("Grom@" + token + "::(*)"), "Grom@" + token[:4] + "…::(*)"},
		{client.Topic("demo::a", observable.WithLimit(-1)), "WithLimit(-1)"},
		{client.Topic("demo::a", nil), "nil"},
		{client.Topic("demo::a", observable.WithPolicy(observable.Block)), "must not wait"},
		{client.Topic("demo::a", observable.SizeOf(func(int) int { return 0 })), "int"},
		{client.Resp("m", "Zug@t").Topic("(*)"), "(*)"},
		{xbus.Topic{}, "make it by Client.Topic"},
	} {
		sub, err := c.topic.Subscribe()
		if err == nil || sub != nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "xbus: ") {
			t.Errorf("Subscribe: %v, want %q", err, c.want)
			continue
		}
		if e := c.topic.Err(); e != nil && e != err {
			t.Errorf("Err: %v, Subscribe %v", e, err)
		}
		n := 0
		for _, e := range c.topic.All(within(t)) {
			if n++; e == nil || e.Error() != err.Error() {
				t.Errorf("All: %v, want %v", e, err)
			}
		}
		events, wait := c.topic.Chan(within(t))
		if _, open := <-events; open || n != 1 {
			t.Errorf("%d errors, and events", n)
		}
		if e := wait(); e == nil || e.Error() != err.Error() {
			t.Errorf("Chan: %v, want %v", e, err)
		}
		if _, e := c.topic.Observable().First(within(t)); e == nil {
			t.Error("Observable: no error")
		}
	}
	if _, err := client.Expect("(*)"); err == nil {
		t.Error("Expect: no error")
	}
	if client.Topic("demo::*").Err() != nil || client.Topic("demo::*").Pattern() != "demo::*" {
		t.Error("a topic that is right")
	}
	if n := client.Stats().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
	var wrong *topics.PatternError
	if err := client.Topic("(*)").Err(); !errors.As(err, &wrong) {
		t.Errorf("%v is no PatternError", err)
	}
}

func TestEventsByLoopChannelAndSubscription(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		sub := subscribe(t, client.Topic("thermo::*"))
		events, wait := client.Topic("*::(changed|gone)").Chan(t.Context())
		for i := range 5 {
			publish(t, hall, "thermo::changed", i)
		}
		for i := range 5 {
			for _, ev := range []xbus.Event{next(t, sub), <-events} {
				var got int
				if err := ev.Decode(&got); err != nil || got != i || ev.Topic != "thermo::changed" || ev.Lost != 0 || ev.Gap != nil {
					t.Errorf("event %d is %v", i, ev)
				}
			}
		}
		sub.Close()
		client.UnsubscribeAll("*::(changed|gone)")
		wantErr(t, wait(), observable.ErrClosed)
	})
}

// What is sent once Subscribe has returned is not missed, however fast it is.
func TestSubscribeHasJoined(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		for i := range 200 {
			sub := subscribe(t, client.Topic("thermo::changed"))
			publish(t, hall, "thermo::changed", i)
			var got int
			if err := next(t, sub).Decode(&got); err != nil || got != i {
				t.Fatalf("%d instead of %d, %v", got, i, err)
			}
			sub.Close()
		}
	})
}

func TestLossesAreToldInBand(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		for _, c := range []struct {
			opts []observable.SubscribeOption
			want string // data and losses of what is read
			lost uint64
		}{
			{[]observable.SubscribeOption{observable.WithLimit(3)}, "[7+7 8+0 9+0]", 7},
			{[]observable.SubscribeOption{observable.WithLimit(3), observable.WithPolicy(observable.DropNewest)}, "[0+0 1+0 2+0]", 7},
			{[]observable.SubscribeOption{observable.WithPolicy(observable.Conflate)}, "[9+9]", 9},
			{[]observable.SubscribeOption{observable.WithPolicy(observable.ConflateBy(func(ev xbus.Event) string { return ev.Topic }))}, "[9+9]", 9},
			{[]observable.SubscribeOption{observable.WithByteLimit(1)}, "[]", 10},
			{nil, "[0+0 1+0 2+0 3+0 4+0 5+0 6+0 7+0 8+0 9+0]", 0},
		} {
			before := client.Stats()
			sub := subscribe(t, client.Topic("thermo::changed", c.opts...))
			for i := range 10 {
				publish(t, hall, "thermo::changed", i)
			}
			flush(t, client)
			s := client.Stats()
			if s.Dropped-before.Dropped != c.lost || s.Matched-before.Matched != 10 || s.Matched != s.Delivered+s.Dropped+uint64(s.Buffered) {
				t.Errorf("before %+v, then %+v", before, s)
			}
			var got []string
			for sub.Stats().Buffered > 0 {
				ev := next(t, sub)
				got = append(got, fmt.Sprintf("%s+%d", ev.Data, ev.Lost))
			}
			if fmt.Sprint(got) != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
			sub.Close()
			if s := client.Stats(); s.Dropped-before.Dropped != c.lost || s.Buffered != 0 || s.Subscriptions != 0 || s.Matched != s.Delivered+s.Dropped {
				t.Errorf("after Close %+v", s)
			}
		}
	})
}

func TestOverflowThatFails(t *testing.T) {
	hall := open(t, server.Config{})
	client := connect(t, hall.URL(), xbus.WithSubscribeDefaults(observable.WithPolicy(observable.FailOnOverflow), observable.WithLimit(2)))
	sub := subscribe(t, client.Topic("thermo::*"))
	for i := range 5 {
		publish(t, hall, "thermo::changed", i)
	}
	flush(t, client)
	n := 0
	for _, err := range sub.All(within(t)) {
		if err == nil {
			n++
		} else {
			wantErr(t, err, observable.ErrOverflow)
		}
	}
	if n != 2 || client.Stats().Subscriptions != 0 {
		t.Errorf("%d events, %+v", n, client.Stats())
	}
	other := subscribe(t, client.Topic("thermo::*", observable.WithPolicy(observable.DropOldest))) // its own option stands over the default
	for i := range 5 {
		publish(t, hall, "thermo::changed", i)
	}
	if ev := next(t, other); ev.Lost+1 < 1 {
		t.Errorf("%v", ev)
	}
}

func TestExpect(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		handle(t, hall, "demo.release", func(ctx context.Context, n int) (any, error) {
			return nil, hall.Publish(ctx, "demo::released", n)
		})
		for i := range 50 {
			released, err := client.Expect("*::released")
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{i, -i} {
				if _, err := client.Call(within(t), "demo.release", n).Await(within(t)); err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range []int{i, -i} {
				var got int
				if ev, err := released.Await(within(t)); err != nil || ev.Decode(&got) != nil || got != want {
					t.Fatalf("%v %v", ev, err)
				}
			}
			released.Close()
			released.Close()
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		released, _ := client.Expect("*::released")
		_, err := released.Await(cancelled)
		wantErr(t, err, context.Canceled)
		if !strings.Contains(err.Error(), `waiting for "*::released"`) {
			t.Error(err)
		}

		client.Reconnect()
		_, err = released.Await(within(t))
		wantErr(t, err, xbus.ErrGap)
		awaitState(t, client, epoch(2))
		publish(t, hall, "demo::released", 1)
		if _, err := released.Await(within(t)); err != nil { // the wait can go on behind the gap
			t.Error(err)
		}
		time.AfterFunc(10*time.Millisecond, func() { client.Close() })
		_, err = released.Await(within(t))
		wantErr(t, err, xbus.ErrClosed)
	})
}

func TestEventsForPeople(t *testing.T) {
	token := string(wire.NewToken())
	ev := xbus.Event{Message: &wire.Message{Topic: "Grom@" + token + "::x", Data: []byte(strings.Repeat("1", 500))}}
	for _, verb := range []string{"%v", "%+v", "%s", "%d", "%#v"} {
		if s := fmt.Sprintf(verb, ev); !strings.HasPrefix(s, "Grom@"+token[:4]+"…::x 111") || len(s) > 300 {
			t.Errorf("%s: %s", verb, s)
		}
	}
	if s := fmt.Sprint(xbus.Event{}); s != "no event" {
		t.Error(s)
	}
	var n []int
	err := ev.Decode(&n)
	if err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "*[]int") {
		t.Error(err)
	}
	gap := &xbus.Gap{From: time.Unix(10, 0), To: time.Unix(12, 0), Epoch: 2, Cause: conn.ErrLinkLost}
	if s := gap.String(); s != "gap of 2s before session 2, an unknown number of events missed: link lost" {
		t.Error(s)
	}
	gap.Known, gap.Missed = true, 3
	if s := fmt.Sprint(xbus.Event{Gap: gap}); s != "gap of 2s before session 2, 3 events missed: link lost" {
		t.Error(s)
	}
}

// By default what matches is delivered; the reference misses some of it.
func TestCompatibleMatching(t *testing.T) {
	hall := open(t, server.Config{})
	exact, compatible := connect(t, hall.URL()), connect(t, hall.URL(), xbus.WithCompatibleMatching())
	const pattern, topic = "demo::(a@b|c@d)", "demo::a@b"
	delivered, missed := subscribe(t, exact.Topic(pattern)), subscribe(t, compatible.Topic(pattern))
	also := subscribe(t, compatible.Topic("demo::*"))
	publish(t, hall, topic, 1)
	for _, sub := range []*observable.Subscription[xbus.Event]{delivered, also} {
		if ev := next(t, sub); ev.Topic != topic {
			t.Errorf("%v", ev)
		}
	}
	nothing(t, compatible, missed)
}
