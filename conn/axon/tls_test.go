package axon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/wire"
)

func elsewhere(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"elsewhere.invalid"}, nil }
func expired(c *x509.Certificate)   { c.NotAfter = time.Now().Add(-time.Minute) }
func future(c *x509.Certificate)    { c.NotBefore = time.Now().Add(time.Minute) }

// firstSign dials and receives until something came or the link has ended.
func firstSign(t *testing.T, cfg Config) error {
	t.Helper()
	l, err := transport(t, cfg).Dial(t.Context())
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := l.Send(t.Context(), &wire.Message{Topic: "autoconnect", ID: "1", Data: []byte("{}")}); err != nil {
		return err
	}
	_, err = l.Receive()
	if err == nil && !l.Info().Secure {
		return errors.New("the link is not secure")
	}
	return err
}

func TestTrust(t *testing.T) {
	authority := halltest.SelfSigned(t)
	self, other := halltest.SelfSigned(t), halltest.SelfSigned(t)
	wrongName, tooOld, tooYoung := authority.Issue(t, elsewhere), authority.Issue(t, expired), authority.Issue(t, future)
	oldSelf := halltest.SelfSigned(t, expired)
	for _, test := range []struct {
		name string
		hall *halltest.Certificate
		tls  TLS
		want error // nil: it works
		text string
	}{
		{"the authority", authority.Issue(t), TLS{CA: authority.Cert}, nil, ""},
		{"self-signed as its own authority", self, TLS{CA: self.Cert}, nil, ""},
		{"pinned", self, TLS{Pin: self.Cert}, nil, ""},
		{"pinned, whatever its name", wrongName, TLS{Pin: wrongName.Cert}, nil, ""},
		{"a name that was given", wrongName, TLS{CA: authority.Cert, ServerName: "elsewhere.invalid"}, nil, ""},
		{"another authority", self, TLS{CA: other.Cert}, conn.ErrCertificate, "give the CA that signed it, or pin"},
		{"the authorities of the system", self, TLS{}, conn.ErrCertificate, "give the CA"},
		{"another name", wrongName, TLS{CA: authority.Cert}, conn.ErrCertificate, "another name"},
		{"expired", tooOld, TLS{CA: authority.Cert}, conn.ErrCertificate, "expired"},
		{"not valid yet", tooYoung, TLS{CA: authority.Cert}, conn.ErrCertificate, "not yet valid"},
		{"another one is pinned", self, TLS{Pin: other.Cert}, conn.ErrCertificate, "was it renewed?"},
		{"pinned and expired", oldSelf, TLS{Pin: oldSelf.Cert}, conn.ErrCertificate, "expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := halltest.New(t, halltest.TLS(test.hall.Server()), halltest.Script{})
			err := firstSign(t, to(h, func(c *Config) { c.TLS = &test.tls }))
			switch {
			case test.want == nil && err != nil:
				t.Error(err)
			case test.want != nil && (conn.ReasonOf(err) != test.want || !strings.Contains(err.Error(), test.text) || !conn.Permanent(err)):
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestTLSOnOneSideOnly(t *testing.T) {
	cert := halltest.SelfSigned(t)
	withTLS := func(c *Config) { c.TLS = &TLS{CA: cert.Cert} }
	t.Run("the client", func(t *testing.T) {
		h := halltest.New(t, halltest.TCP(), halltest.Script{Beat: 5 * time.Millisecond})
		if err := firstSign(t, to(h, withTLS)); conn.ReasonOf(err) != conn.ErrTLSUnexpected || !conn.Permanent(err) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("the client, and a hall that is silent", func(t *testing.T) {
		h := halltest.New(t, halltest.TCP(), halltest.Script{Beat: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := transport(t, to(h, withTLS)).Dial(ctx)
		if conn.ReasonOf(err) != conn.ErrTimeout || !strings.Contains(err.Error(), "does it speak TLS at all?") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("the client, and a hall that hangs up", func(t *testing.T) {
		notifier, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer notifier.Close()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			hello, err := notifier.Accept()
			if err != nil {
				return
			}
			hello.Read(make([]byte, 1<<10))
			hello.Close()
			if asked, err := notifier.Accept(); err == nil {
				asked.Write(halltest.Member(framed(t, wire.Heartbeat())))
				asked.Close()
			}
		})
		cfg := Config{NotifierPort: notifier.Addr().(*net.TCPAddr).Port}
		if _, err := transport(t, cfg.with(withTLS)).Dial(t.Context()); conn.ReasonOf(err) != conn.ErrTLSUnexpected {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("the hall", func(t *testing.T) {
		h := halltest.New(t, halltest.TLS(cert.Server()), halltest.Script{})
		err := firstSign(t, to(h))
		if conn.ReasonOf(err) != conn.ErrTLSRequired || !conn.Permanent(err) || !strings.Contains(err.Error(), "xcrafts://") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("the hall, with client certificates", func(t *testing.T) {
		h := halltest.New(t, halltest.TLS(cert.Server(cert)), halltest.Script{})
		if err := firstSign(t, to(h)); conn.ReasonOf(err) != conn.ErrTLSRequired {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		h := halltest.New(t, halltest.TCP(), halltest.Script{Refuse: true})
		if err := firstSign(t, to(h)); conn.ReasonOf(err) != conn.ErrLinkLost {
			t.Errorf("a hall that closes without a word: %v", err)
		}
	})
}

func TestClientCertificates(t *testing.T) {
	server, clients, other := halltest.SelfSigned(t), halltest.SelfSigned(t), halltest.SelfSigned(t)
	good := clients.Issue(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := server.Server(clients)
		cfg.MaxVersion = version
		h := halltest.New(t, halltest.TLS(cfg), halltest.Script{})
		for _, test := range []struct {
			name string
			cert *halltest.Certificate
			want error
		}{
			{"accepted", good, nil},
			{"of another authority", other, conn.ErrCertificateRejected},
			{"expired", clients.Issue(t, expired), conn.ErrCertificateRejected},
			{"none", nil, conn.ErrCertificateRejected},
		} {
			t.Run(tls.VersionName(version)+", "+test.name, func(t *testing.T) {
				err := firstSign(t, to(h, func(c *Config) {
					c.TLS = &TLS{CA: server.Cert}
					if test.cert != nil {
						c.TLS.Cert, c.TLS.Key = test.cert.Cert, test.cert.Key
					}
				}))
				if conn.ReasonOf(err) != test.want || (err != nil) != (test.want != nil) || conn.Permanent(err) != (test.want != nil) {
					t.Errorf("the error is %v", err)
				}
			})
		}
	}
}

// Xcraft halls take anybody into TLS, and say by a frame whom they do not want
// (protocol §2.5).
func TestRejectionByAFrame(t *testing.T) {
	server := halltest.SelfSigned(t)
	for name, kind := range map[string]halltest.Backend{"tcp": halltest.TCP(), "tls": halltest.TLS(server.Server()), "unix": halltest.Unix()} {
		t.Run(name, func(t *testing.T) {
			h := halltest.New(t, kind, halltest.Script{Reject: true})
			err := run(t, to(h, func(c *Config) {
				if name == "tls" {
					c.TLS = &TLS{CA: server.Cert}
				}
			})).wait()
			if conn.ReasonOf(err) != conn.ErrCertificateRejected || !strings.Contains(err.Error(), "Unauthorized client connection") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWhereCertificatesComeFrom(t *testing.T) {
	server, client := halltest.SelfSigned(t), halltest.SelfSigned(t)
	h := halltest.New(t, halltest.TLS(server.Server(client)), halltest.Script{})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ca.pem"), server.Cert)
	write(t, filepath.Join(dir, "cert.pem"), client.Cert)
	write(t, filepath.Join(dir, "key.pem"), client.Key)
	encoded := func(s string) string { return "base64:" + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, source := range map[string]TLS{
		"text":           {CA: server.Cert, Cert: client.Cert, Key: client.Key},
		"base64":         {CA: encoded(server.Cert), Cert: encoded(client.Cert), Key: encoded(client.Key)},
		"relative paths": {CA: "ca.pem", Cert: "cert.pem", Key: "key.pem", ResourceDir: dir},
		"absolute paths": {CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), ResourceDir: "elsewhere"},
		"pinned":         {Pin: "ca.pem", Cert: "cert.pem", Key: "key.pem", ResourceDir: dir},
	} {
		t.Run(name, func(t *testing.T) {
			if err := firstSign(t, to(h, func(c *Config) { c.TLS = &source })); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWrongTLSConfigurations(t *testing.T) {
	a, b := halltest.SelfSigned(t), halltest.SelfSigned(t)
	for _, test := range []struct {
		tls  TLS
		want string
	}{
		{TLS{CA: a.Cert, Pin: a.Cert}, "both CA and Pin"},
		{TLS{CA: "none.pem"}, "TLS.CA: open none.pem"},
		{TLS{CA: "base64:!"}, "TLS.CA is no valid base64"},
		{TLS{CA: a.Key}, "TLS.CA holds no certificate"},
		{TLS{Pin: a.Key}, "TLS.Pin: no certificate in it"},
		{TLS{Pin: "base64:" + base64.StdEncoding.EncodeToString([]byte("x"))}, "TLS.Pin: no certificate in it"},
		{TLS{CA: a.Cert, Cert: a.Cert}, "only one of Cert and Key"},
		{TLS{CA: a.Cert, Key: a.Key}, "only one of Cert and Key"},
		{TLS{CA: a.Cert, Cert: a.Cert, Key: b.Key}, "do not fit together"},
		{TLS{CA: a.Cert, Cert: "none.pem", Key: b.Key}, "TLS.Cert: open none.pem"},
		{TLS{CA: a.Cert, Cert: a.Cert, Key: "none.pem"}, "TLS.Key: open none.pem"},
	} {
		_, err := transport(t, Config{TLS: &test.tls}).Dial(t.Context())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("the error is %v, want %s", err, test.want)
		}
	}
}

// Files are read at each dial: a renewed certificate counts from then on.
func TestRenewedFiles(t *testing.T) {
	one, two := halltest.SelfSigned(t), halltest.SelfSigned(t)
	cfg := one.Server()
	cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }
	current := one
	cfg.Certificates = nil
	cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &current.TLS, nil }
	h := halltest.New(t, halltest.TLS(cfg), halltest.Script{})
	path := filepath.Join(t.TempDir(), "ca.pem")
	client := to(h, func(c *Config) { c.TLS = &TLS{CA: path} })
	tr := transport(t, client)
	try := func() error {
		l, err := tr.Dial(t.Context())
		if err == nil {
			l.Close()
		}
		return err
	}
	write(t, path, one.Cert)
	if err := try(); err != nil {
		t.Error(err)
	}
	h.Await(1, "commander closed") // nobody looks at current any more
	current = two
	if err := try(); !errors.Is(err, conn.ErrCertificate) {
		t.Errorf("with the old file: %v", err)
	}
	write(t, path, two.Cert)
	if err := try(); err != nil {
		t.Errorf("with the new file: %v", err)
	}
}

func TestAlerts(t *testing.T) {
	for text, want := range map[string]bool{
		"tls: bad certificate": true, "tls: certificate required": true, "tls: unknown certificate authority": true, "tls: unknown certificate": true,
		"tls: expired certificate": true, "tls: revoked certificate": true, "tls: unsupported certificate": true, "tls: access denied": true,
		"tls: handshake failure": false, "tls: protocol version not supported": false, "tls: internal error": false,
	} {
		err := &net.OpError{Op: "remote error", Err: errors.New(text)}
		if isAlert(err) != want {
			t.Errorf("%q is about our certificate: %v", text, !want)
		}
		if isAlert(&net.OpError{Op: "read", Err: errors.New(text)}) || isAlert(errors.New(text)) {
			t.Errorf("%q counts although the peer has not said it", text)
		}
	}
}
