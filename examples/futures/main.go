// Futures sends commands now and awaits them later: several at once, the first
// of an event or a time-out, and what can go wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/examples/internal/demohall"
	"github.com/xcraft-go/xbus/rpc"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "futures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	hall, err := demohall.Open(ctx, "futures")
	if err != nil {
		return err
	}
	defer hall.Close()
	client, err := xbus.Connect(ctx, hall.URL())
	if err != nil {
		return err
	}
	defer client.Close()

	// Three commands are on their way before the first is awaited.
	query := demohall.Query{Path: "app.name"}
	var apps []rpc.Future[demohall.App]
	for range 3 {
		apps = append(apps, xbus.Call[demohall.App](ctx, client, "warehouse.get", query))
	}
	for _, app := range apps {
		got, err := app.Await(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "result %+v\n", got)
	}

	// The hall's own error keeps its code; errors of the way have a verdict.
	_, err = xbus.Call[demohall.App](ctx, client, "warehouse.get", demohall.Query{Path: "no.such"}).Await(ctx)
	var far *rpc.Error
	if errors.As(err, &far) {
		fmt.Fprintf(out, "the hall says %s\n", far.Code)
	}
	_, err = client.Call(ctx, "warehouse.git", nil).Await(ctx)
	fmt.Fprintf(out, "unknown command: %t\n", errors.Is(err, rpc.ErrCommandNotAvailable))

	// A future is a channel too: select over it, an event and a time-out.
	changed, wait := client.Topic("warehouse::changed").Chan(ctx)
	answer := client.Call(ctx, "warehouse.get", query)
	for first := ""; first == ""; {
		select {
		case <-changed:
			first = "event"
		case <-answer.Done():
			first = "answer"
		case <-time.After(time.Second):
			first = "time-out"
		}
		fmt.Fprintf(out, "first came: %t\n", first != "time-out")
	}
	client.Close()
	for range changed { // what has come before can still be read, and wait waits for that
	}
	if err := wait(); !errors.Is(err, xbus.ErrClosed) {
		return err
	}
	_, err = client.Call(ctx, "warehouse.get", query).Await(ctx)
	verdict, _ := rpc.VerdictOf(err)
	fmt.Fprintf(out, "after Close: %v\n", verdict)
	return nil
}
