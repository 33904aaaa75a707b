package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/config"
	"github.com/xcraft-go/xbus/conn/axon"
)

// A target is what the doctor looks at by itself, beneath the library.
type target struct {
	network string
	host    string // of TCP
	sockets []string
	secure  bool
	pin     string
}

// dialTimeout bounds each step that the doctor takes by itself.
const dialTimeout = 3 * time.Second

// address resolves the host. nil for what has no sockets.
func (d *doctor) address(ctx context.Context, cfg *config.Config) *target {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		d.fail("address", err)
		return nil
	}
	query := u.Query()
	switch u.Scheme {
	case "xcraft+unix":
		return d.unixAddress(cfg, u.Host, query.Get("dir"))
	case "xcraft", "xcrafts":
	default:
		d.step("address", suspect, "", "%s addresses are looked at by connecting only", u.Scheme)
		return nil
	}
	t := &target{network: "tcp", host: u.Hostname(), secure: u.Scheme == "xcrafts", pin: query.Get("pin")}
	t.sockets = []string{net.JoinHostPort(t.host, u.Port()), net.JoinHostPort(t.host, query.Get("events"))}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, t.host)
	if err != nil {
		d.fail("address", &codeError{codeConnection, fmt.Errorf("%s has no address: %w", t.host, err), "is the name right? it comes from " + cfg.Setting("host").Origin})
		return nil
	}
	d.step("address", fine, "", "%s is %s", t.host, strings.Join(addresses, ", "))
	return t
}

func (d *doctor) unixAddress(cfg *config.Config, id, dir string) *target {
	commands, events := axon.SocketPaths(dir, id, cfg.Hall.CommanderPort, cfg.Hall.NotifierPort)
	t := &target{network: "unix", sockets: []string{commands, events}}
	for _, path := range t.sockets {
		if _, err := os.Stat(path); err != nil {
			d.fail("address", &codeError{codeConnection, err, "does the hall run, with the unixSocketId " + id + " and these ports? the id comes from " + cfg.Setting("unixSocketId").Origin})
			return nil
		}
	}
	d.step("address", fine, "", "%s and %s exist", commands, events)
	return t
}

func (d *doctor) sockets(ctx context.Context, t *target) {
	dialer := net.Dialer{Timeout: dialTimeout}
	for i, name := range []string{"commander", "notifier"} {
		c, err := dialer.DialContext(ctx, t.network, t.sockets[i])
		if err != nil {
			hint := "does the hall run, and is this its port? a hall takes the next port when one is busy; a firewall answers late or never"
			d.fail("sockets", &codeError{codeConnection, fmt.Errorf("%s %s: %w", name, t.sockets[i], err), hint})
			return
		}
		c.Close()
	}
	d.step("sockets", fine, "", "%s and %s take connections", t.sockets[0], t.sockets[1])
}

// encryption shows the certificate of the hall, without judging it: what the
// client makes of it is the handshake's to say.
func (d *doctor) encryption(ctx context.Context, t *target) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: &tls.Config{
		InsecureSkipVerify: true, // nothing is sent: the certificate is looked at
		ServerName:         t.host,
	}}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := dialer.DialContext(ctx, "tcp", t.sockets[0])
	if err != nil {
		d.fail("tls", &codeError{codeRefused, fmt.Errorf("the TLS handshake with %s: %w", t.sockets[0], err), "does the hall speak TLS? without it the address begins with xcraft://"})
		return
	}
	defer c.Close()
	state := c.(*tls.Conn).ConnectionState()
	cert := state.PeerCertificates[0]
	d.step("tls", fine, "", "%s, certificate of %q, until %s", tls.VersionName(state.Version), cert.Subject.CommonName, cert.NotAfter.Format(time.DateOnly))
	now := time.Now()
	switch {
	case now.After(cert.NotAfter) || now.Before(cert.NotBefore):
		d.step("clock", suspect, "renew the certificate, or set the clock right", "by our clock, %s, the certificate is not valid (%s to %s)",
			now.Format(time.RFC3339), cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly))
	default:
		d.step("clock", fine, "", "by our clock, %s, the certificate is valid", now.Format(time.RFC3339))
	}
	d.trust(t, cert)
}

func (d *doctor) trust(t *target, shown *x509.Certificate) {
	if t.pin == "" {
		if err := shown.VerifyHostname(t.host); err != nil {
			d.step("tls", suspect, "pin the certificate (--pin), or expect its name (servername= in the address)", "%v", err)
		}
		return
	}
	pinned, err := readCertificate(t.pin)
	switch {
	case err != nil:
		d.step("tls", suspect, "give a PEM file that has BEGIN CERTIFICATE", "the pinned certificate: %v", err)
	case pinned.Equal(shown):
		d.step("tls", fine, "", "it is the pinned one")
	case pinned.IsCA && shown.CheckSignatureFrom(pinned) == nil:
		d.step("tls", suspect, "caPath and --pin are the very certificate of the hall: give the authority with --ca", "the hall's certificate is signed by the pinned one")
	default:
		d.step("tls", suspect, "has the hall a new certificate? fetch its server-cert.pem again", "the hall shows another certificate than the pinned one")
	}
}

func readCertificate(source string) (*x509.Certificate, error) {
	text, err := []byte(nil), error(nil)
	if encoded, ok := strings.CutPrefix(source, "base64:"); ok {
		text, err = base64.StdEncoding.DecodeString(encoded)
	} else {
		text, err = os.ReadFile(source)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is no PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
