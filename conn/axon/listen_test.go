package axon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/wire"
)

func listenT(t *testing.T, cfg ListenConfig) *Listener {
	t.Helper()
	l, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// reach is a transport to a listener.
func reach(t *testing.T, l *Listener, secure *TLS) *Transport {
	t.Helper()
	commander, notifier := l.Ports()
	tr, err := New(Config{CommanderPort: commander, NotifierPort: notifier, TLS: secure,
		UnixSocketID: l.cfg.UnixSocketID, SocketDir: l.cfg.SocketDir})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// autoconnect is the first command of a client with this event port.
func autoconnect(port uint64) *wire.Message {
	return &wire.Message{Topic: wire.CommandAuto, Token: "invalid", OrcName: wire.GreatHall, ID: wire.NewID(),
		Data: json.RawMessage(`{"autoConnectToken":"t"}`), Rare: &wire.Rare{ARP: json.RawMessage(fmt.Sprintf(`{"t":{"token":"","port":%d}}`, port))}}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func certsT(t *testing.T) *interop.Certs {
	t.Helper()
	certs, err := interop.MakeCerts(t.TempDir(), "known")
	if err != nil {
		t.Fatal(err)
	}
	return certs
}

func TestListenerPairsTheSocketsOfAClient(t *testing.T) {
	certs := certsT(t)
	server := &ServerTLS{Cert: certs.Server.Cert, Key: certs.Server.Key}
	mutual := *server
	mutual.ClientCerts = certs.Accepted
	known := certs.Client("known")
	for name, c := range map[string]struct {
		listen ListenConfig
		client *TLS
	}{
		"tcp":        {},
		"deflate":    {listen: ListenConfig{Compression: 6}},
		"tls":        {listen: ListenConfig{TLS: server}, client: &TLS{Pin: certs.Server.Cert}},
		"mutual tls": {listen: ListenConfig{TLS: &mutual}, client: &TLS{Pin: certs.Server.Cert, Cert: known.Cert, Key: known.Key}},
		"unix":       {listen: ListenConfig{UnixSocketID: "pair", SocketDir: t.TempDir()}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t)
			l := listenT(t, c.listen)
			client, err := reach(t, l, c.client).Dial(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := client.Send(ctx, autoconnect(client.Info().Port)); err != nil {
				t.Fatal(err)
			}
			hall, err := l.Accept(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer hall.Close()
			m, err := hall.Receive()
			if err != nil || m.Topic != wire.CommandAuto {
				t.Fatalf("received %v, %v", m, err)
			}
			if hall.Info().Port != client.Info().Port {
				t.Errorf("the port is %d here, %d there", hall.Info().Port, client.Info().Port)
			}
			hall.(*link).Admit()
			if _, err := hall.Send(ctx, &wire.Message{Topic: "a::b", Token: "x", ID: "1"}); err != nil {
				t.Fatal(err)
			}
			for {
				m, err := client.Receive()
				if err != nil {
					t.Fatal(err)
				}
				if !m.IsHeartbeat() {
					if m.Topic != "a::b" {
						t.Errorf("the client received %v", m)
					}
					break
				}
			}
			certificate := hall.(*link).PeerCertificate()
			if shown := certificate != nil; shown != (name == "mutual tls") {
				t.Errorf("a certificate was shown: %v", shown)
			}
			client.Close()
			if _, err := hall.Receive(); !errors.Is(err, conn.ErrLinkLost) {
				t.Errorf("after the client has left: %v", err)
			}
		})
	}
}

// Many clients at once, which is where sockets could be mistaken for those of
// another client.
func TestListenerKeepsClientsApart(t *testing.T) {
	ctx := within(t)
	l := listenT(t, ListenConfig{})
	const clients = 60
	var wg sync.WaitGroup
	wg.Go(func() {
		for range clients {
			hall, err := l.Accept(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			wg.Go(func() {
				defer hall.Close()
				m, err := hall.Receive()
				if err != nil {
					t.Error(err)
					return
				}
				hall.Send(ctx, &wire.Message{Topic: "echo::" + m.ID, Token: "x", ID: "1"})
				hall.Receive() // until it leaves
			})
		}
	})
	for range clients {
		wg.Go(func() {
			client, err := reach(t, l, nil).Dial(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			defer client.Close()
			ask := autoconnect(client.Info().Port)
			client.Send(ctx, ask)
			for {
				m, err := client.Receive()
				if err != nil {
					t.Error(err)
					return
				}
				if m.IsHeartbeat() {
					continue
				}
				if m.Topic != "echo::"+ask.ID {
					t.Errorf("%s got the answer of another client: %s", ask.ID, m.Topic)
				}
				return
			}
		})
	}
	wg.Wait()
}

func TestListenerAdmitsByAddressAndCertificate(t *testing.T) {
	a, b := &guest{key: key{port: 7}, pid: 1}, &guest{key: key{port: 8}, pid: 1}
	for _, g := range []*guest{a, b} {
		g.socket, _ = net.Pipe()
	}
	room := newWaitingRoom(ListenConfig{}, true)
	room.guests = map[key]*guest{a.key: a, b.key: b}
	for name, c := range map[string]struct {
		claim claim
		want  *guest
	}{
		"its port":                    {claim{pid: 1, ports: []uint64{8}}, b},
		"a port among others":         {claim{pid: 1, ports: []uint64{5, 7}}, a},
		"no such port":                {claim{pid: 1, ports: []uint64{9}}, nil},
		"another process":             {claim{pid: 2, ports: []uint64{8}}, nil},
		"another address":             {claim{pid: 1, address: keyAddress(t, "10.0.0.1"), ports: []uint64{8}}, nil},
		"without a port, two waiting": {claim{pid: 1, unix: true}, nil},
		"a proxy, two waiting":        {claim{pid: 1, anyPort: true, ports: []uint64{9}}, nil},
	} {
		if got := room.find(c.claim); got != c.want {
			t.Errorf("%s: found %v, want %v", name, got, c.want)
		}
	}
	delete(room.guests, b.key)
	if room.find(claim{pid: 1, anyPort: true, ports: []uint64{9}}) != a || room.find(claim{pid: 1, unix: true}) != a {
		t.Error("the only one that waits is not found")
	}
	if room.find(claim{pid: 1}) != nil {
		t.Error("a socket without a port was paired although it is on TCP")
	}
}

func TestListenBusy(t *testing.T) {
	first := listenT(t, ListenConfig{})
	commander, notifier := first.Ports()
	if commander == 0 || notifier == 0 || commander == notifier {
		t.Fatalf("the ports are %d and %d", commander, notifier)
	}
	_, err := Listen(ListenConfig{CommanderPort: commander, Exact: true})
	if e, ok := errors.AsType[*conn.Error](err); !ok || e.Hint == "" || e.Op != "listen" {
		t.Errorf("a busy port gives %v", err)
	}
	second := listenT(t, ListenConfig{CommanderPort: commander})
	if got, _ := second.Ports(); got <= commander {
		t.Errorf("beside %d the port is %d", commander, got)
	}

	dir := t.TempDir()
	third := listenT(t, ListenConfig{UnixSocketID: "busy1", SocketDir: dir})
	if c, n := third.Ports(); c != 35400 || n != 35800 {
		t.Errorf("the default ports of unix sockets are %d and %d", c, n)
	}
	fourth := listenT(t, ListenConfig{UnixSocketID: "busy1", SocketDir: dir})
	if c, n := fourth.Ports(); c != 35401 || n != 35801 {
		t.Errorf("beside a living hall the ports are %d and %d", c, n)
	}
	stale := filepath.Join(dir, "stale35400-cmd.sock")
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	socket.SetUnlinkOnClose(false)
	socket.Close()
	fifth := listenT(t, ListenConfig{UnixSocketID: "stale", SocketDir: dir, Exact: true})
	if c, _ := fifth.Ports(); c != 35400 {
		t.Errorf("an old file was not removed: the port is %d", c)
	}
}

func TestListenConfigErrors(t *testing.T) {
	certs := certsT(t)
	for name, c := range map[string]ListenConfig{
		"a port that is none":  {CommanderPort: 70000},
		"unix and tls":         {UnixSocketID: "a", TLS: &ServerTLS{}},
		"a path as identifier": {UnixSocketID: "a/b"},
		"no key":               {TLS: &ServerTLS{Cert: certs.Server.Cert}},
		"another key":          {TLS: &ServerTLS{Cert: certs.Server.Cert, Key: certs.Client("known").Key}},
		"no such folder":       {TLS: &ServerTLS{Cert: certs.Server.Cert, Key: certs.Server.Key, ClientCerts: "/nowhere"}},
		"level":                {Compression: 12},
		"negative":             {MaxUnbound: -1},
	} {
		if l, err := Listen(c); err == nil {
			l.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// A listener that is closed leaves nothing behind, whoever is still waiting.
func TestListenerClose(t *testing.T) {
	l := listenT(t, ListenConfig{})
	for _, a := range []net.Addr{l.events.Addr(), l.commands.Addr()} {
		socket, err := net.Dial("tcp", a.String())
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
	}
	done := make(chan error)
	go func() {
		_, err := l.Accept(context.Background())
		done <- err
	}()
	l.Close()
	if err := <-done; !errors.Is(err, io.EOF) {
		t.Errorf("Accept returned %v", err)
	}
}

func keyAddress(t *testing.T, s string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
