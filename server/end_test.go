package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/server"
)

func TestDrainFinishes(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, hall *server.Hall, join func() *raw) {
		var tr trace
		tr.offer(t, hall)
		c := join()
		defer c.link.Close()
		var ids []string
		for i := range 5 {
			ids = append(ids, c.command("work.serial", fmt.Sprintf(`"%d"`, i)))
		}
		time.Sleep(time.Millisecond)
		report, err := hall.Drain(t.Context())
		if err != nil || report.Finished != 5 || report.Aborted != 0 || report.Took < 499*time.Millisecond {
			t.Errorf("%+v, %v", report, err)
		}
		late := c.command("work.serial", `"late"`)
		for range ids {
			if m := c.next(); m.IsError {
				t.Errorf("answer %s", m.Data)
			}
		}
		if e := errorOf(t, c.answer("work.serial", late)); e.Code != server.CodeDraining {
			t.Errorf("afterwards: %+v", e)
		}
	})
}

func TestDrainAborts(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, hall *server.Hall, join func() *raw) {
		release := make(chan struct{})
		server.Handle(hall, "a.deaf", func(context.Context, any) (any, error) { <-release; return nil, nil })
		server.Handle(hall, "a.polite", func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, context.Cause(ctx) }, server.Serial())
		c := join()
		defer c.link.Close()
		var ids []string
		for range 3 {
			ids = append(ids, c.nested("a.deaf", ""), c.command("a.polite", ""))
		}
		time.Sleep(time.Millisecond)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		report, err := hall.Drain(ctx)
		if err == nil || err.Error() != "enough" || report.Aborted != 6 || len(report.Running) != 1 || report.Running[0] != "a.deaf" {
			t.Errorf("%+v, %v", report, err)
		}
		for range ids {
			if e := errorOf(t, c.next()); e.Code != server.CodeAborted {
				t.Errorf("answer %+v", e)
			}
		}
		close(release)
	})
}

func TestCloseSaysFarewell(t *testing.T) {
	for _, over := range []bool{false, true} {
		everywhere(t, server.Config{GameOver: over}, func(t *testing.T, hall *server.Hall, url string) {
			if strings.HasPrefix(url, "xcraft+unix") {
				t.Skip("the raw client knows no unix sockets")
			}
			server.Handle(hall, "a.wait", func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, context.Cause(ctx) })
			c := joinRaw(t, url)
			id := c.command("a.wait", "")
			eventually(t, "it runs", func() bool { return hall.Stats().Running == 1 })
			if err := hall.Close(); err != nil {
				t.Error(err)
			}
			if m := c.next(); !m.IsError || !strings.Contains(m.Topic, id) {
				t.Errorf("the command in flight got %v", m)
			}
			if m := c.next(); m.Topic != "greathall::shutdown" {
				t.Errorf("received %v", m)
			}
			m, err := c.read()
			if got := err == nil && m.Topic == "gameover"; got != over {
				t.Errorf("gameover: %v, %v", m, err)
			}
		})
	}
}

// A handler that does not return is named, and does not hold Close up.
func TestCloseNamesStuckHandlers(t *testing.T) {
	hall, err := server.Listen(t.Context(), server.Config{Listen: []string{"mem://stuck"}, CloseTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	defer close(release)
	server.Handle(hall, "a.deaf", func(context.Context, any) (any, error) { <-release; return nil, nil })
	c := joinRaw(t, hall.URL())
	c.command("a.deaf", "")
	eventually(t, "it runs", func() bool { return hall.Stats().Running == 1 })
	err = hall.Close()
	if e, ok := errors.AsType[*server.StuckError](err); !ok || len(e.Commands) != 1 || e.Commands[0] != "a.deaf" {
		t.Errorf("Close returned %v", err)
	}
	if hall.Close() != err {
		t.Error("a second Close says something else")
	}
}

func TestBuiltinCommands(t *testing.T) {
	ended := make(chan struct{})
	hall := openT(t, server.Config{Name: "my-app", Offer: []string{"shutdown", "broadcast", "error"}, OnShutdown: func() { close(ended) }})
	a, b := joinRaw(t, hall.URL()), joinRaw(t, hall.URL())
	a.command("motd", "")
	motd := decodeT[struct {
		Server       string
		CommandsPort int
		OrcName      string
		Motd         struct{ Text string }
	}](t, a.await(a.orc+"::motd").Data)
	commander, _ := hall.Ports()
	if motd.Server != "my-app" || motd.CommandsPort != commander || motd.OrcName != a.orc || motd.Motd.Text == "" {
		t.Errorf("motd: %+v", motd)
	}
	a.await(a.orc + "::motd.finished")
	a.command("disconnect", "")
	a.await(a.orc + "::disconnect.finished")

	a.command("broadcast", `{"topic":"a::said","msg":{"id":"7","data":{"x":1},"context":{"c":1}}}`)
	for _, c := range []*raw{a, b} {
		if m := c.next(); m.Topic != "a::said" || m.ID != "7" || string(m.Data) != `{"x":1}` || !m.Broadcasted || m.Token != hall.Token() || string(m.Context()) != `{"c":1}` {
			t.Errorf("received %v %s", m, m.Raw())
		}
	}
	for _, topic := range []string{"greathall::shutdown", b.orc + "::x.1.finished", "nothing", "a::b." + b.orc + ".orcished"} {
		if m := a.call("broadcast", fmt.Sprintf(`{"topic":%q,"msg":{}}`, topic)); !m.IsError {
			t.Errorf("%s was broadcasted", topic)
		}
	}
	b.quiet()
	a.command("demo._postload", "")
	if m := a.next(); !strings.HasSuffix(m.Topic, ".finished") {
		t.Errorf("received %v", m)
	}
	a.command("shutdown", "")
	<-ended
}
