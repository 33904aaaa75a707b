package server

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// A feed is a link whose client sends what the fuzzer says.
type feed struct {
	reader *wire.Reader
	sent   []*wire.Message
	closed bool
}

func (f *feed) Receive() (*wire.Message, error) { return f.reader.Next() }
func (f *feed) Close() error                    { f.closed = true; return nil }
func (f *feed) Info() conn.LinkInfo             { return conn.LinkInfo{Port: 7, Remote: "fuzz"} }

func (f *feed) Send(_ context.Context, m *wire.Message) (uint64, error) {
	if err := wire.Check(m); err != nil {
		return 0, err
	}
	f.sent = append(f.sent, m)
	return uint64(len(f.sent)), nil
}

// Whatever a client sends, the hall does not panic, tells it nothing that
// belongs to others, and goes on.
func FuzzConnection(f *testing.F) {
	frame := func(m *wire.Message) []byte {
		b, err := wire.Append(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	const token = "0123456789abcdef0123456789abcdef"
	command := func(name, data string) *wire.Message {
		return &wire.Message{Topic: name, Token: token, OrcName: "Evil@" + token, ID: "1", Data: json.RawMessage(data)}
	}
	hello := frame(&wire.Message{Topic: wire.CommandAuto, Token: "invalid", OrcName: wire.GreatHall, ID: "1",
		Data: json.RawMessage(`{"autoConnectToken":"t","xbus":{"version":1}}`), Rare: &wire.Rare{ARP: json.RawMessage(`{"t":{"port":7}}`)}})
	f.Add(hello)
	for _, m := range []*wire.Message{
		command("motd", ""), command("disconnect", "null"), command("fuzz.echo", `{"a":[1,2]}`), command("no.such", "1"),
		command("broadcast", `{"topic":"a::b","msg":{"data":1}}`), command("error", `{"orcName":"Victim@x","id":"1"}`),
		command("warehouse.request-line-update", `{"type":"add","lineId":"<x>","orcName":"Evil@`+token+`"}`),
		command("warehouse.request-line-update", `{"type":"delete","lineId":"x","orcName":"Evil@`+token+`"}`),
		command("shutdown", "{}"), command("x._postload", ""), command("fuzz.typed", `{"n":"x"}`),
		{Topic: wire.TopicDeleteRoute, Bare: true, Rare: &wire.Rare{Extra: []byte(`"orcName":"Victim@x"`)}},
		{Topic: ":x", Bare: true}, {Topic: "gameover", ID: "1"}, wire.Heartbeat(),
	} {
		f.Add(append(bytes.Clone(hello), frame(m)...))
	}
	hall, err := Listen(f.Context(), Config{Listen: []string{"mem://fuzz"}, Offer: []string{"broadcast", "error"}, Replay: []string{"a::*"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { hall.Close() })
	hall.token = token // so that seeds can have it
	Handle(hall, "fuzz.echo", func(_ context.Context, in json.RawMessage) (json.RawMessage, error) { return in, nil })
	Handle(hall, "fuzz.typed", func(_ context.Context, in struct{ N int }) (int, error) { return in.N, nil }, Required("n"), Serial())
	victim := new(session)
	hall.routes.join(victim)
	hall.routes.claim("Victim@x", victim, 10)
	f.Fuzz(func(t *testing.T, input []byte) {
		f := &feed{reader: wire.NewReader(bytes.NewReader(input), wire.Limits{MaxFrame: 1 << 20})}
		p := newPeer(hall, f)
		if !hall.routes.admit(p, 1000) {
			t.Fatal("no room: connections are left behind")
		}
		done := make(chan struct{})
		go func() {
			p.serve()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(2 * time.Minute): // the machine may be busy
			t.Fatal("the connection hangs")
		}
		if !f.closed {
			t.Error("the link was not closed")
		}
		if hall.routes.owner("Victim@x") != victim {
			t.Error("the victim has lost its name")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if !hall.busy.wait(ctx) {
			t.Error("a handler hangs")
		}
	})
}

// Names: none is given twice, and all have the form that patterns rely on.
func TestNamer(t *testing.T) {
	var n namer
	seen := make(map[string]bool)
	for range 2000 {
		name := n.draw("0123456789abcdef0123456789abcdef")
		if seen[name] || !isOrcName(name) {
			t.Fatalf("%s: given twice, or no orc name", name)
		}
		seen[name] = true
	}
	for _, name := range []string{"", "@", "a@", "@b", "a@b@c", "a.b@c", "a b@c", "a@b:", strings.Repeat("x", 300) + "@y", "a$b@c"} {
		if isOrcName(name) {
			t.Errorf("%q passes", name)
		}
	}
}
