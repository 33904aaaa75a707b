package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// KeyPair is the PEM files of a private key and of its certificate.
type KeyPair struct {
	Key, Cert string
}

// Certs is a folder of self-signed certificates, as Xcraft servers use them:
// each one is its own authority.
type Certs struct {
	// Dir is the folder.
	Dir string
	// Server is valid for localhost, 127.0.0.1 and ::1.
	Server KeyPair
	// WrongName is valid for elsewhere.invalid only.
	WrongName KeyPair
	// Expired is like Server, but it was valid yesterday.
	Expired KeyPair
	// Accepted is the folder of the client certificates that a server accepts
	// (protocol §2.5).
	Accepted string
}

// MakeCerts fills a folder with the certificates of a server and, for each
// name, with those of a client that the server accepts.
func MakeCerts(dir string, names ...string) (*Certs, error) {
	c := &Certs{Dir: dir, Accepted: filepath.Join(dir, "accepted")}
	if err := os.MkdirAll(c.Accepted, 0o755); err != nil {
		return nil, fmt.Errorf("interop: certificates: %w", err)
	}
	now := time.Now()
	local := []string{"localhost", "127.0.0.1", "::1"}
	for _, s := range []struct {
		name  string
		hosts []string
		until time.Time
		pair  *KeyPair
	}{
		{"server", local, now.AddDate(10, 0, 0), &c.Server},
		{"wrong-name", []string{"elsewhere.invalid"}, now.AddDate(10, 0, 0), &c.WrongName},
		{"expired", local, now.AddDate(0, 0, -1), &c.Expired},
	} {
		pair, err := c.write(s.name, s.hosts, s.until)
		if err != nil {
			return nil, err
		}
		*s.pair = pair
	}
	for _, name := range names {
		if _, err := c.Add(name); err != nil {
			return nil, err
		}
		if err := c.Accept(name); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Client is the files of the certificate of a client.
func (c *Certs) Client(name string) KeyPair {
	return KeyPair{
		Key:  filepath.Join(c.Dir, name+"-key.pem"),
		Cert: filepath.Join(c.Dir, name+"-cert.pem"),
	}
}

// Add makes the certificate of a client that the server does not accept yet.
func (c *Certs) Add(name string) (KeyPair, error) {
	return c.write(name, nil, time.Now().AddDate(10, 0, 0))
}

// Accept adds the certificate of a client to those that the server accepts. A
// running server takes it into account for the next connections, a moment later.
func (c *Certs) Accept(name string) error {
	text, err := os.ReadFile(c.Client(name).Cert)
	if err == nil {
		err = os.WriteFile(c.accepted(name), text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("interop: accept %s: %w", name, err)
	}
	return nil
}

// Reject takes the certificate of a client away from those that the server
// accepts, in the same way.
func (c *Certs) Reject(name string) error {
	if err := os.Remove(c.accepted(name)); err != nil {
		return fmt.Errorf("interop: reject %s: %w", name, err)
	}
	return nil
}

func (c *Certs) accepted(name string) string { return filepath.Join(c.Accepted, name+".pem") }

func (c *Certs) write(name string, hosts []string, until time.Time) (KeyPair, error) {
	pair := c.Client(name)
	key, cert, err := selfSigned(name, hosts, until)
	if err == nil {
		err = writePEM(pair.Key, "PRIVATE KEY", key, 0o600)
	}
	if err == nil {
		err = writePEM(pair.Cert, "CERTIFICATE", cert, 0o644)
	}
	if err != nil {
		return KeyPair{}, fmt.Errorf("interop: certificate %s: %w", name, err)
	}
	return pair, nil
}

// selfSigned returns the DER forms of a new key and of its certificate.
func selfSigned(name string, hosts []string, until time.Time) (key, cert []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, OrganizationalUnit: []string{"interop"}, Organization: []string{"xbus"}},
		NotBefore:    time.Now().AddDate(-1, 0, 0),
		NotAfter:     until,
		// The peers take it as the authority of itself.
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	if cert, err = x509.CreateCertificate(rand.Reader, template, template, private.Public(), private); err != nil {
		return nil, nil, err
	}
	key, err = x509.MarshalPKCS8PrivateKey(private)
	return key, cert, err
}

func writePEM(file, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
