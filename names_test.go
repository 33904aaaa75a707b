package xbus_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/topics"
)

// Events under one's own name, subscribed to before there is a name.
func TestRelativeTopics(t *testing.T) {
	address := memory(t)
	client, err := xbus.Open(address, xbus.WithRetryFirst(), quick())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	early := subscribe(t, client.Topic("demo.told"))
	hallName := subscribe(t, client.Resp("m", xbus.OrcToken).Topic("demo.told"))
	hall := open(t, server.Config{Listen: []string{address}})
	handle(t, hall, "demo.tell", func(ctx context.Context, n int) (any, error) {
		return nil, server.RequestOf(ctx).Send("demo.told", n)
	})
	if err := client.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	late := subscribe(t, client.Topic("demo.told"))
	if _, err := client.Call(within(t), "demo.tell", 7).Await(within(t)); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []*observable.Subscription[xbus.Event]{early, late} {
		if ev := next(t, sub); ev.Topic != client.OrcName().Load()+"::demo.told" || string(ev.Data) != "7" {
			t.Errorf("%v", ev)
		}
	}
	nothing(t, client, hallName)
	resp := client.Resp("m", xbus.OrcToken)
	if _, err := resp.Call(within(t), "demo.tell", 8).Await(within(t)); err != nil {
		t.Fatal(err)
	}
	if ev := next(t, hallName); ev.Topic != "greathall@"+string(hall.Token())+"::demo.told" || string(ev.Data) != "8" {
		t.Errorf("%v", ev)
	}
	nothing(t, client, early)
}

// A relative topic follows the name: by default the first one stays, with
// WithNewName the hall's new one counts.
func TestNamesAcrossSessions(t *testing.T) {
	const first, second = "Grom@" + halltest.Token, "Zug@" + halltest.OtherToken
	for name, c := range map[string]struct {
		opts []xbus.Option
		want string
	}{
		"the first name stays":     {nil, first},
		"the name of the new hall": {[]xbus.Option{xbus.WithNewName()}, second},
	} {
		t.Run(name, func(t *testing.T) {
			address := memory(t)
			hall := halltest.New(t, halltest.Inproc(strings.TrimPrefix(address, "mem://")), halltest.Script{})
			client := connect(t, address, c.opts...)
			own := subscribe(t, client.Topic("demo.told"))
			ofHall := subscribe(t, client.Resp("m", xbus.OrcToken).Topic("demo.told"))
			fixed := subscribe(t, client.Resp("m", first).Topic("demo.told"))

			hall.Set(func(s *halltest.Script) { s.Token, s.Name = halltest.OtherToken, "Zug" })
			hall.Cut(halltest.Notifier)
			awaitState(t, client, epoch(2))
			if id := client.State().Load().Identity; id.OrcName != c.want || id.AssignedName != second {
				t.Errorf("%+v", id)
			}
			for _, orc := range []string{first, second, "greathall@" + halltest.Token, "greathall@" + halltest.OtherToken} {
				hall.Event(orc+"::demo.told", "1")
			}
			for sub, want := range map[*observable.Subscription[xbus.Event]]string{
				own: c.want, ofHall: "greathall@" + halltest.OtherToken, fixed: first,
			} {
				if ev := next(t, sub); ev.Gap == nil {
					t.Errorf("%v instead of a gap", ev)
				}
				if ev := next(t, sub); ev.Topic != want+"::demo.told" {
					t.Errorf("%v, want the event of %s", ev, want)
				}
				nothing(t, client, sub)
			}
		})
	}
}

// A hall that gives a name of which no pattern can be made is told of in the
// stream, which does not go deaf.
func TestNameThatIsNoPattern(t *testing.T) {
	address := memory(t)
	halltest.New(t, halltest.Inproc(strings.TrimPrefix(address, "mem://")), halltest.Script{Name: "((a)@x"})
	client, err := xbus.Open(address, quick())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, err := range client.Topic("demo.told").All(within(t)) {
		var wrong *topics.PatternError
		if !errors.As(err, &wrong) {
			t.Errorf("%v", err)
		}
	}
}

func TestUnsubscribeAll(t *testing.T) {
	hall := open(t, server.Config{})
	client := connect(t, hall.URL())
	own := client.OrcName().Load()
	resp := client.Resp("m", "")
	other := client.Resp("m", "Zug@t")
	for _, c := range []struct {
		topics []xbus.Topic
		close  func() int
		want   int
	}{
		{[]xbus.Topic{client.Topic("a::b"), client.Topic("a::b"), client.Topic("a::*")}, func() int { return client.UnsubscribeAll("a::b") }, 2},
		{[]xbus.Topic{client.Topic("x"), resp.Topic("x"), client.Topic(own + "::x"), other.Topic("x")}, func() int { return client.UnsubscribeAll("x") }, 3},
		{[]xbus.Topic{client.Topic("x"), resp.Topic("x"), other.Topic("x")}, func() int { return client.UnsubscribeAll(own + "::x") }, 2},
		{[]xbus.Topic{client.Topic("x"), other.Topic("x"), client.Topic("Zug@t::x")}, func() int { return other.UnsubscribeAll("x") }, 2},
		{[]xbus.Topic{client.Topic("x"), client.Resp("n", xbus.OrcToken).Topic("x")}, func() int { return client.Resp("o", xbus.OrcToken).UnsubscribeAll("x") }, 1},
		{[]xbus.Topic{client.Topic("x")}, func() int { return client.UnsubscribeAll("y") }, 0},
	} {
		var subs []*observable.Subscription[xbus.Event]
		for _, topic := range c.topics {
			subs = append(subs, subscribe(t, topic))
		}
		if got := c.close(); got != c.want {
			t.Errorf("%s: %d closed, want %d", c.topics[0].Pattern(), got, c.want)
		}
		if n := client.Stats().Subscriptions; n != len(subs)-c.want {
			t.Errorf("%s: %d left", c.topics[0].Pattern(), n)
		}
		for _, sub := range subs {
			sub.Close()
		}
	}
	sub := subscribe(t, client.Topic("a::b"))
	go client.UnsubscribeAll("a::b")
	for _, err := range sub.All(within(t)) {
		wantErr(t, err, observable.ErrClosed)
	}
}
