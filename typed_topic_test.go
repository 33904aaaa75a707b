package xbus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/operators"
	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

type degrees struct {
	Degrees float64 `json:"degrees"`
}

var roomChanged = xbus.DefineTopic[degrees]("thermo::{room}.changed")

func TestTypedTopicBothWays(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"mem://typed"}, Offer: []string{"broadcast"}})
	client := streamClient(t, hall.URL())
	ctx := streamTime(t)
	events, wait := roomChanged.On(client).Chan(ctx)
	for _, publish := range []func() error{
		func() error { return roomChanged.Publish(ctx, hall, xbus.Params{"room": "attic"}, degrees{30}) },
		func() error { return hall.Publish(ctx, "thermo::attic.window.changed", degrees{1}) }, // none of them
		func() error { return hall.Publish(ctx, "thermo::hall.changed", "hot") },
		func() error {
			return hall.Publish(ctx, "thermo::cellar.changed", payload.NewMap("degrees", 12.5))
		},
		func() error { return hall.Publish(ctx, "thermo::empty.changed", nil) },
		func() error {
			return roomChanged.Publish(ctx, client.Publisher(), xbus.Params{"room": "office"}, degrees{21})
		},
	} {
		if err := publish(); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []struct {
		room string
		degrees
		fails bool
	}{{"attic", degrees{30}, false}, {"hall", degrees{}, true}, {"cellar", degrees{12.5}, false}, {"empty", degrees{}, true}, {"office", degrees{21}, false}} {
		e, ok := <-events
		if !ok {
			t.Fatal(wait())
		}
		var bad *xbus.DecodeError
		if e.Params["room"] != want.room || e.Value != want.degrees || (e.Err != nil) != want.fails || want.fails && !errors.As(e.Err, &bad) {
			t.Errorf("got %v %v %v instead of %v", e.Params, e.Value, e.Err, want)
		}
		if topic, err := roomChanged.Build(e.Params); err != nil || topic != e.Topic {
			t.Errorf("built %q of %q, %v", topic, e.Topic, err)
		}
	}
	if err := roomChanged.Publish(ctx, hall, xbus.Params{"room": "a.b"}, degrees{}); err == nil {
		t.Error("two words in a place")
	}
	if err := roomChanged.Publish(ctx, hall, nil, degrees{}); err == nil {
		t.Error("a place without a value")
	}
}

// What was lost before an event that is none of the topic counts for the next.
func TestTypedTopicCountsLosses(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"mem://losses"}})
	client := streamClient(t, hall.URL())
	ctx := streamTime(t)
	events, err := roomChanged.On(client, observable.WithLimit(2)).Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	all, err := client.Topic("thermo::*").Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	topics := []string{"thermo::a.changed", "thermo::b.changed", "thermo::x.y.changed", "thermo::c.changed"}
	for _, topic := range topics {
		hall.Publish(ctx, topic, degrees{1})
	}
	for range topics { // all have been queued
		if _, err := all.Next(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for e, err := range events.All(ctx) {
		if err != nil || e.Params["room"] != "c" || e.Lost != 2 {
			t.Errorf("got %v, %d lost, %v", e.Params, e.Lost, err)
		}
		break
	}
}

func TestTypedTopicMarksInterruptions(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"mem://interrupted"}})
	client := streamClient(t, hall.URL())
	events, err := roomChanged.On(client).Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	hall.Cut(client.OrcName().Load())
	for e, err := range operators.Take(events, 1).All(streamTime(t)) {
		if err != nil || e.Gap == nil || e.Err != nil {
			t.Errorf("got %+v, %v", e, err)
		}
	}
}

func TestDefineTopicPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a template without a namespace")
		}
	}()
	xbus.DefineTopic[int]("{room}{floor}")
}

// A serialized event: functions are text, and nothing runs them (protocol §6.6).
func TestSerializedEvents(t *testing.T) {
	for name, data := range map[string]string{
		"as text":       `"{\"n\":1,\"f\":\"function (a) { return a; }\",\"s\":\"functional\"}"`,
		"as the object": `{"n":1,"f":"function (a) { return a; }","s":"functional"}`,
	} {
		e := xbus.Event{Message: &wire.Message{Topic: "a::b", Serialized: true, Data: json.RawMessage(data)}}
		var v payload.Value
		if err := e.Decode(&v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		kind := payload.KindFunc
		if name == "as the object" {
			kind = payload.KindString // the reference has lost its functions: what is there is a string
		}
		if v.Get("f").Kind() != kind || v.Get("s").Kind() != payload.KindString {
			t.Errorf("%s: f is %v, s is %v", name, v.Get("f").Kind(), v.Get("s").Kind())
		}
		var typed struct {
			N int
			F string
		}
		if err := e.Decode(&typed); err != nil || typed.N != 1 || typed.F != "function (a) { return a; }" {
			t.Errorf("%s: %+v, %v", name, typed, err)
		}
	}
	bad := xbus.Event{Message: &wire.Message{Topic: "a::b", Serialized: true, Data: json.RawMessage(`"{"`)}}
	if err := bad.Decode(new(any)); err == nil {
		t.Error("a text that is no JSON")
	}
}

func ExampleTypedTopic() {
	type Reading struct {
		Degrees float64 `json:"degrees"`
	}
	changed := xbus.DefineTopic[Reading]("thermo::{room}.changed")

	ctx := context.Background()
	hall, _ := server.Listen(ctx, server.Config{Listen: []string{"mem://thermo"}})
	defer hall.Close()
	client, _ := xbus.Connect(ctx, "mem://thermo")
	defer client.Close()

	readings, _ := changed.On(client).Subscribe() // from here on nothing is missed
	changed.Publish(ctx, hall, xbus.Params{"room": "attic"}, Reading{30.5})

	for ev, err := range readings.All(ctx) {
		if err == nil && ev.Err == nil {
			fmt.Println(ev.Params["room"], ev.Value.Degrees)
		}
		break
	}
	// Output: attic 30.5
}
