package xbus_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/server"
)

const lineRegistry = `{"warehouse.request-line-update":{"name":"warehouse.request-line-update"},"demo.echo":{"name":"demo.echo"}}`

// asked returns what the hall was asked about lines, e.g. "add sport Grom".
func asked(t *testing.T, hall *halltest.Hall) []string {
	t.Helper()
	synctest.Wait()
	var list []string
	for _, m := range hall.Commands() {
		if m.Topic != "warehouse.request-line-update" {
			continue
		}
		var data struct {
			Type, LineID, OrcName, Token string
			Generation                   *int
		}
		if err := json.Unmarshal(m.Data, &data); err != nil || data.Generation == nil || *data.Generation != 0 || data.Token != string(m.Token) {
			t.Errorf("%s, %v", m.Data, err)
		}
		name, _, _ := strings.Cut(data.OrcName, "@")
		list = append(list, data.Type+" "+data.LineID+" "+name)
	}
	hall.Forget()
	return list
}

func wantAsked(t *testing.T, hall *halltest.Hall, want ...string) {
	t.Helper()
	got := asked(t, hall)
	slices.Sort(got)
	slices.Sort(want)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the hall was asked %v, want %v", got, want)
	}
}

func lineHall(t *testing.T, script halltest.Script, opts ...xbus.Option) (*halltest.Hall, *xbus.Client) {
	t.Helper()
	address := memory(t)
	hall := halltest.New(t, halltest.Inproc(strings.TrimPrefix(address, "mem://")), script)
	client := connect(t, address, append([]xbus.Option{strict()}, opts...)...)
	return hall, client
}

func TestLinesAreAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall, client := lineHall(t, halltest.Script{Registry: lineRegistry})
		a := subscribe(t, client.Topic("*::news.<sport>"))
		b := subscribe(t, client.Topic("press::x.<sport>"))
		c := subscribe(t, client.Topic("news.<art>"))
		for _, pattern := range []string{"*::news.<*>", "*::news.<(a|b)>", "*::news.<>", "*::news.<x", "*::news"} {
			subscribe(t, client.Topic(pattern)) // no line
		}
		wantAsked(t, hall, "add sport Grom", "add art Grom")
		a.Close()
		wantAsked(t, hall)
		b.Close()
		b.Close()
		wantAsked(t, hall, "delete sport Grom")
		again := subscribe(t, client.Topic("*::news.<sport>"))
		wantAsked(t, hall, "add sport Grom")
		again.Close()
		c.Close()
		wantAsked(t, hall, "delete sport Grom", "delete art Grom")
	})
}

// In a new session a hall is asked anew for what is wanted then.
func TestLinesAcrossSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, restarted := range map[string]bool{"the same hall": false, "a hall that was restarted": true} {
			hall, client := lineHall(t, halltest.Script{Registry: lineRegistry})
			kept := subscribe(t, client.Topic("*::news.<sport>"))
			closed := subscribe(t, client.Topic("*::news.<art>"))
			wantAsked(t, hall, "add sport Grom", "add art Grom")
			hall.Down()
			synctest.Wait()
			closed.Close()
			opened := subscribe(t, client.Topic("*::news.<film>"))
			if restarted {
				hall.Set(func(s *halltest.Script) { s.Token, s.Name = halltest.OtherToken, "Zug" })
			}
			hall.Up()
			awaitState(t, client, epoch(2))
			t.Log(name)
			wantAsked(t, hall, "add sport Grom", "add film Grom")
			kept.Close()
			opened.Close()
			wantAsked(t, hall, "delete sport Grom", "delete film Grom")
			client.Close()
			hall.Close()
		}
	})
}

// Lines are asked for under the name that counts.
func TestLinesUnderANewName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall, client := lineHall(t, halltest.Script{Registry: lineRegistry}, xbus.WithNewName())
		sub := subscribe(t, client.Topic("*::news.<sport>"))
		wantAsked(t, hall, "add sport Grom")
		hall.Set(func(s *halltest.Script) { s.Name = "Zug" })
		hall.Cut(halltest.Notifier)
		awaitState(t, client, epoch(2))
		wantAsked(t, hall, "add sport Zug")
		sub.Close()
		wantAsked(t, hall, "delete sport Zug")
	})
}

// A hall that gets the command later is asked then, and one that has it not
// never is.
func TestLinesOfAHallWithoutTheCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall, client := lineHall(t, halltest.Script{})
		sub := subscribe(t, client.Topic("*::news.<sport>"))
		other := subscribe(t, client.Topic("*::news.<art>"))
		wantAsked(t, hall)
		other.Close()
		hall.Event("greathall::bus.commands.registry", `{"registry":`+lineRegistry+`,"token":"`+halltest.Token+`"}`)
		wantAsked(t, hall, "add sport Grom")
		hall.Event("greathall::bus.commands.registry", `{"registry":`+lineRegistry+`,"token":"`+halltest.Token+`"}`)
		wantAsked(t, hall)
		sub.Close()
		wantAsked(t, hall, "delete sport Grom")
	})
}

// A hall of xbus knows the lines of a session that goes on: they are not asked
// for twice, and what was closed meanwhile is taken back.
func TestLinesOfASessionThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := open(t, server.Config{})
		client := connect(t, hall.URL(), strict())
		kept := subscribe(t, client.Topic("*::news.<sport>"))
		closed := subscribe(t, client.Topic("*::news.<art>"))
		all := subscribe(t, client.Topic("*::news.<*>"))
		synctest.Wait()
		away(t, hall, client, closed.Close)
		flush(t, client)
		publish(t, hall, "press::news.<art>", 1)
		publish(t, hall, "press::news.<sport>", 2)
		for _, sub := range []*observable.Subscription[xbus.Event]{kept, all} {
			wantGap(t, sub)
			if ev := next(t, sub); string(ev.Data) != "2" {
				t.Errorf("%v", ev)
			}
		}
		kept.Close()
		flush(t, client)
		publish(t, hall, "press::news.<sport>", 3)
		nothing(t, client, all) // one delete was enough: it was added once
	})
}

// With many threads at once the last state is what the hall knows.
func TestLinesUnderPressure(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		done := make(chan struct{})
		const workers = 8
		for range workers {
			go func() {
				defer func() { done <- struct{}{} }()
				for range 25 {
					sub, err := client.Topic("*::news.<sport>").Subscribe()
					if err != nil {
						t.Error(err)
						return
					}
					sub.Close()
				}
			}()
		}
		for range workers {
			<-done
		}
		sub := subscribe(t, client.Topic("*::news.<sport>"))
		flush(t, client)
		publish(t, hall, "press::news.<sport>", 1)
		if ev := next(t, sub); string(ev.Data) != "1" {
			t.Errorf("%v", ev)
		}
		watch := subscribe(t, client.Topic("*::news.<*>"))
		sub.Close()
		flush(t, client)
		publish(t, hall, "press::news.<sport>", 2)
		nothing(t, client, watch)
	})
}
