// Reconnect composes the state of the connection, the token and a topic: events
// are followed while there is a session, and each interruption is told once. The
// link is cut on purpose, twice.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/examples/internal/demohall"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/operators"
	"github.com/xcraft-go/xbus/wire"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "reconnect:", err)
		os.Exit(1)
	}
}

// A view joins what is true of the connection.
type view struct {
	session uint64
	usable  bool
	token   wire.Token
}

func run(ctx context.Context, out io.Writer) error {
	hall, err := demohall.Open(ctx, "reconnect")
	if err != nil {
		return err
	}
	defer hall.Close()
	client, err := xbus.Connect(ctx, hall.URL(), xbus.WithBackoff(conn.BackoffConfig{Initial: 10 * time.Millisecond}))
	if err != nil {
		return err
	}
	defer client.Close()

	// State and token together, as one stream of what changed.
	views := operators.Distinct(operators.CombineLatest(client.State().Observable(), client.Token().Observable(),
		func(s conn.State, token wire.Token) view { return view{s.Epoch, s.Usable(), token} }))

	// For each session a line and its first event; in between, silence.
	lines := operators.SwitchMap(views, func(v view) observable.Observable[string] {
		if !v.usable {
			return observable.Never[string]()
		}
		first := operators.Take(operators.Filter(client.Topic("warehouse::changed").Observable(), isEvent), 1)
		return operators.Map(first, func(xbus.Event) string { return fmt.Sprintf("session %d: events come", v.session) })
	})

	for line, err := range operators.Take(lines, 3).All(ctx) {
		if err != nil {
			return err
		}
		fmt.Fprintln(out, line)
		client.Reconnect() // cut the link
	}
	return nil
}

func isEvent(ev xbus.Event) bool { return ev.Gap == nil }
