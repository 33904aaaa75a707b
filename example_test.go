package xbus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// App and Args are a result and the data of the command warehouse.get.
type (
	App struct {
		Name    string `json:"name"`
		Version int    `json:"version"`
	}
	Args struct {
		Path string `json:"path"`
	}
)

// must keeps the examples to what they are about.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// example opens a hall of this process and a client of it. The hall has the
// command warehouse.get.
func example(opts ...xbus.Option) (hall *server.Hall, client *xbus.Client, end func()) {
	ctx := context.Background()
	hall = must(server.Listen(ctx, server.Config{Listen: []string{"mem://example"}, Offer: []string{"broadcast"}}))
	get := func(_ context.Context, a Args) (App, error) {
		if a.Path != "app.name" {
			return App{}, server.Errorf("NO_SUCH_PATH", "there is nothing at %q", a.Path)
		}
		return App{"xbus", 1}, nil
	}
	if err := server.Handle(hall, "warehouse.get", get); err != nil {
		log.Fatal(err)
	}
	client = must(xbus.Connect(ctx, hall.URL(), opts...))
	return hall, client, func() { client.Close(); hall.Close() }
}

func ExampleConnect() {
	hall := must(server.Listen(context.Background(), server.Config{Listen: []string{"mem://connect"}}))
	defer hall.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	client, err := xbus.Connect(ctx, "mem://connect") // or xcraft://127.0.0.1:35400?events=35800
	if err != nil {
		log.Fatal(err) // refused, DNS, TLS, no heartbeat, rejected certificate
	}
	defer client.Close()
	fmt.Println(client.State().Load(), client.Registry().Load().Has("motd"))

	_, err = xbus.Connect(ctx, "mem://nobody")
	fmt.Println(errors.Is(err, conn.ErrRefused))
	_, err = xbus.Connect(ctx, "xcraft://127.0.0.1?event=35800")
	fmt.Println(err)
	// Output:
	// connected (session 1) true
	// true
	// xbus: address "xcraft://127.0.0.1?event=35800": the parameter "event" is not known with xcraft: known are events, keepalive, nice, noForwarding, optimistLag, passive, timeout
}

func ExampleCall() {
	_, client, end := example()
	defer end()
	ctx := context.Background()

	app := xbus.Call[App](ctx, client, "warehouse.get", Args{Path: "app.name"}) // sent now
	fmt.Println(app.Await(ctx))                                                 // awaited later

	_, err := xbus.Call[App](ctx, client, "warehouse.get", Args{Path: "no.such"}).Await(ctx)
	var far *rpc.Error
	fmt.Println(errors.As(err, &far), far.Code)

	_, err = client.Call(ctx, "warehouse.git", nil).Await(ctx)
	fmt.Println(errors.Is(err, rpc.ErrCommandNotAvailable))
	// Output:
	// {xbus 1} <nil>
	// true NO_SUCH_PATH
	// true
}

// Events in a loop of one's own: it joins when it begins, and ends with the
// context, with the client, or by leaving it.
func ExampleTopic_All() {
	hall, client, end := example()
	defer end()
	ctx := context.Background()

	changes := must(client.Topic("warehouse::*").Subscribe()) // to have joined before the first event
	for n := range 3 {
		_ = hall.Publish(ctx, "warehouse::changed", n)
	}
	for ev, err := range changes.All(ctx) { // client.Topic("warehouse::*").All(ctx) joins here
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ev.Topic, string(ev.Data))
		if string(ev.Data) == "2" {
			break
		}
	}
	// Output:
	// warehouse::changed 0
	// warehouse::changed 1
	// warehouse::changed 2
}

// Events as a Go channel, which has joined when Chan returns.
func ExampleTopic_Chan() {
	hall, client, end := example()
	defer end()
	ctx, cancel := context.WithCancel(context.Background())

	events, wait := client.Topic("*::(changed|released)").Chan(ctx)
	_ = hall.Publish(ctx, "warehouse::changed", "a")
	_ = hall.Publish(ctx, "warehouse::other", "b")
	_ = hall.Publish(ctx, "warehouse::released", "c")
	fmt.Println(<-events)
	fmt.Println(<-events)

	cancel() // to leave early; wait tells why it ended
	fmt.Println(wait())
	// Output:
	// warehouse::changed "a"
	// warehouse::released "c"
	// context canceled
}

// A queue that is full drops by its policy, and the stream says how much.
func ExampleClient_Topic() {
	hall, client, end := example()
	defer end()
	ctx := context.Background()

	slow := must(client.Topic("warehouse::*", observable.WithLimit(2)).Subscribe())
	defer slow.Close()
	for n := range 10 {
		_ = hall.Publish(ctx, "warehouse::changed", n)
	}
	_ = must(client.Call(ctx, "warehouse.get", Args{"app.name"}).Await(ctx)) // behind the events

	for range 2 {
		ev := must(slow.Next(ctx))
		fmt.Printf("%s, %d lost before it\n", ev.Data, ev.Lost)
	}
	fmt.Println(client.Stats().Dropped)
	// Output:
	// 8, 8 lost before it
	// 9, 0 lost before it
	// 8
}

func ExampleClient_State() {
	_, client, end := example()
	defer end()
	ctx := context.Background()

	fmt.Println(client.State().Load())
	client.Reconnect() // cut the connection, to see it come back
	s := must(client.State().Wait(ctx, func(s conn.State) bool { return s.Epoch == 2 && s.Usable() }))
	fmt.Println(s)
	go client.Close()
	for s, err := range client.State().Observable().All(ctx) { // begins with the present state
		if s.Phase == conn.Closed {
			fmt.Println(s, err)
			break
		}
	}
	// Output:
	// connected (session 1)
	// connected (session 2)
	// closed <nil>
}

// A client publishes by the command broadcast of its hall.
func ExampleClient_Publish() {
	_, client, end := example()
	defer end()
	ctx := context.Background()

	news := must(client.Topic("news::*").Subscribe())
	defer news.Close()
	if err := client.Publish(ctx, "news::today", map[string]int{"n": 1}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(news.Next(ctx)))
	// Output: news::today {"n":1}
}

// An event that a command causes: armed first, so that it is never too fast.
func ExampleClient_Expect() {
	hall, client, end := example()
	defer end()
	ctx := context.Background()
	release := func(ctx context.Context, id string) (any, error) {
		return nil, server.RequestOf(ctx).Hall().Publish(ctx, "warehouse::released", id)
	}
	if err := server.Handle(hall, "warehouse.release", release); err != nil {
		log.Fatal(err)
	}

	released := must(client.Expect("*::released"))
	defer released.Close()
	client.Call(ctx, "warehouse.release", "app")
	fmt.Println(must(released.Await(ctx)))
	// Output: warehouse::released "app"
}

// A client seen from one module: a name, a context and a logger of its own.
func ExampleClient_Resp() {
	hall, client, end := example()
	defer end()
	ctx := context.Background()
	who := func(ctx context.Context, _ any) (string, error) {
		r := server.RequestOf(ctx)
		return fmt.Sprintf("%t %s", r.OrcName == "greathall@"+string(hall.Token()), r.MsgContext()), nil
	}
	if err := server.Handle(hall, "demo.who", who); err != nil {
		log.Fatal(err)
	}

	resp := must(client.Resp("warehouse", xbus.OrcToken).WithContext(map[string]string{"_goblinUser": "u@s"}))
	answer := must(rpc.Typed[string](resp.Call(ctx, "demo.who", nil)).Await(ctx))
	fmt.Println(answer, resp.HasCommand("warehouse.get"))
	// Output: true {"_goblinUser":"u@s"} true
}

func ExampleClient_Drain() {
	hall, client, end := example()
	defer end()
	ctx := context.Background()
	slow := func(ctx context.Context, n int) (int, error) { time.Sleep(time.Millisecond); return n, nil }
	if err := server.Handle(hall, "demo.slow", slow); err != nil {
		log.Fatal(err)
	}

	answer := xbus.Call[int](ctx, client, "demo.slow", 7)
	report, err := client.Drain(ctx) // what is in flight ends first
	fmt.Println(report.Aborted, report.Undelivered, err)
	fmt.Println(answer.Await(ctx))
	// Output:
	// 0 0 <nil>
	// 7 <nil>
}

// readme is the block that README.md shows, to the letter: see TestREADME.
func readme(ctx context.Context) error {
	client, err := xbus.Connect(ctx, "xcraft://127.0.0.1:35400?events=35800")
	if err != nil {
		return err // refused, DNS, TLS, no heartbeat, rejected certificate: typed, within ctx
	}
	defer client.Close()

	// a future: sent now, awaited later
	app := xbus.Call[App](ctx, client, "warehouse.get", Args{Path: "app.name"})

	// events, as a Go channel
	changes, wait := client.Topic("*::(changed|released)").Chan(ctx)

	// the connection, as an observable
	go func() {
		for s, err := range client.State().Observable().All(ctx) {
			log.Println(s, err)
		}
	}()

	select {
	case ev := <-changes:
		log.Println(ev.Topic, string(ev.Data))
	case <-app.Done():
		log.Println(app.Await(ctx))
	}

	// events, in this loop: no goroutine, no channel
	for ev, err := range client.Topic("warehouse::*").All(ctx) {
		if err != nil {
			return err
		}
		if ev.Gap != nil {
			log.Println("the connection was interrupted:", ev.Gap)
			continue
		}
		log.Println(ev.Topic, ev.Lost, string(ev.Data))
	}
	return wait()
}

// The whole of the README's first page.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := readme(ctx); err != nil {
		log.Fatal(err)
	}
}
