package server_test

import (
	"context"
	"fmt"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/server"
)

type Query struct {
	Room string `json:"room"`
}

type Reading struct {
	Room    string  `json:"room"`
	Degrees float64 `json:"degrees"`
}

func Example() {
	ctx := context.Background()
	hall, err := server.Listen(ctx, server.Config{Listen: []string{"mem://thermo"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hall.Close()

	err = server.Handle(hall, "thermo.read", func(ctx context.Context, in Query) (Reading, error) {
		if in.Room == "cellar" {
			return Reading{}, server.Errorf("ROOM_UNKNOWN", "there is no room %q", in.Room)
		}
		return Reading{in.Room, 21.5}, nil
	}, server.Desc("reads the thermometer of a room"), server.Required("room"))
	if err != nil {
		fmt.Println(err)
		return
	}

	client, err := xbus.Connect(ctx, hall.URL())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	changes, err := client.Topic("thermo::changed").Subscribe()
	if err != nil {
		fmt.Println(err)
		return
	}
	reading, err := xbus.Call[Reading](ctx, client, "thermo.read", Query{"attic"}).Await(ctx)
	fmt.Println(reading, err)
	_, err = client.Call(ctx, "thermo.read", Query{"cellar"}).Await(ctx)
	fmt.Println(err)
	_, err = client.Call(ctx, "thermo.read", nil).Await(ctx)
	fmt.Println(err)

	hall.Publish(ctx, "thermo::changed", Reading{"hall", 19})
	event, err := changes.Next(ctx)
	fmt.Println(event.Topic, string(event.Data), err)
	// Output:
	// {attic 21.5} <nil>
	// rpc: call "thermo.read": there is no room "cellar" (ROOM_UNKNOWN)
	// rpc: call "thermo.read": thermo.read: missing in the data: room (INVALID_ARGUMENTS)
	// thermo::changed {"room":"hall","degrees":19} <nil>
}

// A handler tells how far it is, calls another command on behalf of its caller,
// and stops when nobody waits for it any more.
func ExampleRequest() {
	ctx := context.Background()
	hall, err := server.Listen(ctx, server.Config{Listen: []string{"mem://report"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hall.Close()
	server.Handle(hall, "report.page", func(ctx context.Context, n int) (string, error) { return fmt.Sprint("page ", n), nil })
	server.Handle(hall, "report.make", func(ctx context.Context, pages int) (all []string, err error) {
		request := server.RequestOf(ctx)
		for n := range pages {
			var page string
			if err := request.Call(ctx, "report.page", n+1, &page); err != nil {
				return nil, err
			}
			all = append(all, page)
			if err := request.Progress(len(all)); err != nil {
				return nil, err
			}
		}
		return all, nil
	}, server.Serial())

	var pages []string
	err = hall.Call(ctx, "report.make", 2, &pages)
	fmt.Println(pages, err)
	// Output:
	// [page 1 page 2] <nil>
}
