package server_test

import (
	"fmt"
	"testing"

	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// A client has cut a connection and made another one; the autoconnect of the
// older one comes to be read last. The newer connection keeps the session.
func TestTheNewestConnectionHasTheSession(t *testing.T) {
	hall := openT(t, server.Config{})
	demo(t, hall)
	first := joinX(t, hall, `,"attempt":1`)
	secret := first.last.XBus.Session
	first.link.Close()
	eventually(t, "it is away", func() bool { return hall.Stats().Connections == 0 })

	older := dialRaw(t, hall.URL())
	newer := joinX(t, hall, fmt.Sprintf(`,"session":%q,"attempt":3`, secret))
	older.ask(string(wire.NewToken()), fmt.Sprintf(`,"xbus":{"version":1,"session":%q,"attempt":2}`, secret))
	cut(t, hall, older, server.Replaced)
	if m := newer.call("demo.echo", "1"); m.IsError || newer.orc != first.orc {
		t.Errorf("the newer connection, as %s: %s", wire.Redact(newer.orc), m.Data)
	}

	// In the right order the newest one has it, over the same connection too, and
	// so has a client that does not count.
	newer.autoconnect(fmt.Sprintf(`,"xbus":{"version":1,"session":%q,"attempt":4}`, secret))
	last := joinX(t, hall, fmt.Sprintf(`,"session":%q,"attempt":5`, secret))
	newer.lost()
	uncounted := joinX(t, hall, fmt.Sprintf(`,"session":%q`, secret))
	last.lost()
	if m := uncounted.call("demo.echo", "1"); m.IsError || uncounted.orc != first.orc {
		t.Errorf("the last connection, as %s: %s", wire.Redact(uncounted.orc), m.Data)
	}
	if n := hall.Stats().Cut[server.Replaced]; n != 3 {
		t.Errorf("%d connections were replaced", n)
	}
}
