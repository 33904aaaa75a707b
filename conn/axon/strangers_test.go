package axon

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

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

func TestS3ListenerFollowsItsFolder(t *testing.T) {
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

// A renewed certificate of the hall counts for the next connections; those that
// are open live on.
func TestS3ListenerRenewsItsCertificate(t *testing.T) {
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
		"an event socket speaks":   {notifier: true, send: []byte("x"), want: conn.ErrProtocol},
		"tls on the notifier":      {notifier: true, send: []byte{0x16, 3, 1}, want: conn.ErrProtocol},
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

func frame(t *testing.T, m *wire.Message) []byte {
	t.Helper()
	b, err := wire.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return member(b)
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

// An event socket that leaves before it is paired makes room at once.
func TestListenerForgetsWhoLeaves(t *testing.T) {
	ctx := within(t)
	refused := make(refusals, 100)
	l := listenT(t, ListenConfig{OnRefuse: refused.add, MaxUnbound: 1, BindTimeout: time.Minute})
	for range 5 {
		socket, err := net.Dial("tcp", l.events.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		socket.Close()
		refused.await(t, conn.ErrLinkLost)
	}
	client, err := reach(t, l, nil).Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.Send(ctx, autoconnect(client.Info().Port))
	hall, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	hall.Close()
}
