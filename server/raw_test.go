package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

func openT(t *testing.T, cfg server.Config) *server.Hall {
	t.Helper()
	if cfg.Listen == nil {
		cfg.Listen = []string{"xcraft://127.0.0.1:0", "mem://" + memName(t)}
	}
	hall, err := server.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := hall.Close(); err != nil {
			t.Error(err)
		}
	})
	return hall
}

func memName(t *testing.T) string {
	return strings.NewReplacer("/", "-", "#", "-", " ", "-").Replace(t.Name())
}

// patience is how long a test waits for what must come. It is never waited out in
// a test that passes: a machine that is busy elsewhere may take all of it.
const patience = 2 * time.Minute

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func transportT(t testing.TB, address string) conn.Transport {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme == "mem" {
		tr, err := inproc.New(u.Host)
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	cfg := axon.Config{Host: u.Hostname()}
	cfg.CommanderPort, _ = strconv.Atoi(u.Port())
	cfg.NotifierPort, _ = strconv.Atoi(u.Query().Get("events"))
	tr, err := axon.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// A raw client says what it wants, whether it may or not.
type raw struct {
	t     *testing.T
	link  conn.Link
	orc   string
	token wire.Token
	last  welcome
}

type welcome struct {
	Token       string
	OrcName     string
	CmdRegistry map[string]json.RawMessage
	IsLoaded    bool
	XBus        *struct {
		Version  int
		Session  string
		Known    bool
		Seq      uint64
		Replayed int
		Lost     string
	}
}

func dialRaw(t *testing.T, address string) *raw {
	t.Helper()
	link, err := transportT(t, address).Dial(within(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { link.Close() })
	return &raw{t: t, link: link}
}

// joinRaw is a raw client that has autoconnected.
func joinRaw(t *testing.T, address string) *raw {
	t.Helper()
	c := dialRaw(t, address)
	c.autoconnect("")
	return c
}

func (c *raw) autoconnect(more string) {
	c.t.Helper()
	ask := string(wire.NewToken())
	c.ask(ask, more)
	m := c.await(ask + "::autoconnect.finished")
	if err := json.Unmarshal(m.Data, &c.last); err != nil {
		c.t.Fatal(err)
	}
	c.orc, c.token = c.last.OrcName, wire.Token(c.last.Token)
}

func (c *raw) ask(throwAway, more string) {
	c.t.Helper()
	c.send(c.asking(throwAway, more))
}

// asking is an autoconnect.
func (c *raw) asking(throwAway, more string) *wire.Message {
	return &wire.Message{Topic: wire.CommandAuto, Token: "invalid", OrcName: wire.GreatHall, ID: wire.NewID(),
		Data: json.RawMessage(fmt.Sprintf(`{"autoConnectToken":%q,"nice":3%s}`, throwAway, more)), OriginRouter: wire.Axon,
		Rare: &wire.Rare{ARP: json.RawMessage(fmt.Sprintf(`{%q:{"token":"","nodeName":"raw","port":%d}}`, throwAway, c.link.Info().Port))}}
}

func (c *raw) send(m *wire.Message) {
	c.t.Helper()
	if _, err := c.link.Send(c.t.Context(), m); err != nil {
		c.t.Fatal(err)
	}
}

// message is a command of this client, an activity.
func (c *raw) message(name, data string) *wire.Message {
	m := &wire.Message{Topic: name, Token: c.token, OrcName: c.orc, ID: wire.NewID(), OriginRouter: wire.Axon}
	if data != "" {
		m.Data = json.RawMessage(data)
	}
	return m
}

func (c *raw) command(name, data string) string {
	c.t.Helper()
	m := c.message(name, data)
	c.send(m)
	return m.ID
}

func (c *raw) nested(name, data string) string {
	c.t.Helper()
	m := c.message(name, data)
	m.Nested = true
	c.send(m)
	return m.ID
}

// next returns the next message that is no heartbeat.
func (c *raw) next() *wire.Message {
	c.t.Helper()
	m, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *raw) read() (*wire.Message, error) {
	timer := time.AfterFunc(patience, func() { c.link.Close() })
	defer timer.Stop()
	for {
		m, err := c.link.Receive()
		if err != nil || !m.IsHeartbeat() {
			return m, err
		}
	}
}

// await skips what comes before a topic.
func (c *raw) await(topic string) *wire.Message {
	c.t.Helper()
	for {
		if m := c.next(); m.Topic == topic {
			return m
		}
	}
}

// call sends a command and returns its answer.
func (c *raw) call(name, data string) *wire.Message {
	c.t.Helper()
	return c.answer(name, c.command(name, data))
}

func (c *raw) answer(name, id string) *wire.Message {
	c.t.Helper()
	prefix := c.orc + "::" + name + "." + id + "."
	for {
		if m := c.next(); m.Topic == prefix+"finished" || m.Topic == prefix+"error" {
			return m
		}
	}
}

// lost waits until the hall has ended the connection.
func (c *raw) lost() {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			return
		}
	}
}

// quiet checks that nothing has come but what a command of its own leads to.
func (c *raw) quiet() {
	c.t.Helper()
	id := c.command("motd", "")
	_ = id
	for {
		m := c.next()
		switch m.Topic {
		case c.orc + "::motd":
		case c.orc + "::motd.finished":
			return
		default:
			c.t.Errorf("%s received %s", wire.Redact(c.orc), wire.Redact(m.Topic))
		}
	}
}

func errorOf(t *testing.T, m *wire.Message) (e struct {
	Message, Code, Name string
	Info                json.RawMessage
}) {
	t.Helper()
	if !m.IsError || !strings.HasSuffix(m.Topic, ".error") {
		t.Fatalf("%s is no error: %s", wire.Redact(m.Topic), m.Data)
	}
	if err := json.Unmarshal(m.Data, &e); err != nil {
		t.Fatal(err)
	}
	return e
}
