package axon

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/wire"
)

// A running connection lives over sockets until the end of its test.
type running struct {
	*conn.Conn
	t        *testing.T
	cancel   context.CancelFunc
	result   chan error
	once     sync.Once
	err      error
	messages chan *wire.Message
	lost     chan error
}

func run(t *testing.T, cfg Config) *running {
	t.Helper()
	r := &running{t: t, result: make(chan error, 1), messages: make(chan *wire.Message, 100), lost: make(chan error, 100)}
	c, err := conn.New(conn.Config{
		Transport: transport(t, cfg),
		Backoff: func() conn.Backoff {
			return conn.NewBackoff(conn.BackoffConfig{Initial: time.Millisecond, Max: time.Millisecond})
		},
		OnMessage: func(m *wire.Message) { r.messages <- m },
		OnDetach:  func(_ conn.Session, err error) { r.lost <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Conn = c
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.result <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		r.wait()
	})
	return r
}

// wait returns what Run returned.
func (r *running) wait() error {
	r.once.Do(func() { r.err = <-r.result })
	return r.err
}

func (r *running) session(n uint64) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := r.State().Wait(ctx, func(s conn.State) bool { return s.Usable() && s.Epoch >= n }); err != nil {
		r.t.Fatalf("no session %d: %v; the state is %v", n, err, r.State().Load())
	}
}

// echo sends data to demo.echo and returns what comes back.
func (r *running) echo(data []byte) []byte {
	r.t.Helper()
	if _, err := r.Send(r.t.Context(), &wire.Message{Topic: "demo.echo", ID: wire.NewID(), Data: data}); err != nil {
		r.t.Fatal(err)
	}
	return (<-r.messages).Data
}

// everywhere runs a test over each kind of sockets.
func everywhere(t *testing.T, script halltest.Script, f func(t *testing.T, h *halltest.Hall, cfg Config)) {
	cert := halltest.SelfSigned(t)
	for _, name := range []string{"tcp", "tls", "unix"} {
		t.Run(name, func(t *testing.T) {
			kind := map[string]halltest.Backend{"tcp": halltest.TCP(), "tls": halltest.TLS(cert.Server()), "unix": halltest.Unix()}[name]
			h := halltest.New(t, kind, script)
			f(t, h, to(h, func(c *Config) {
				if name == "tls" {
					c.TLS = &TLS{CA: cert.Cert}
				}
			}))
		})
	}
}

func TestPayloads(t *testing.T) {
	everywhere(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, cfg Config) {
		r := run(t, cfg)
		r.session(1)
		for _, size := range []int{0, 1000, 65533, 65534, 65536, 5 << 20} {
			data := []byte(`"` + strings.Repeat("é", size/2) + `"`)
			if got := r.echo(data); string(got) != string(data) {
				t.Errorf("%d bytes came back for %d", len(got), len(data))
			}
		}
	})
}

// What was flushed is on its way, whatever happens to the client.
func TestFlushAndLeave(t *testing.T) {
	everywhere(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, cfg Config) {
		r := run(t, cfg)
		r.session(1)
		const many = 200
		last := conn.Receipt{}
		for i := range many {
			var err error
			if last, err = r.Send(t.Context(), &wire.Message{Topic: "demo.none", ID: fmt.Sprint(i), Data: []byte(`"` + strings.Repeat("x", 1000) + `"`)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if s, _ := r.Session(); s.Info.Written != last.Number {
			t.Errorf("%d messages were written, %d were sent", s.Info.Written, last.Number)
		}
		r.cancel()
		h.Await(many, "command demo.none")
	})
}

func TestManyCommandsOfManySenders(t *testing.T) {
	everywhere(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, cfg Config) {
		r := run(t, cfg)
		r.session(1)
		const senders, each = 10, 20
		var wg sync.WaitGroup
		for s := range senders {
			wg.Go(func() {
				for i := range each {
					if _, err := r.Send(context.Background(), &wire.Message{Topic: "demo.echo", ID: wire.NewID(), Data: fmt.Appendf(nil, "%d", s*each+i)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		came := make(map[string]int)
		for range senders * each {
			came[string((<-r.messages).Data)]++
		}
		wg.Wait()
		if len(came) != senders*each {
			t.Errorf("%d different answers came for %d commands", len(came), senders*each)
		}
	})
}

// said is what a hall says by its notifier: frames, in pieces.
type said struct {
	name   string
	pieces [][]byte
	want   error // why the session ends; nil when it goes on
	end    bool  // the hall closes then
}

func invalidFrames(t *testing.T) (list []said) {
	t.Helper()
	text, err := os.ReadFile("testdata/invalid-frames.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name   string
		Chunks []string
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		s := said{name: v.Name, want: conn.ErrProtocol}
		switch v.Name {
		case "two frames in one chunk", "a frame byte by byte": // are none
			s.want = nil
		case "truncated":
			s.want, s.end = conn.ErrLinkLost, true
		}
		for _, chunk := range v.Chunks {
			b, err := hex.DecodeString(chunk)
			if err != nil {
				t.Fatal(err)
			}
			s.pieces = append(s.pieces, b)
		}
		list = append(list, s)
	}
	return list
}

func arguments(t *testing.T, args ...wire.Arg) []byte {
	t.Helper()
	b, err := wire.AppendFrame(nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// malformedMessages are those of protocol §2.11 and some more.
func malformedMessages(t *testing.T) (list []said) {
	topic := wire.ArgString("a::b")
	deep := strings.Repeat("[", 100_000)
	for name, frame := range map[string][]byte{
		"broken JSON":               arguments(t, topic, wire.ArgJSON([]byte(`{"a":`))),
		"a message that is null":    arguments(t, topic, wire.ArgJSON([]byte(`null`))),
		"a message of another kind": arguments(t, topic, wire.ArgJSON([]byte(`[1]`))),
		"a message as a string":     arguments(t, topic, wire.ArgString(`{}`)),
		"a message as a blob":       arguments(t, topic, wire.ArgBlob([]byte(`{}`))),
		"a broken integer":          arguments(t, topic, wire.Arg{Kind: wire.BigInt, Bytes: []byte("x")}),
		"a topic alone":             arguments(t, topic),
		"a topic that is JSON":      arguments(t, wire.ArgJSON([]byte(`{}`)), wire.ArgJSON([]byte(`{}`))),
		"a topic that is a blob":    arguments(t, wire.ArgBlob([]byte("abc")), wire.ArgJSON([]byte(`{}`))),
		"an empty topic":            arguments(t, wire.ArgString(""), wire.ArgJSON([]byte(`{}`))),
		"a topic of 1 MiB":          arguments(t, wire.ArgString(strings.Repeat("a", 1<<20)), wire.ArgJSON([]byte(`{}`))),
		"depth 100,000":             arguments(t, topic, wire.ArgJSON([]byte(`{"data":`+deep))),
		"HTTP":                      []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"zeros":                     make([]byte, 100),
	} {
		list = append(list, said{name: name, pieces: [][]byte{frame}, want: conn.ErrProtocol})
	}
	return list
}

// malformedStreams are for those who inflate.
func malformedStreams(t *testing.T) []said {
	beat := framed(t, wire.Heartbeat())
	member := halltest.Member(beat)
	cut := append([]byte{}, member...)
	cut[len(cut)-8]++
	return []said{
		{"no gzip", [][]byte{beat}, conn.ErrProtocol, false},
		{"HTTP", [][]byte{[]byte("HTTP/1.1 400 Bad Request\r\n\r\n")}, conn.ErrProtocol, false},
		{"zeros after a member", [][]byte{append(member, 0, 0)}, conn.ErrProtocol, false},
		{"a wrong checksum", [][]byte{cut}, conn.ErrProtocol, false},
		{"an alert of TLS", [][]byte{{0x15, 3, 1, 0, 2, 2, 70}}, conn.ErrTLSRequired, false},
		{"half a member", [][]byte{member[:len(member)/2]}, conn.ErrLinkLost, true},
	}
}

// Whatever a hall says: the session ends with a reason, which is counted, and the
// client comes back. It never is deaf, and never dies (protocol §2.11).
func TestMalformedInput(t *testing.T) {
	everywhere(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, cfg Config) {
		compressed := cfg.UnixSocketID == ""
		list := append(invalidFrames(t), malformedMessages(t)...)
		if compressed {
			for i := range list {
				for j, piece := range list[i].pieces {
					list[i].pieces[j] = halltest.Member(piece)
				}
			}
			list = append(list, malformedStreams(t)...)
		} else {
			list = append(list, said{"gzip", [][]byte{halltest.Member(framed(t, wire.Heartbeat()))}, conn.ErrProtocol, false})
		}
		if cfg.TLS != nil {
			list = list[len(list)-6:] // the inside of TLS is that of TCP
		}
		r := run(t, cfg)
		session := uint64(1)
		for _, s := range list {
			r.session(session)
			h.AwaitPeers(1)
			for _, piece := range s.pieces {
				h.Raw(piece)
			}
			if s.end {
				h.Cut(halltest.Notifier)
			}
			if s.want != nil {
				session++
				if err := <-r.lost; conn.ReasonOf(err) != s.want {
					t.Errorf("%s: the session ended with %v", s.name, err)
				}
				r.session(session)
				h.AwaitPeers(1)
			}
			if got := string(r.echo([]byte("1"))); got != "1" {
				t.Errorf("%s: an echo of 1 is %s", s.name, got)
			}
			if got := r.State().Load().Epoch; got != session {
				t.Errorf("%s: there were %d sessions, want %d", s.name, got, session)
			}
		}
		failures := uint64(0)
		for _, n := range r.Stats().Failures {
			failures += n
		}
		if failures != session-1 {
			t.Errorf("%d failures were counted, want %d: %v", failures, session-1, r.Stats().Failures)
		}
	})
}

// A hall that inflates what it is sent to more than the limit is refused.
func TestABombEndsTheSession(t *testing.T) {
	h := halltest.New(t, halltest.TCP(), halltest.Script{})
	r := run(t, to(h, func(c *Config) { c.Limits.MaxFrame = 1 << 20 }))
	r.session(1)
	h.AwaitPeers(1)
	h.Event("a::b", `"`+strings.Repeat("x", 4<<20)+`"`)
	if err := <-r.lost; !errors.Is(err, wire.ErrTooLarge) || !errors.Is(err, conn.ErrProtocol) {
		t.Errorf("the session ended with %v", err)
	}
	r.session(2)
}

// The end may come at any moment, whatever the sockets are just doing.
func TestTheEndAtAnyMoment(t *testing.T) {
	everywhere(t, halltest.Script{Beat: time.Millisecond}, func(t *testing.T, h *halltest.Hall, cfg Config) {
		for _, when := range []string{"notifier accepted", "commander accepted", "command autoconnect", "command demo.echo"} {
			h.Forget()
			r := run(t, cfg)
			stop := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-r.messages:
					default:
						_, _ = r.Send(context.Background(), &wire.Message{Topic: "demo.echo", ID: "1", Data: []byte("1")})
					}
				}
			})
			h.Await(1, when)
			r.cancel()
			if err := r.wait(); !errors.Is(err, context.Canceled) {
				t.Errorf("at %q: Run returned %v", when, err)
			}
			close(stop)
			wg.Wait()
		}
	})
}
