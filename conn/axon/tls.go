package axon

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// TLS says how the two sides of a connection trust each other. Each PEM is a
// path, "base64:" followed by the encoded PEM, or the PEM text itself. Files
// are read anew for each connection, so renewed ones count from then on.
//
// With neither CA nor Pin the authorities of the system are trusted.
type TLS struct {
	// CA holds the authorities that may have signed the hall's certificate.
	// The name in it must be that of the host.
	CA string
	// Pin is the very certificate that the hall must show. Its name does not
	// matter: this suits the self-signed certificates that Xcraft halls
	// usually have, which the reference trusts the same way (protocol §2.4).
	Pin string
	// Cert and Key are our own certificate, for halls that ask for one.
	Cert, Key string
	// ServerName is the name to expect in the hall's certificate, default the
	// host that is dialled.
	ServerName string
	// ResourceDir is where relative paths begin, default the working folder.
	ResourceDir string
}

// A pinError is a certificate that is not the pinned one.
type pinError struct{ subject string }

func (e *pinError) Error() string {
	return fmt.Sprintf("the certificate of %q is not the pinned one", e.subject)
}

// client makes the configuration for one connection; nil for a nil receiver.
func (t *TLS) client(host string) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	if t.CA != "" && t.Pin != "" {
		return nil, errors.New("TLS has both CA and Pin: give the authority or the certificate itself, not both")
	}
	if err := t.trust(cfg); err != nil {
		return nil, err
	}
	return cfg, t.identify(cfg)
}

func (t *TLS) trust(cfg *tls.Config) error {
	switch {
	case t.CA != "":
		text, err := t.load("CA", t.CA)
		if err != nil {
			return err
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return errors.New("TLS.CA holds no certificate: give a PEM file that has BEGIN CERTIFICATE")
		}
	case t.Pin != "":
		text, err := t.load("Pin", t.Pin)
		if err != nil {
			return err
		}
		pinned, err := parseCertificate(text)
		if err != nil {
			return fmt.Errorf("TLS.Pin: %w", err)
		}
		cfg.InsecureSkipVerify = true // VerifyConnection below takes its place
		cfg.VerifyConnection = func(s tls.ConnectionState) error { return checkPin(s.PeerCertificates[0], pinned) }
	}
	return nil
}

func checkPin(shown, pinned *x509.Certificate) error {
	if !bytes.Equal(shown.Raw, pinned.Raw) {
		return &pinError{shown.Subject.String()}
	}
	if now := time.Now(); now.After(shown.NotAfter) || now.Before(shown.NotBefore) {
		return x509.CertificateInvalidError{Cert: shown, Reason: x509.Expired}
	}
	return nil
}

func (t *TLS) identify(cfg *tls.Config) error {
	if (t.Cert == "") != (t.Key == "") {
		return errors.New("TLS has only one of Cert and Key: a client certificate needs both")
	}
	if t.Cert == "" {
		return nil
	}
	cert, err := t.load("Cert", t.Cert)
	if err != nil {
		return err
	}
	key, err := t.load("Key", t.Key)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("TLS.Cert and TLS.Key do not fit together: %w", err)
	}
	// Given whatever the hall lists as its authorities: Xcraft halls list none
	// that fits and look at the certificate themselves.
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return nil
}

// load returns the PEM text that source stands for.
func (t *TLS) load(name, source string) ([]byte, error) {
	if strings.HasPrefix(source, "-----BEGIN ") {
		return []byte(source), nil
	}
	if encoded, ok := strings.CutPrefix(source, "base64:"); ok {
		text, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("TLS.%s is no valid base64: %w", name, err)
		}
		return text, nil
	}
	path := source
	if !filepath.IsAbs(path) {
		path = filepath.Join(t.ResourceDir, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("TLS.%s: %w", name, err)
	}
	return text, nil
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in it: give a PEM file that has BEGIN CERTIFICATE")
	}
	return x509.ParseCertificate(block.Bytes)
}

func keepAlive(delay time.Duration) net.KeepAliveConfig {
	if delay < 0 {
		return net.KeepAliveConfig{Enable: false}
	}
	return net.KeepAliveConfig{Enable: true, Idle: delay, Interval: delay}
}
