package halltest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// A Certificate is a certificate with its key, as PEM text and as crypto/tls
// has it.
type Certificate struct {
	Cert, Key string
	TLS       tls.Certificate

	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
}

// SelfSigned makes a certificate that is its own authority, for this machine,
// valid now; change makes it another one.
func SelfSigned(tb testing.TB, change ...func(*x509.Certificate)) *Certificate {
	tb.Helper()
	return (*Certificate)(nil).Issue(tb, change...)
}

// Issue makes a certificate like [SelfSigned], signed by c.
func (c *Certificate) Issue(tb testing.TB, change ...func(*x509.Certificate)) *Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "halltest " + serial.String()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, f := range change {
		f(template)
	}
	parent, signer := template, key
	if c != nil {
		parent, signer = c.leaf, c.key
	}
	return assemble(tb, template, parent, key, signer)
}

func assemble(tb testing.TB, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *Certificate {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		tb.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &Certificate{
		Cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
		TLS:  tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		leaf: leaf, key: key,
	}
}

// Server is the TLS configuration of a hall with this certificate. With clients,
// it asks for a certificate that one of them has signed.
func (c *Certificate) Server(clients ...*Certificate) *tls.Config {
	cfg := &tls.Config{Certificates: []tls.Certificate{c.TLS}}
	if len(clients) > 0 {
		cfg.ClientCAs, cfg.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		for _, c := range clients {
			cfg.ClientCAs.AddCert(c.leaf)
		}
	}
	return cfg
}
