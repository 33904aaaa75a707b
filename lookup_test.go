package xbus_test

import (
	"strings"
	"testing"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/server"
)

// Answers are events like others for who subscribes to them, also after many that
// nobody wanted.
func TestSubscribingToAnswers(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, _ *server.Hall, client *xbus.Client) {
		ctx := within(t)
		echo := func() (id string) {
			call := client.Call(ctx, "demo.echo", 1)
			if _, err := call.Await(ctx); err != nil {
				t.Fatal(err)
			}
			return call.ID()
		}
		unwanted, err := client.Topic("other::*").Subscribe()
		if err != nil {
			t.Fatal(err)
		}
		for _, pattern := range []string{"demo.echo.*.finished", "*::demo.echo.*", client.OrcName().Load() + "::*"} {
			echo()
			sub, err := client.Topic(pattern).Subscribe()
			if err != nil {
				t.Fatal(err)
			}
			id := echo()
			for ev, err := range sub.All(ctx) { // that of the call before may come first
				if err != nil {
					t.Fatalf("%s: %v", pattern, err)
				}
				if strings.Contains(ev.Topic, id) {
					break
				}
			}
			sub.Close()
		}
		if n := unwanted.Stats().Matched; n != 0 {
			t.Errorf("%d answers came to another topic", n)
		}
	})
}
