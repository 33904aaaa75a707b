package axon

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
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
		Data: json.RawMessage(`{"autoConnectToken":"t"}`), ARP: json.RawMessage(fmt.Sprintf(`{"t":{"token":"","port":%d}}`, port))}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
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

// refusals collects what a listener refuses.
type refusals chan error

func (r refusals) add(_ string, reason error) { r <- reason }

func (r refusals) await(t *testing.T, want error) {
	t.Helper()
	select {
	case got := <-r:
		if !errors.Is(got, want) {
			t.Errorf("refused because of %v, want %v", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("nothing was refused, want %v", want)
	}
}

func TestListenerRefusesStrangers(t *testing.T) {
	certs := certsT(t)
	secure := &ServerTLS{Cert: certs.Server.Cert, Key: certs.Server.Key}
	bomb := make([]byte, 1<<20)
	for name, c := range map[string]struct {
		listen   ListenConfig
		notifier bool
		send     []byte
		want     error
	}{
		"http on the commander":    {send: []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), want: conn.ErrProtocol},
		"tls on a plain port":      {send: []byte{0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3}, want: conn.ErrProtocol},
		"plain on a tls port":      {listen: ListenConfig{TLS: secure}, send: member([]byte("x")), want: conn.ErrTLS},
		"a frame that is none":     {send: member([]byte("hello, hall")), want: conn.ErrProtocol},
		"an announced frame":       {send: member([]byte("\x22AXON\x00\x00\x00\x05s:abc\x7f\x00\x00\x00")), want: conn.ErrProtocol},
		"much before anything":     {send: deflated(t, bomb), want: conn.ErrProtocol},
		"a silent command socket":  {want: ErrUnbound},
		"a lonely event socket":    {notifier: true, want: ErrUnbound},
		"a silent tls handshake":   {listen: ListenConfig{TLS: secure}, want: conn.ErrTLS},
		"a command without a port": {send: frame(t, &wire.Message{Topic: "x.y", ID: "1"}), want: ErrUnbound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := make(refusals, 4)
			c.listen.OnRefuse, c.listen.BindTimeout, c.listen.Heartbeat = refused.add, 300*time.Millisecond, 50*time.Millisecond
			l := listenT(t, c.listen)
			address := l.commands.Addr()
			if c.notifier {
				address = l.events.Addr()
			}
			socket, err := net.Dial("tcp", address.String())
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			socket.Write(c.send)
			refused.await(t, c.want)
			socket.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.Copy(io.Discard, socket); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the socket is still open")
			}
		})
	}
}

func frame(t *testing.T, m *wire.Message) []byte {
	t.Helper()
	b, err := wire.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return member(b)
}

func TestListenerShowsStrangersHeartbeatsOnly(t *testing.T) {
	l := listenT(t, ListenConfig{Heartbeat: 20 * time.Millisecond})
	socket, err := net.Dial("tcp", l.events.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	socket.SetReadDeadline(time.Now().Add(5 * time.Second))
	r := wire.NewReader(newInflater(socket), wire.Limits{})
	for range 5 {
		if m, err := r.Next(); err != nil || !m.IsHeartbeat() {
			t.Fatalf("received %v, %v", m, err)
		}
	}
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

func TestListenerRejectsCertificates(t *testing.T) {
	ctx := within(t)
	certs := certsT(t)
	stranger, err := certs.Add("stranger")
	if err != nil {
		t.Fatal(err)
	}
	refused := make(refusals, 100)
	l := listenT(t, ListenConfig{OnRefuse: refused.add,
		TLS: &ServerTLS{Cert: certs.Server.Cert, Key: certs.Server.Key, ClientCerts: certs.Accepted}})
	try := func(tls *TLS) error {
		client, err := reach(t, l, tls).Dial(ctx)
		if err != nil {
			return err
		}
		defer client.Close()
		client.Send(ctx, autoconnect(client.Info().Port))
		for {
			m, err := client.Receive()
			switch {
			case err != nil:
				return err
			case m.Topic == wire.TopicReject:
				return conn.ErrCertificateRejected
			}
			link, err := l.Accept(ctx)
			if err == nil {
				link.Close()
			}
			return err
		}
	}
	pin := certs.Server.Cert
	if err := try(&TLS{Pin: pin}); !errors.Is(err, conn.ErrCertificateRejected) {
		t.Errorf("no certificate: %v", err)
	}
	if err := try(&TLS{Pin: pin, Cert: stranger.Cert, Key: stranger.Key}); !errors.Is(err, conn.ErrCertificateRejected) {
		t.Errorf("an unknown certificate: %v", err)
	}
	refused.await(t, conn.ErrCertificateRejected)
	if err := certs.Accept("stranger"); err != nil {
		t.Fatal(err)
	}
	if err := try(&TLS{Pin: pin, Cert: stranger.Cert, Key: stranger.Key}); err != nil {
		t.Errorf("after it was accepted: %v", err)
	}
	if err := certs.Reject("stranger"); err != nil {
		t.Fatal(err)
	}
	if err := try(&TLS{Pin: pin, Cert: stranger.Cert, Key: stranger.Key}); !errors.Is(err, conn.ErrCertificateRejected) {
		t.Errorf("after it was removed: %v", err)
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

func deflated(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	head := []byte("\x22AXON\x00\x00\x00\x05s:abc\x00\x10\x00\x00j:")
	w.Write(head)
	w.Write(bytes.Repeat([]byte(" "), len(b)))
	w.Close()
	return out.Bytes()
}

// A renewed certificate of the hall counts for the next connections; those that
// are open live on.
func TestListenerRenewsItsCertificate(t *testing.T) {
	ctx := within(t)
	old, renewed := certsT(t), certsT(t)
	l := listenT(t, ListenConfig{TLS: &ServerTLS{Cert: old.Server.Cert, Key: old.Server.Key}})
	pinned, err := os.ReadFile(old.Server.Cert)
	if err != nil {
		t.Fatal(err)
	}
	first, err := reach(t, l, &TLS{Pin: string(pinned)}).Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	first.Send(ctx, autoconnect(first.Info().Port))
	hall, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer hall.Close()
	for from, to := range map[string]string{renewed.Server.Cert: old.Server.Cert, renewed.Server.Key: old.Server.Key} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, append(text, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	second, err := reach(t, l, &TLS{Pin: renewed.Server.Cert}).Dial(ctx)
	if err != nil {
		t.Fatalf("with the new certificate: %v", err)
	}
	second.Close()
	if _, err := reach(t, l, &TLS{Pin: string(pinned)}).Dial(ctx); !errors.Is(err, conn.ErrCertificate) {
		t.Errorf("with the old certificate: %v", err)
	}
	if _, err := hall.Receive(); err != nil {
		t.Errorf("the connection of before: %v", err)
	}
}

// A frame that begins and does not end is no reason to wait for ever.
func TestListenerFrameTimeout(t *testing.T) {
	ctx := within(t)
	l := listenT(t, ListenConfig{FrameTimeout: 100 * time.Millisecond})
	events, err := net.Dial("tcp", l.events.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	commands, err := net.Dial("tcp", l.commands.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer commands.Close()
	commands.Write(frame(t, autoconnect(uint64(events.LocalAddr().(*net.TCPAddr).Port))))
	hall, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer hall.Close()
	hall.(*link).Admit()
	if _, err := hall.Receive(); err != nil {
		t.Fatal(err)
	}
	go func() {
		whole := frame(t, &wire.Message{Topic: "a.b", Token: "x", OrcName: "a@b", ID: "1"})
		time.Sleep(200 * time.Millisecond) // a pause between two frames is no reason
		commands.Write(whole)
		commands.Write(member([]byte("\x22AXON\x00\x00\x00\x05s:a"))) // and no more
	}()
	if m, err := hall.Receive(); err != nil || m.Topic != "a.b" {
		t.Fatalf("received %v, %v", m, err)
	}
	began := time.Now()
	_, err = hall.Receive()
	if took := time.Since(began); !errors.Is(err, conn.ErrTimeout) || took > 5*time.Second {
		t.Errorf("half a frame: %v after %v", err, took)
	}
}
