// Demo runs a great hall and a client in one process and shows what a
// connection goes through: states, the registry, a call, events, a link that is
// cut, and the return. It needs nothing installed and ends by itself.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/server"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// A Reading is what the thermometer of this demo tells.
type Reading struct {
	Room    string  `json:"room"`
	Celsius float64 `json:"celsius"`
}

func run(ctx context.Context) error {
	hall, err := openHall(ctx)
	if err != nil {
		return err
	}
	defer hall.Close()
	say("hall", "%s", hall.URL())

	client, err := xbus.Open(hall.URL(), xbus.WithBackoff(conn.BackoffConfig{Initial: 200 * time.Millisecond, Max: time.Second}))
	if err != nil {
		return err
	}
	var watch sync.WaitGroup
	watch.Go(func() { showStates(client) })
	defer watch.Wait()
	defer client.Close()
	if err := client.Ready(ctx); err != nil {
		return err
	}

	say("registry", "%s", strings.Join(client.Registry().Load().Names(), ", "))
	reading, err := xbus.Call[Reading](ctx, client, "thermo.read", Reading{Room: "attic"}).Await(ctx)
	if err != nil {
		return err
	}
	say("result", "%+v", reading)
	_, err = xbus.Call[Reading](ctx, client, "thermo.reed", nil).Await(ctx)
	say("error", "%v", err)
	return follow(ctx, hall, client)
}

// openHall makes a hall on free ports, with one command.
func openHall(ctx context.Context) (*server.Hall, error) {
	hall, err := server.Listen(ctx, server.Config{Listen: []string{"xcraft://127.0.0.1:0?events=0"}})
	if err != nil {
		return nil, err
	}
	read := func(_ context.Context, q Reading) (Reading, error) {
		return Reading{Room: q.Room, Celsius: 19.5}, nil
	}
	return hall, server.Handle(hall, "thermo.read", read, server.Desc("the temperature of a room"), server.Required("room"))
}

// follow shows events before and after a cut.
func follow(ctx context.Context, hall *server.Hall, client *xbus.Client) error {
	changes, err := client.Topic("thermo::*").Subscribe()
	if err != nil {
		return err
	}
	defer changes.Close()
	for i := range 3 {
		if err := hall.Publish(ctx, "thermo::changed", Reading{"attic", 20 + float64(i)}); err != nil {
			return err
		}
	}
	seen := 0
	for ev, err := range changes.All(ctx) {
		if err != nil {
			return err
		}
		if ev.Gap != nil {
			say("gap", "%v", ev.Gap)
			continue
		}
		say("event", "%v", ev)
		switch seen++; seen {
		case 3:
			pending := client.Call(ctx, "thermo.read", Reading{Room: "cellar"})
			if _, err := pending.Await(ctx); err != nil {
				return err
			}
			say("cut", "the link is cut now")
			client.Reconnect()
			if _, err := client.State().Wait(ctx, func(s conn.State) bool { return s.Epoch == 2 && s.Usable() }); err != nil {
				return err
			}
			if err := hall.Publish(ctx, "thermo::changed", Reading{"attic", 25}); err != nil {
				return err
			}
		case 4:
			return nil
		}
	}
	return nil
}

func showStates(client *xbus.Client) {
	for s, err := range client.State().Observable().All(context.Background()) {
		if err != nil {
			return
		}
		say("state", "%v", s)
	}
}

var sayMu sync.Mutex

func say(what, format string, args ...any) {
	sayMu.Lock()
	defer sayMu.Unlock()
	fmt.Printf("%-9s %s\n", what, fmt.Sprintf(format, args...))
}
