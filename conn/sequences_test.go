package conn_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/wire"
)

// A sequence is what the reference client reported and what the hall saw, for
// one way to lose and to find a great hall again.
type sequence struct {
	Name   string
	Client []fact
	Hall   []string
}

type fact struct {
	Fact           string
	Args           []string
	OrcName, Token string
	Connected      bool
	Label          string
}

func sequences(t *testing.T) map[string]sequence {
	t.Helper()
	text, err := os.ReadFile("testdata/sequences.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []sequence
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]sequence)
	for _, s := range list {
		all[s.Name] = s
	}
	return all
}

// notices are the facts that this package reports as notices. The others are
// states (connected, state, close, stopped), or belong to package rpc (result,
// error).
func (s sequence) notices() (list []string) {
	for _, f := range s.Client {
		text := f.Fact
		switch f.Fact {
		case "orcname.changed":
			text += " " + f.Args[0] + " " + f.Args[1]
		case "token.changed", "commands.registry", "reconnect attempt", "reconnect":
		default:
			continue
		}
		list = append(list, text)
	}
	return list
}

// state is the last fact that tells who the client is.
func (s sequence) state() (f fact, ok bool) {
	for _, f := range slices.Backward(s.Client) {
		if f.Fact == "state" {
			return f, true
		}
	}
	return fact{}, false
}

// A play makes the hall and the client go through one sequence.
type play struct {
	name string
	run  func(p *players)
	// fresh plays begin before there is a session.
	fresh  bool
	script halltest.Script
	// retry asks again soon, where the sequence is about that and the time is real.
	retry time.Duration
	// notices replaces the reference's, where xbus does better on purpose
	// (protocol §10).
	notices []string
}

type players struct {
	*testing.T
	hall *halltest.Hall
	rig  *rig
}

func (p *players) echo() {
	id := wire.NewID()
	if _, err := p.rig.Send(context.Background(), &wire.Message{Topic: "demo.echo", ID: id, Data: []byte("1")}); err != nil {
		p.Fatal(err)
	}
	p.rig.event(p.rig.OrcName().Load() + "::demo.echo." + id + ".finished")
}

func (p *players) back() {
	p.rig.session(2)
	p.echo()
}

func (p *players) never(data string) {
	_, err := p.rig.Send(context.Background(), &wire.Message{Topic: "demo.never", ID: wire.NewID(), Data: []byte(data)})
	if err != nil {
		p.Fatal(err)
	}
}

const (
	grom   = "Grom@" + halltest.Token
	thrall = "Thrall@" + halltest.OtherToken
)

var plays = []play{
	{name: "first connection", fresh: true, script: halltest.Script{Hold: true}, run: func(p *players) {
		p.hall.Await(1, "command autoconnect")
		p.hall.Accept()
		p.rig.session(1)
	}},
	{name: "the autoconnect is not answered: sent again after 5 s", fresh: true, retry: 700 * time.Millisecond, script: halltest.Script{Hold: true}, run: func(p *players) {
		p.hall.Await(3, "command autoconnect")
	}},
	{name: "command socket lost", run: func(p *players) {
		p.hall.Cut(halltest.Commander)
		p.back()
	}},
	{name: "event socket lost", run: func(p *players) {
		p.hall.Cut(halltest.Notifier)
		p.back()
	}},
	{name: "both sockets lost", run: func(p *players) {
		p.hall.Cut(halltest.Notifier, halltest.Commander)
		p.back()
	}},
	{name: "both lost, same token, new orc name", run: func(p *players) {
		p.hall.Set(func(s *halltest.Script) { s.Name = "Thrall" })
		p.hall.Cut(halltest.Notifier, halltest.Commander)
		p.back()
	}},
	{name: "both lost, new token, new orc name", run: func(p *players) {
		p.hall.Set(func(s *halltest.Script) { s.Name, s.Token = "Thrall", halltest.OtherToken })
		p.hall.Cut(halltest.Notifier, halltest.Commander)
		p.back()
	}, notices: []string{ // protocol §10 #20: the name has changed too
		"reconnect attempt", "token.changed", "orcname.changed " + grom + " " + thrall, "commands.registry", "reconnect",
	}},
	{name: "a pending command, a pending RPC command, both sockets lost", run: func(p *players) {
		p.never(`{}`)
		p.never(`{"_xcraftRPC":true}`)
		p.hall.Await(2, "command demo.never")
		p.hall.Cut(halltest.Notifier, halltest.Commander)
		p.rig.session(2)
	}},
	{name: "gameover", run: func(p *players) {
		p.hall.GameOver()
		p.rig.wait()
	}},
	{name: "stop", run: func(p *players) { p.rig.stop() }},
	{name: "notifications of the great hall", run: func(p *players) {
		p.hall.Event("greathall::bus.token.changed", `{"busConfig":{"host":"h"}}`)
		p.hall.Event("greathall::bus.orcname.changed", `{"oldOrcName":"a","newOrcName":"b","token":"`+halltest.Token+`","busConfig":{"host":"h"}}`)
		p.hall.Event("greathall::bus.orcname.changed", `{"oldOrcName":"a","newOrcName":"b","token":"an other token","busConfig":{"host":"h"}}`)
		p.hall.Event("greathall::bus.reconnect", `{"status":"attempt"}`)
		p.hall.Event("greathall::bus.reconnect", `{"status":"done"}`)
		p.hall.Event("greathall::bus.reconnect", `{"status":"other"}`)
		p.hall.Event("greathall::bus.commands.registry", `{"registry":{"a.b":{"name":"a.b"}},"token":"`+halltest.Token+`"}`)
		p.hall.Event("the::end", "")
		p.rig.event("the::end")
	}},
}

// TestSequences goes through what was recorded from the reference client. xbus
// differs on purpose in this: it sends autoconnect without waiting for a
// heartbeat; it is not connected any more from the moment of the loss on (#37);
// it closes once (#31); it reports both changes of identity (#20).
func TestSequences(t *testing.T) {
	recorded := sequences(t)
	if len(recorded) != len(plays) {
		t.Fatalf("%d sequences were recorded, %d are played", len(recorded), len(plays))
	}
	for _, play := range plays {
		want, ok := recorded[play.name]
		if !ok {
			t.Fatalf("no sequence %q", play.name)
		}
		if play.notices == nil {
			play.notices = want.notices()
		}
		t.Run(play.name, func(t *testing.T) {
			t.Run("inproc", func(t *testing.T) {
				bubble(t, play.script, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
					play.on(t, want, h, start(t, tr))
				})
			})
			for name, kind := range map[string]halltest.Backend{"tcp": halltest.TCP(), "unix": halltest.Unix()} {
				t.Run(name, func(t *testing.T) {
					play.script.Beat = 20 * time.Millisecond
					h := halltest.New(t, kind, play.script)
					play.on(t, want, h, start(t, transport(t, h), instantly, func(c *conn.Config) { c.AutoconnectRetry = play.retry }))
				})
			}
		})
	}
}

func (play play) on(t *testing.T, want sequence, h *halltest.Hall, r *rig) {
	if !play.fresh {
		r.session(1)
		h.AwaitPeers(1)
		if n, err := r.notices.Next(t.Context()); err != nil || n.Kind != conn.RegistryChanged {
			t.Fatalf("the first notice is %v, %v", n, err)
		}
		h.Forget()
	}
	play.run(&players{t, h, r})

	if f, ok := want.state(); ok {
		s := r.State().Load()
		if s.Usable() != f.Connected || s.Identity.OrcName != f.OrcName || string(s.Identity.Token) != f.Token {
			t.Errorf("the state is %v as %v, the reference: %+v", s, s.Identity, f)
		}
	}
	awaitClosed(h, want.Hall)
	if saw := grouped(h.Saw()); !slices.Equal(saw, grouped(want.Hall)) {
		t.Errorf("the hall saw\n  %s\nthe reference\n  %s", strings.Join(saw, "\n  "), strings.Join(grouped(want.Hall), "\n  "))
	}
	got := r.noticed(len(play.notices))
	for i := range got {
		got[i] = strings.TrimSuffix(got[i], " (relayed)")
	}
	if !slices.Equal(got, play.notices) {
		t.Errorf("noticed\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(play.notices, "\n  "))
	}
}

// awaitClosed waits until the hall knows of the ends that must come.
func awaitClosed(h *halltest.Hall, lines []string) {
	for _, side := range []string{"notifier closed", "commander closed"} {
		n := 0
		for _, line := range lines {
			if line == side {
				n++
			}
		}
		h.Await(n, side)
	}
}

// grouped puts into one order what comes in any: the two sockets of a client,
// of which the hall may notice the second end late.
func grouped(lines []string) (list []string) {
	var closed []string
	for _, line := range lines {
		if strings.HasSuffix(line, " closed") {
			closed = append(closed, line)
		}
	}
	slices.Sort(closed)
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; {
		case strings.HasSuffix(line, " closed"):
			list = append(list, closed...)
			closed = nil
		case strings.HasSuffix(line, " accepted") && i+1 < len(lines) && strings.HasSuffix(lines[i+1], " accepted"):
			list = append(list, max(line, lines[i+1]), min(line, lines[i+1]))
			i++
		default:
			list = append(list, line)
		}
	}
	return list
}
