// Quickstart connects, calls a command and follows some events. Without -url it
// opens a hall in the same process; with it, it uses a hall of yours:
//
//	go run ./examples/quickstart -url 'xcraft://127.0.0.1:35400?events=35800' -topic '*::*' -command motd
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/examples/internal/demohall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	url := flags.String("url", "", "address of a great hall; one in this process when empty")
	topic := flags.String("topic", "warehouse::*", "pattern of the events to follow")
	command := flags.String("command", "warehouse.get", "command to call")
	data := flags.String("data", `{"path": "app.name"}`, "its data, as JSON")
	count := flags.Int("count", 3, "how many events to follow")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *url == "" {
		hall, err := demohall.Open(ctx, "quickstart")
		if err != nil {
			return err
		}
		defer hall.Close()
		*url = hall.URL()
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()

	client, err := xbus.Connect(ctx, *url)
	if err != nil {
		return err
	}
	defer client.Close()
	fmt.Fprintf(out, "connected to %s, %d commands\n", *url, client.Registry().Load().Len())

	result, err := xbus.Call[json.RawMessage](ctx, client, *command, json.RawMessage(*data)).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s\n", *command, result)

	seen := 0
	for ev, err := range client.Topic(*topic).All(ctx) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "event %s: %s\n", ev.Topic, ev.Data)
		if seen++; seen >= *count {
			break
		}
	}
	return nil
}
