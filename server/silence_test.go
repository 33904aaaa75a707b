package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// A memoryNet is where a hall listens whose sockets are pipes, so that its
// timeouts pass in virtual time.
type memoryNet struct {
	doors map[string]*memoryDoor
	ports int
}

type memoryDoor struct {
	address net.Addr
	sockets chan net.Conn
	closed  chan struct{}
}

func (n *memoryNet) open(_, address string) (net.Listener, error) {
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	d := &memoryDoor{address: at, sockets: make(chan net.Conn), closed: make(chan struct{})}
	n.doors[address] = d
	return d, nil
}

// dial returns the client's end of a socket, which has a port of its own.
func (n *memoryNet) dial(address string) net.Conn {
	d := n.doors[address]
	n.ports++
	here := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50_000 + n.ports}
	near, far := net.Pipe()
	d.sockets <- pipeEnd{far, d.address, here}
	return pipeEnd{near, here, d.address}
}

func (d *memoryDoor) Accept() (net.Conn, error) {
	select {
	case c := <-d.sockets:
		return c, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d *memoryDoor) Close() error   { close(d.closed); return nil }
func (d *memoryDoor) Addr() net.Addr { return d.address }

type pipeEnd struct {
	net.Conn
	local, remote net.Addr
}

func (p pipeEnd) LocalAddr() net.Addr  { return p.local }
func (p pipeEnd) RemoteAddr() net.Addr { return p.remote }

const memoryCommands, memoryEvents = "127.0.0.1:35400", "127.0.0.1:35800"

// inSilence runs a test in virtual time, with a hall that has its default settings.
func inSilence(t *testing.T, cfg server.Config, test func(t *testing.T, hall *server.Hall, n *memoryNet)) {
	synctest.Test(t, func(t *testing.T) {
		n := &memoryNet{doors: make(map[string]*memoryDoor)}
		cfg.Sockets.Open = n.open
		hall, err := server.Listen(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer hall.Close()
		demo(t, hall)
		test(t, hall, n)
	})
}

// bareIn is a bare client whose sockets are pipes.
func bareIn(t *testing.T, n *memoryNet) *bare {
	b := &bare{t: t, events: n.dial(memoryEvents), commands: n.dial(memoryCommands)}
	b.reader = newBareReader(b.events)
	return b
}

// drained reads what comes until the socket has ended, and says when that was.
func drained(sockets ...io.Reader) chan time.Time {
	ends := make(chan time.Time, len(sockets))
	for _, s := range sockets {
		go func() {
			io.Copy(io.Discard, s)
			ends <- time.Now()
		}()
	}
	return ends
}

// W1, W4, W6: who is silent, or says the half and is silent then, is given the
// time that it may take, and no more. All is in virtual time, under the defaults.
func TestW6Silence(t *testing.T) {
	seven := announcing(7 << 20) // less than a client may send
	half := announcing(1<<29 - 1)
	for name, c := range map[string]struct {
		stage string
		send  []byte
		want  server.Reason
		after time.Duration
	}{
		"nothing, on the commander":       {"commander", nil, server.NotPaired, 5 * time.Second},
		"nothing, on the notifier":        {"notifier", nil, server.NotPaired, 5 * time.Second},
		"half a gzip head":                {"commander", gz(nil)[:5], server.NotPaired, 5 * time.Second},
		"a command of nobody":             {"commander", gz(amp("s:demo.echo", `j:{"id":"1"}`)), server.NotPaired, 5 * time.Second},
		"an autoconnect without a port":   {"commander", gz(amp("s:autoconnect", `j:{"id":"1"}`)), server.NotPaired, 5 * time.Second},
		"7 MiB announced by a stranger":   {"commander", gz(seven), server.NotPaired, 5 * time.Second},
		"512 MiB announced by a stranger": {"commander", gz(half), server.NotProtocol, 0},
		"no autoconnect":                  {"paired", nil, server.Unbound, 5 * time.Second},
		"7 MiB announced before":          {"paired", gz(seven), server.Unbound, 5 * time.Second},
		"512 MiB announced before":        {"paired", gz(half), server.BadPeer, 0},
		"7 MiB announced by a client":     {"bound", gz(seven), server.TooSlow, 30 * time.Second},
		"512 MiB announced by a client":   {"bound", gz(half), server.BadPeer, 0},
		"half a frame":                    {"bound", gz(someFrame[:3]), server.TooSlow, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inSilence(t, server.Config{}, func(t *testing.T, hall *server.Hall, n *memoryNet) {
				var sockets []io.Reader
				to := io.Discard.(io.Writer)
				switch c.stage {
				case "commander", "notifier":
					socket := n.dial(map[string]string{"commander": memoryCommands, "notifier": memoryEvents}[c.stage])
					sockets, to = []io.Reader{socket}, socket
				default:
					b := bareIn(t, n)
					if c.stage == "bound" {
						b.bind()
					} else {
						go io.Copy(io.Discard, b.events)
						b.pair(hall)
					}
					sockets, to = []io.Reader{b.events, b.commands}, b.commands
				}
				before, began := reasonsOf(hall), time.Now()
				ends := drained(sockets...)
				to.Write(c.send)
				for range sockets {
					if took := (<-ends).Sub(began).Round(10 * time.Millisecond); took > c.after || took < c.after-20*time.Millisecond {
						t.Errorf("the socket was open for %v, want %v", took, c.after)
					}
				}
				counted(t, hall, before, c.want)
			})
		})
	}
}

// A frame that comes byte by byte has the time of a frame, not that of a byte.
func TestW6Trickle(t *testing.T) {
	inSilence(t, server.Config{}, func(t *testing.T, hall *server.Hall, n *memoryNet) {
		b := bareIn(t, n)
		b.bind()
		before, began := reasonsOf(hall), time.Now()
		ends := drained(b.events, b.commands)
		for _, c := range append(announcing(1000), bytes.Repeat([]byte(" "), 1000)...) {
			if _, err := b.commands.Write(gz([]byte{c})); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := (<-ends).Sub(began); took != 30*time.Second {
			t.Errorf("the connection was open for %v", took)
		}
		counted(t, hall, before, server.TooSlow)
	})
}

// Who has nothing to say is no hostile: a client may be silent between frames,
// and even in the head of the next gzip member, for as long as it wants.
func TestW6IdleClientsStay(t *testing.T) {
	inSilence(t, server.Config{}, func(t *testing.T, hall *server.Hall, n *memoryNet) {
		b := bareIn(t, n)
		b.bind()
		next := gz(amp("s:demo.echo", "j:"+b.command(`"data":1`)))
		b.write(next[:4])
		answer := make(chan *wire.Message)
		go func() { answer <- b.await(b.orc + "::demo.echo.h.finished") }()
		time.Sleep(time.Hour)
		b.write(next[4:])
		if m := <-answer; string(m.Data) != "1" {
			t.Errorf("the answer is %s", m.Data)
		}
		if got := reasonsOf(hall); got[server.WrongToken] != 0 || len(got) != 0 {
			t.Errorf("counted are %v", got)
		}
		b.commands.Close()
		b.events.Close()
	})
}

// A TLS handshake that is not made has five seconds; so has one that is made and
// nothing behind it.
func TestS2SilentHandshake(t *testing.T) {
	cert := halltest.SelfSigned(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"cert.pem": cert.Cert, "key.pem": cert.Key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	url := fmt.Sprintf("xcrafts://%s?events=35800&cert=%[2]s/cert.pem&key=%[2]s/key.pem", memoryCommands, dir)
	inSilence(t, server.Config{Listen: []string{url}}, func(t *testing.T, hall *server.Hall, n *memoryNet) {
		for _, address := range []string{memoryCommands, memoryEvents} {
			before, began := reasonsOf(hall), time.Now()
			if took := (<-drained(n.dial(address))).Sub(began); took != 5*time.Second {
				t.Errorf("%s: open for %v", address, took)
			}
			counted(t, hall, before, server.BadTLS)
		}
	})
}

// A client that takes nothing, below the limit of its queue, is given up after
// the time that a write may take.
func TestStalledConsumer(t *testing.T) {
	inSilence(t, server.Config{}, func(t *testing.T, hall *server.Hall, n *memoryNet) {
		b := bareIn(t, n)
		b.bind()
		before, began := reasonsOf(hall), time.Now()
		hall.Publish(t.Context(), "big::news", strings.Repeat("x", 2_000_000))
		ends := drained(b.commands)
		if took := (<-ends).Sub(began); took != axon.DefaultServerWriteTimeout {
			t.Errorf("it was given up after %v", took)
		}
		counted(t, hall, before, server.TooSlow)
		if _, err := b.reader.Next(); !errors.Is(err, io.EOF) && !errors.Is(err, wire.ErrTruncated) {
			t.Errorf("received %v", err)
		}
	})
}
