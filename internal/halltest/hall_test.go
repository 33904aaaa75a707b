package halltest_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/wire"
)

func dial(t *testing.T, h *halltest.Hall) conn.Link {
	t.Helper()
	var tr conn.Transport
	var err error
	if h.Addr.Name != "" {
		tr, err = inproc.New(h.Addr.Name)
	} else {
		tr, err = axon.New(axon.Config{Host: h.Addr.Host, CommanderPort: h.Addr.Commander, NotifierPort: h.Addr.Notifier,
			UnixSocketID: h.Addr.ID, SocketDir: h.Addr.Dir})
	}
	if err != nil {
		t.Fatal(err)
	}
	link, err := tr.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { link.Close() })
	return link
}

func send(t *testing.T, link conn.Link, topic, data string) {
	t.Helper()
	m := &wire.Message{Topic: topic, ID: "1", OrcName: "me@x", Token: "invalid", Data: []byte(data)}
	if _, err := link.Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
}

// next returns the next message that is no heartbeat.
func next(t *testing.T, link conn.Link) *wire.Message {
	t.Helper()
	for {
		m, err := link.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if !m.IsHeartbeat() {
			return m
		}
	}
}

func TestAHallThatWorks(t *testing.T) {
	for name, kind := range map[string]halltest.Backend{"inproc": halltest.Inproc("works"), "tcp": halltest.TCP(), "unix": halltest.Unix()} {
		t.Run(name, func(t *testing.T) {
			h := halltest.New(t, kind, halltest.Script{Beat: 5 * time.Millisecond, Name: "Thrall"})
			link := dial(t, h)
			h.AwaitPeers(1)
			send(t, link, "autoconnect", `{"autoConnectToken":"abc"}`)
			m := next(t, link)
			want := `{"cmdRegistry":{"demo.echo":{"name":"demo.echo"}},"isLoaded":true,"orcName":"Thrall@` + halltest.Token + `","token":"` + halltest.Token + `"}`
			if m.Topic != "abc::autoconnect.finished" || m.OrcName != "abc" || string(m.Data) != want {
				t.Errorf("the answer is %s %s", m.Topic, m.Data)
			}
			send(t, link, "demo.echo", `{"x":1}`)
			if m := next(t, link); m.Topic != "me@x::demo.echo.1.finished" || string(m.Data) != `{"x":1}` || m.IsError || string(m.Token) != halltest.Token {
				t.Errorf("the answer is %+v", m)
			}
			h.Fail(h.Commands()[1], `"no"`)
			if m := next(t, link); m.Topic != "me@x::demo.echo.1.error" || !m.IsError {
				t.Errorf("the answer is %+v", m)
			}
			if m, err := link.Receive(); err != nil || !m.IsHeartbeat() {
				t.Errorf("no heartbeat but %v, %v", m, err)
			}
			saw := h.Saw()
			slices.Sort(saw[:2])
			if got := strings.Join(saw, ", "); got != "commander accepted, notifier accepted, command autoconnect from me@x with invalid, command demo.echo from me@x with invalid" {
				t.Errorf("it saw: %s", got)
			}
			h.GameOver()
			if m := next(t, link); m.Topic != "gameover" {
				t.Errorf("the farewell is %v", m)
			}
			h.Down()
			if _, err := io.Copy(io.Discard, reader{link}); !errors.Is(err, conn.ErrLinkLost) {
				t.Errorf("after the end: %v", err)
			}
			h.Up()
			h.Set(func(s *halltest.Script) { s.Refuse = true })
			if _, err := io.Copy(io.Discard, reader{dial(t, h)}); !errors.Is(err, conn.ErrLinkLost) {
				t.Errorf("after a refusal: %v", err)
			}
		})
	}
}

// A reader turns messages into nothing, until the end.
type reader struct{ conn.Link }

func (r reader) Read([]byte) (int, error) {
	_, err := r.Receive()
	return 0, err
}

func TestBytesAsTheyAre(t *testing.T) {
	h := halltest.New(t, halltest.TCP(), halltest.Script{Beat: -1})
	link := dial(t, h)
	h.AwaitPeers(1)
	beat, err := wire.Append(nil, wire.Heartbeat())
	if err != nil {
		t.Fatal(err)
	}
	h.Raw(halltest.Member(beat))
	if m, err := link.Receive(); err != nil || !m.IsHeartbeat() {
		t.Errorf("received %v, %v", m, err)
	}
	h.Raw(beat)
	if _, err := link.Receive(); !errors.Is(err, conn.ErrProtocol) {
		t.Errorf("without gzip: %v", err)
	}
}

func TestOneSideIsCut(t *testing.T) {
	for _, side := range []halltest.Side{halltest.Commander, halltest.Notifier} {
		h := halltest.New(t, halltest.TCP(), halltest.Script{Beat: -1})
		link := dial(t, h)
		h.AwaitPeers(1)
		h.Cut(side)
		if saw := h.Saw(); saw[len(saw)-1] != string(side)+" closed" {
			t.Errorf("it saw %v", saw)
		}
		link.Receive()
		h.Await(2, "notifier") // accepted, and closed by the client
		h.Await(2, "commander")
	}
}

// Heartbeats come on time, and questions that were held are answered later, in
// virtual time.
func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := halltest.New(t, halltest.Inproc("time"), halltest.Script{Hold: true})
		link := dial(t, h)
		began := time.Now()
		beat := func(want time.Duration) {
			t.Helper()
			if m, err := link.Receive(); err != nil || !m.IsHeartbeat() || time.Since(began) != want {
				t.Errorf("after %v: %v, %v", time.Since(began), m, err)
			}
		}
		beat(500 * time.Millisecond)
		beat(1000 * time.Millisecond)
		h.Set(func(s *halltest.Script) { s.Beat = 2 * time.Second })
		beat(3000 * time.Millisecond)
		h.Set(func(s *halltest.Script) { s.Beat = -1 })
		send(t, link, "autoconnect", `{"autoConnectToken":"a"}`)
		send(t, link, "autoconnect", `{"autoConnectToken":"b"}`)
		time.Sleep(time.Hour)
		h.Accept()
		for _, want := range []string{"a", "b"} {
			if m := next(t, link); m.OrcName != want {
				t.Errorf("the answer is %v", m)
			}
		}
		link.Close()
		synctest.Wait()
		if saw := h.Saw(); saw[len(saw)-1] != "commander closed" && saw[len(saw)-1] != "notifier closed" {
			t.Errorf("it saw %v", saw)
		}
	})
}

func TestCertificatesForTests(t *testing.T) {
	authority := halltest.SelfSigned(t)
	client := authority.Issue(t)
	h := halltest.New(t, halltest.TLS(authority.Issue(t).Server(authority)), halltest.Script{Beat: 5 * time.Millisecond})
	tr, err := axon.New(axon.Config{CommanderPort: h.Addr.Commander, NotifierPort: h.Addr.Notifier,
		TLS: &axon.TLS{CA: authority.Cert, Cert: client.Cert, Key: client.Key}})
	if err != nil {
		t.Fatal(err)
	}
	link, err := tr.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if m, err := link.Receive(); err != nil || !m.IsHeartbeat() {
		t.Errorf("received %v, %v", m, err)
	}
}
