package xbus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/observable/rx"
	"github.com/xcraft-go/xbus/operators"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// cutAtOnce comes back without a wait, for examples that cut their connection.
func cutAtOnce() xbus.Option {
	return xbus.WithBackoff(conn.BackoffConfig{Initial: time.Millisecond, Max: time.Millisecond})
}

// Follow a topic while connected: for each session a subscription of its own,
// and silence in between. Without it a subscription lives across sessions, with
// gap markers.
func Example_followWhileConnected() {
	hall, client, end := example(cutAtOnce())
	defer end()
	ctx := context.Background()

	sessions := operators.DistinctBy(client.State().Observable(), func(s conn.State) uint64 {
		if !s.Usable() {
			return 0
		}
		return s.Epoch
	})
	lines := operators.SwitchMap(sessions, func(s conn.State) observable.Observable[string] {
		if !s.Usable() {
			return observable.Never[string]()
		}
		return operators.FilterMap(client.Topic("thermo::*").Observable(), func(ev xbus.Event) (string, bool) {
			return fmt.Sprintf("session %d: %s", s.Epoch, ev.Data), ev.Gap == nil // one that is left can still see the marker
		})
	})

	stop := beat(hall, "thermo::changed")
	defer stop()
	for line, err := range operators.Take(operators.Distinct(lines), 2).All(ctx) {
		fmt.Println(line, err)
		client.Reconnect()
	}
	// Output:
	// session 1: "warm" <nil>
	// session 2: "warm" <nil>
}

// beat publishes an event again and again until stop is called.
func beat(hall *server.Hall, topic string) (stop func()) {
	quit, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = hall.Publish(context.Background(), topic, "warm")
			case <-quit:
				return
			}
		}
	}()
	return func() { close(quit); <-over }
}

// State and token together: both are observables, and so is what they make.
func Example_stateAndToken() {
	_, client, end := example(cutAtOnce())
	defer end()
	ctx := context.Background()

	type view struct {
		session uint64
		usable  bool
		known   bool
	}
	views := operators.Distinct(operators.CombineLatest(client.State().Observable(), client.Token().Observable(),
		func(s conn.State, token wire.Token) view { return view{s.Epoch, s.Usable(), token == s.Identity.Token} }))
	usable := operators.Filter(views, func(v view) bool { return v.usable && v.known })

	for v, err := range operators.Take(usable, 2).All(ctx) {
		fmt.Printf("session %d, usable %t %v\n", v.session, v.usable, err)
		client.Reconnect()
	}
	// Output:
	// session 1, usable true <nil>
	// session 2, usable true <nil>
}

// A registry that comes many times while a server loads its modules, looked at
// when it has come to rest.
func Example_debouncedRegistry() {
	hall, client, end := example()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	atRest := operators.Debounce(client.Registry().Observable(), 100*time.Millisecond)
	loaded := operators.Filter(atRest, func(r *rpc.Registry) bool { return r.Has("module.9") })
	go func() {
		for n := range 10 {
			none := func(context.Context, any) (any, error) { return nil, nil }
			if err := server.Handle(hall, fmt.Sprintf("module.%d", n), none); err != nil {
				log.Print(err)
			}
		}
	}()
	registry, err := loaded.First(ctx)
	fmt.Println(registry.Has("module.0"), registry.Has("module.9"), err)
	// Output: true true <nil>
}

// A command is repeated until its hall is ready, with growing waits, and no
// longer than the context allows.
func Example_retryUntilDeadline() {
	hall, client, end := example()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var tries atomic.Int32
	prepare := func(context.Context, any) (string, error) {
		if tries.Add(1) < 3 {
			return "", server.Errorf("NOT_READY", "still loading")
		}
		return "ready", nil
	}
	if err := server.Handle(hall, "demo.prepare", prepare); err != nil {
		log.Fatal(err)
	}

	answer := operators.Retry(xbus.Calling[string](client, "demo.prepare", nil), operators.RetryConfig{
		Backoff: operators.ExponentialBackoff(time.Millisecond, 10*time.Millisecond),
		Retryable: func(err error) bool { // what certainly has not run, or says that it may be repeated
			var far *rpc.Error
			verdict, unanswered := rpc.VerdictOf(err)
			return unanswered && verdict == rpc.NotSent || errors.As(err, &far) && far.Code == "NOT_READY"
		},
		OnAttempt: func(a operators.Attempt) { fmt.Println("attempt failed:", a.Err) },
	})
	fmt.Println(answer.First(ctx))
	// Output:
	// attempt failed: rpc: call "demo.prepare": still loading (NOT_READY)
	// attempt failed: rpc: call "demo.prepare": still loading (NOT_READY)
	// ready <nil>
}

// The first of an event or a time-out, whichever comes.
func Example_firstOfEventOrTimeout() {
	hall, client, end := example()
	defer end()
	ctx := context.Background()

	changed := must(client.Topic("thermo::changed").Subscribe())
	first := operators.Race(
		operators.Map(changed.Observable(), func(ev xbus.Event) string { return string(ev.Data) }),
		operators.Map(observable.Timer(time.Minute), func(time.Time) string { return "nothing for a minute" }),
	)
	_ = hall.Publish(ctx, "thermo::changed", "warm")
	fmt.Println(first.First(ctx))

	late := operators.Timeout(client.Topic("thermo::never").Observable(), 10*time.Millisecond, 0)
	_, err := late.First(ctx)
	fmt.Println(errors.Is(err, operators.ErrTimeout))
	// Output:
	// "warm" <nil>
	// true
}

// An rxgo pipeline over a topic: the loop can be left at any time.
func Example_rxgo() {
	hall, client, end := example()
	defer end()
	ctx := context.Background()

	changed := must(client.Topic("thermo::changed").Subscribe())
	degrees := operators.MapErr(changed.Observable(), func(ev xbus.Event) (v float64, err error) { return v, ev.Decode(&v) })
	pairs := rx.To(ctx, degrees).
		Filter(func(v any) bool { return v.(float64) > 20 }).
		BufferWithCount(2)
	for _, v := range []float64{19.5, 21, 18, 23.5, 24, 25} {
		_ = hall.Publish(ctx, "thermo::changed", v)
	}
	for pair, err := range operators.Take(rx.From[[]any](pairs), 2).All(ctx) {
		fmt.Println(pair, err)
	}
	// Output:
	// [21 23.5] <nil>
	// [24 25] <nil>
}

// Select over three channels: events, an answer, the connection.
func Example_selectOverThreeChannels() {
	hall, client, end := example()
	defer end()
	ctx, cancel := context.WithCancel(context.Background())

	events, waitEvents := client.Topic("thermo::changed").Chan(ctx)
	states, waitStates := client.State().Observable().Chan(ctx)
	answer := xbus.Call[App](ctx, client, "warehouse.get", Args{Path: "app.name"})
	_ = hall.Publish(ctx, "thermo::changed", "warm")

	seen := make(map[string]bool)
	done := answer.Done()
	for len(seen) < 3 {
		select {
		case ev := <-events:
			seen[fmt.Sprint("event ", string(ev.Data))] = true
		case s := <-states:
			seen[fmt.Sprint("state ", s.Phase)] = true
		case <-done:
			app, err := answer.Await(ctx)
			seen[fmt.Sprint("answer ", app.Name, " ", err)] = true
			done = nil // has been seen
		}
	}
	cancel()
	fmt.Println(seen)
	fmt.Println(waitEvents(), waitStates())
	// Output:
	// map[answer xbus <nil>:true event "warm":true state connected:true]
	// context canceled context canceled
}
