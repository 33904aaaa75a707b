package axon

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ServerTLS is the certificate of a hall and whom it lets in. Cert and Key are
// a path, "base64:" followed by the encoded PEM, or the PEM text itself. Files
// are looked at anew for each connection, so renewed ones count from then on.
type ServerTLS struct {
	Cert, Key string
	// ClientCerts is a folder: who shows no certificate that one of its *.pem
	// files is or has signed, is rejected (protocol §2.5). Files that are added
	// or removed count for the next connections. "" asks for no certificate.
	ClientCerts string
	// ResourceDir is where relative paths begin, default the working folder.
	ResourceDir string
}

// MutualTLS reports whether clients must show a certificate.
func (t *ServerTLS) MutualTLS() bool { return t != nil && t.ClientCerts != "" }

// A keyring holds what was read of the files, as long as they do not change.
type keyring struct {
	from ServerTLS

	mu       sync.Mutex
	pair     *tls.Certificate
	pairAs   string // the state of the files that pair was read from
	accepted *x509.CertPool
	acceptAs string
}

func newKeyring(from *ServerTLS) (*keyring, error) {
	if from == nil {
		return nil, nil
	}
	if from.Cert == "" || from.Key == "" {
		return nil, errors.New("ServerTLS needs both Cert and Key: give the PEM files of the hall's certificate and of its key")
	}
	k := &keyring{from: *from}
	if _, err := k.certificate(); err != nil {
		return nil, err
	}
	if from.ClientCerts != "" {
		if _, err := k.clients(); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// config makes what a handshake needs. The certificate of a client is asked
// for here and judged after the handshake, as peers expect (protocol §2.5).
func (k *keyring) config() *tls.Config {
	cfg := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.certificate() },
	}
	if k.from.ClientCerts != "" {
		cfg.ClientAuth = tls.RequestClientCert
	}
	return cfg
}

func (k *keyring) loader() *TLS { return &TLS{ResourceDir: k.from.ResourceDir} }

func (k *keyring) path(source string) string {
	if filepath.IsAbs(source) {
		return source
	}
	return filepath.Join(k.from.ResourceDir, source)
}

// certificate returns the hall's own. A renewal that is not complete yet, or
// does not fit, leaves the last good one in place.
func (k *keyring) certificate() (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := stateOf(k.path(k.from.Cert)) + stateOf(k.path(k.from.Key))
	if k.pair != nil && now == k.pairAs {
		return k.pair, nil
	}
	pair, err := k.readPair()
	switch {
	case err == nil:
		k.pair, k.pairAs = pair, now
	case k.pair == nil:
		return nil, err
	}
	return k.pair, nil
}

func (k *keyring) readPair() (*tls.Certificate, error) {
	cert, err := k.loader().load("Cert", k.from.Cert)
	if err != nil {
		return nil, err
	}
	key, err := k.loader().load("Key", k.from.Key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("ServerTLS.Cert and ServerTLS.Key do not fit together: %w", err)
	}
	return &pair, nil
}

// clients returns the authorities whose clients are let in.
func (k *keyring) clients() (*x509.CertPool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	folder := k.path(k.from.ClientCerts)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("ServerTLS.ClientCerts: %q is no folder: create it and put the certificates of the clients there, as *.pem", k.from.ClientCerts)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.pem"))
	if err != nil {
		return nil, fmt.Errorf("ServerTLS.ClientCerts: %w", err)
	}
	now := ""
	for _, file := range files {
		now += stateOf(file)
	}
	if k.accepted != nil && now == k.acceptAs {
		return k.accepted, nil
	}
	pool := x509.NewCertPool()
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			pool.AppendCertsFromPEM(text)
		}
	}
	k.accepted, k.acceptAs = pool, now
	return pool, nil
}

// stateOf changes when a file does; for what is no file it is constant.
func stateOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "\x00" + path
	}
	return fmt.Sprintf("\x00%s %d %d", path, info.Size(), info.ModTime().UnixNano())
}

// errNoCertificate: a client had to show a certificate and did not.
var errNoCertificate = errors.New("the client shows no certificate")

// admit judges the certificate of a client; nil when none is asked for.
func (k *keyring) admit(c *tls.Conn) error {
	if k.from.ClientCerts == "" {
		return nil
	}
	shown := c.ConnectionState().PeerCertificates
	if len(shown) == 0 {
		return errNoCertificate
	}
	roots, err := k.clients()
	if err != nil {
		return err
	}
	between := x509.NewCertPool()
	for _, cert := range shown[1:] {
		between.AddCert(cert)
	}
	_, err = shown[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: time.Now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}
