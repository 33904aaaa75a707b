package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/server"
)

// One connection has a limited number of names; the first ones stay its own.
func TestTooManyNames(t *testing.T) {
	hall := openT(t, server.Config{Limits: server.Limits{Names: 3}})
	demo(t, hall)
	c := joinRaw(t, hall.URL())
	for i := range 5 { // its own is the first
		m := c.message("demo.echo", "1")
		m.OrcName = fmt.Sprintf("Old%d@x", i)
		c.send(m)
		if got := c.next(); got.IsError != (i >= 2) {
			t.Errorf("name %d: %s %s", i, got.Topic, got.Data)
		}
	}
	if n := hall.Stats().Refused[server.TooManyNames]; n != 3 {
		t.Errorf("%d are counted", n)
	}
	c.call("demo.echo", "1")
}

// One connection has a limited number of lines; those that it has go on.
func TestTooManyLines(t *testing.T) {
	hall := openT(t, server.Config{Limits: server.Limits{Lines: 2}})
	c := joinRaw(t, hall.URL())
	ask := func(kind, line string) bool {
		m := c.call("warehouse.request-line-update", fmt.Sprintf(`{"type":%q,"lineId":%q,"orcName":%q,"token":"x"}`, kind, line, c.orc))
		return !m.IsError
	}
	for i, want := range []bool{true, true, false, false} {
		if ask("add", fmt.Sprint("line-", i)) != want {
			t.Errorf("line %d: %v", i, !want)
		}
	}
	if n := hall.Stats().Refused[server.TooManyLines]; n != 2 {
		t.Errorf("%d are counted", n)
	}
	if !ask("add", "line-0") || !ask("delete", "line-1") || !ask("add", "line-2") {
		t.Error("a line that it has, and one that takes the place of another, are not too many")
	}
	if ask("add", strings.Repeat("x", 1025)) {
		t.Error("the name of a line may be as long as it wants")
	}
}

// A connection with too many commands in flight is not read on, which is counted;
// nothing is lost.
func TestHeldBackIsCounted(t *testing.T) {
	hall := openT(t, server.Config{Limits: server.Limits{InFlight: 2}})
	release := make(chan struct{})
	server.Handle(hall, "a.wait", func(context.Context, any) (any, error) {
		<-release
		return nil, nil
	})
	c := joinRaw(t, hall.URL())
	for range 4 {
		c.nested("a.wait", "")
	}
	eventually(t, "the reader waits", func() bool { return hall.Stats().HeldBack == 1 })
	close(release)
	for range 4 {
		c.next()
	}
	if s := hall.Stats(); s.Finished != 4 {
		t.Errorf("stats: %+v", s)
	}
}

// Every connection that was accepted is there, was cut for a reason, or has left.
func TestEveryEndIsCounted(t *testing.T) {
	hall := openT(t, server.Config{})
	demo(t, hall)
	a, b, c := joinRaw(t, hall.URL()), joinRaw(t, hall.URL()), joinRaw(t, hall.URL())
	a.link.Close()
	hall.Cut(b.orc)
	b.lost()
	eventually(t, "one is left", func() bool { return hall.Stats().Connections == 1 })
	c.call("demo.echo", "1")
	if s := hall.Stats(); s.Accepted != 3 || s.Left != 1 || s.Cut[server.OnRequest] != 1 {
		t.Errorf("stats: %+v", s)
	}
}

// When too many sockets wait to be paired the door says so in the counts, and who
// comes later is let in again.
func TestCrowdedDoorIsCounted(t *testing.T) {
	cfg := server.Config{Listen: []string{"xcraft://127.0.0.1:0"}}
	cfg.Sockets.MaxUnbound, cfg.Sockets.BindTimeout = 2, time.Second
	hall := openT(t, cfg)
	demo(t, hall)
	commander, _ := hall.Ports()
	eventually(t, "it is crowded", func() bool { // each of them waits for a second only
		dialPort(t, commander)
		return hall.Stats().Refused[server.CrowdedDoor] > 0
	})
	eventually(t, "somebody is let in", func() bool { return isLetIn(t, hall) })
}

// isLetIn reports whether a client gets in, through a door that is crowded or has
// little patience.
func isLetIn(t *testing.T, hall *server.Hall) bool {
	t.Helper()
	c := dialRaw(t, hall.URL())
	defer c.link.Close()
	if _, err := c.link.Send(t.Context(), c.asking("t", "")); err != nil {
		return false
	}
	m, err := c.read()
	return err == nil && m.Topic == "t::autoconnect.finished"
}

// Sessions of clients that are away are limited, and given up with a count.
func TestTooManyAwayIsCounted(t *testing.T) {
	hall := openT(t, server.Config{Limits: server.Limits{Sessions: 2}})
	for range 4 {
		joinX(t, hall, "").link.Close()
	}
	eventually(t, "all are away", func() bool { return hall.Stats().Connections == 0 })
	joinX(t, hall, "")
	if s := hall.Stats(); s.Refused[server.TooManyAway] == 0 || s.Sessions > 3 {
		t.Errorf("%d sessions, given up %d", s.Sessions, s.Refused[server.TooManyAway])
	}
}
