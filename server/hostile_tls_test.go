package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// S2: whom a hall with client certificates does not let in, with which reason it
// counts both of the sockets, and what their client is told.
func TestS2TLS(t *testing.T) {
	authority, stranger := halltest.SelfSigned(t), halltest.SelfSigned(t)
	dir := t.TempDir()
	own := halltest.SelfSigned(t)
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put("accepted/authority.pem", authority.Cert)
	cfg := server.Config{Listen: []string{fmt.Sprintf("xcrafts://127.0.0.1:0?cert=%s&key=%s&clients=%s",
		put("cert.pem", own.Cert), put("key.pem", own.Key), filepath.Join(dir, "accepted"))}}
	cfg.Sockets.BindTimeout = noTimeout
	hall := openT(t, cfg)
	demo(t, hall)
	certificate := func(change ...func(*x509.Certificate)) *halltest.Certificate { return authority.Issue(t, change...) }
	good := certificate()
	near := connectT(t, hall.URL(), xbus.WithTLS(axon.TLS{Pin: own.Cert, Cert: good.Cert, Key: good.Key}))
	for _, c := range []struct {
		name     string
		shown    *halltest.Certificate
		versions [2]uint16 // 0: the usual ones
		want     server.Reason
		told     error
	}{
		{name: "good", shown: certificate()},
		{name: "good, TLS 1.2", shown: certificate(), versions: [2]uint16{tls.VersionTLS12, tls.VersionTLS12}},
		{name: "none", want: server.BadCertificate, told: conn.ErrCertificateRejected},
		{name: "none, TLS 1.2", versions: [2]uint16{tls.VersionTLS12, tls.VersionTLS12}, want: server.BadCertificate, told: conn.ErrCertificateRejected},
		{name: "of an unknown authority", shown: stranger, want: server.BadCertificate, told: conn.ErrCertificateRejected},
		{name: "expired", shown: certificate(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
			want: server.BadCertificate, told: conn.ErrCertificateRejected},
		{name: "not valid yet", shown: certificate(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }),
			want: server.BadCertificate, told: conn.ErrCertificateRejected},
		{name: "of a server", shown: certificate(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
			want: server.BadCertificate, told: conn.ErrCertificateRejected},
		{name: "TLS 1.0", shown: certificate(), versions: [2]uint16{tls.VersionTLS10, tls.VersionTLS10}, want: server.BadTLS, told: conn.ErrTLS},
		{name: "TLS 1.1", shown: certificate(), versions: [2]uint16{tls.VersionTLS11, tls.VersionTLS11}, want: server.BadTLS, told: conn.ErrTLS},
		{name: "plain", want: server.BadTLS}, // the end tells, see below
	} {
		t.Run(c.name, func(t *testing.T) {
			before := reasonsOf(hall)
			cfg := &tls.Config{InsecureSkipVerify: true, MinVersion: c.versions[0], MaxVersion: c.versions[1]}
			if c.shown != nil {
				cfg.Certificates = []tls.Certificate{c.shown.TLS}
			}
			commander, notifier := hall.Ports()
			began := time.Now()
			var err error
			if c.name == "plain" {
				for _, port := range []int{commander, notifier} {
					socket := dialPort(t, port)
					socket.Write(gz(someFrame))
					ended(t, socket)
				}
			} else {
				err = firstWord(tls.Client(dialPort(t, notifier), cfg))
				commands := tls.Client(dialPort(t, commander), cfg)
				if c.want == "" {
					if err := commands.Handshake(); err != nil {
						t.Error(err)
					}
					commands.Close()
				} else {
					ended(t, commands)
				}
			}
			if !errors.Is(err, c.told) {
				t.Errorf("the client is told %v, want %v", err, c.told)
			}
			t.Logf("told after %v", time.Since(began))
			if c.want == "" {
				counted(t, hall, before, server.SocketAbandoned, server.SocketAbandoned)
				return
			}
			counted(t, hall, before, c.want, c.want)
			if got, err := xbus.Call[int](within(t), near, "demo.echo", 7).Await(within(t)); err != nil || got != 7 {
				t.Errorf("the neighbour: %v, %v", got, err)
			}
		})
	}
}

// noTimeout is longer than a test waits: what comes all the same comes for another
// reason.
const noTimeout = time.Hour

// firstWord reads the first frame of a notifier and gives a rejection the names
// that clients give it.
func firstWord(events *tls.Conn) error {
	defer events.Close()
	if err := events.Handshake(); err != nil {
		if strings.Contains(err.Error(), "protocol version not supported") {
			return conn.ErrTLS
		}
		return err
	}
	m, err := newBareReader(events).Next()
	switch {
	case err != nil:
		return err
	case m.Topic == wire.TopicReject && string(m.Member("code")) == `"XCRAFT_AXON_CLIENT_CERTIFICATE_REJECT"`:
		return conn.ErrCertificateRejected
	case m.IsHeartbeat():
		return nil
	}
	return fmt.Errorf("received %v", m)
}

// A client of xbus gives the reason to its user, at once.
func TestS2ClientsAreTold(t *testing.T) {
	own, stranger := halltest.SelfSigned(t), halltest.SelfSigned(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"cert.pem": own.Cert, "key.pem": own.Key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "accepted"), 0o700); err != nil {
		t.Fatal(err)
	}
	cfg := server.Config{Listen: []string{fmt.Sprintf("xcrafts://127.0.0.1:0?cert=%[1]s/cert.pem&key=%[1]s/key.pem&clients=%[1]s/accepted", dir)}}
	cfg.Sockets.BindTimeout = noTimeout
	hall := openT(t, cfg)
	commander, notifier := hall.Ports()
	for name, c := range map[string]struct {
		scheme string
		tls    *axon.TLS
		want   error
	}{
		"none":    {"xcrafts", &axon.TLS{Pin: own.Cert}, conn.ErrCertificateRejected},
		"unknown": {"xcrafts", &axon.TLS{Pin: own.Cert, Cert: stranger.Cert, Key: stranger.Key}, conn.ErrCertificateRejected},
		"another": {"xcrafts", &axon.TLS{Pin: stranger.Cert}, conn.ErrCertificate},
		"plain":   {"xcraft", nil, conn.ErrTLSRequired},
	} {
		var opts []xbus.Option
		if c.tls != nil {
			opts = append(opts, xbus.WithTLS(*c.tls))
		}
		client, err := xbus.Connect(within(t), fmt.Sprintf("%s://%s?events=%d", c.scheme, net.JoinHostPort("127.0.0.1", fmt.Sprint(commander)), notifier), opts...)
		if err == nil {
			client.Close()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: told %v", name, err)
		}
	}
}

// S4: code in events is text, for the hall and for who receives them.
func TestS4CodeIsText(t *testing.T) {
	hall := openT(t, server.Config{Offer: []string{"broadcast"}})
	demo(t, hall)
	a, b := joinRaw(t, hall.URL()), joinRaw(t, hall.URL())
	code := `"{\"f\":\"function(){process.exit(1)}\",\"g\":\"() => require('child_process').exec('id')\",\"t\":\"${7*7}\"}"`
	m := a.message("demo.echo", code)
	m.Serialized = true
	a.send(m)
	if got := a.answer("demo.echo", m.ID); string(got.Data) != code {
		t.Errorf("the echo is %s", got.Data)
	}
	a.command("broadcast", `{"topic":"a::code","msg":{"serialized":true,"data":`+code+`}}`)
	if got := b.await("a::code"); string(got.Data) != code || !got.Serialized {
		t.Errorf("the event is %s, serialized: %v", got.Data, got.Serialized)
	}
}
