package interop_test

import (
	"strings"
	"testing"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
)

// What was sent last reaches a real great hall that is busy and finds the end of
// the sockets right behind it.
func TestClientLastCommands(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	listener := connect(t, server.URL())
	for name, end := range map[string]func(*xbus.Client) error{
		"Close": (*xbus.Client).Close,
		"Drain": func(c *xbus.Client) error { _, err := c.Drain(patience(t)); return err },
	} {
		t.Run(name, func(t *testing.T) {
			sub := subscribe(t, listener.Topic("news::"+name))
			client := connect(t, server.URL())
			if err := server.Pause(); err != nil {
				t.Fatal(err)
			}
			const n = 4 // more than the hall reads at a time, and less than its system takes for it
			for i := range n {
				if err := client.Publish(patience(t), "news::"+name, object{"i": i, "text": strings.Repeat("x", 25_000)}); err != nil {
					t.Error(err)
				}
			}
			if err := end(client); err != nil {
				t.Error(err)
			}
			if err := server.Resume(); err != nil {
				t.Fatal(err)
			}
			for range n {
				next(t, sub)
			}
		})
	}
}
