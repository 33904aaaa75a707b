package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/interop"
)

// try connects within a short time and returns the error.
func try(t testing.TB, url string, opts ...xbus.Option) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	client, err := xbus.Connect(ctx, url, opts...)
	if err == nil {
		client.Close()
	}
	return err
}

// address is where the server listens, without what its URL says beyond that.
func address(server *interop.Server, scheme, parameters string) string {
	r := server.Ready()
	return fmt.Sprintf("%s://%s:%d?events=%d%s", scheme, r.Host, r.CommanderPort, r.NotifierPort, parameters)
}

func TestClientOverTLS(t *testing.T) {
	certs, err := interop.MakeCerts(t.TempDir(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	mallory, err := certs.Add("mallory")
	if err != nil {
		t.Fatal(err)
	}
	server := interop.StartServerT(t, interop.ServerOptions{Key: certs.Server.Key, Cert: certs.Server.Cert})
	pem, err := os.ReadFile(certs.Server.Cert)
	if err != nil {
		t.Fatal(err)
	}
	for name, parameters := range map[string]string{
		"authority": "&ca=" + certs.Server.Cert,
		"pinned":    "&pin=" + certs.Server.Cert,
		"base64":    "&pin=base64:" + base64URL(pem),
	} {
		client := connect(t, address(server, "xcrafts", parameters))
		if got := call[json.RawMessage](t, client, "demo.echo", object{"x": 1}); string(got) != `{"x":1}` {
			t.Errorf("%s: %s", name, got)
		}
		if s, _ := client.Session(); !s.Info.Secure {
			t.Errorf("%s: not secure", name)
		}
		client.Close()
	}
	for name, test := range map[string]struct {
		url    string
		reason error
	}{
		"another authority":     {address(server, "xcrafts", "&ca="+mallory.Cert), conn.ErrCertificate},
		"another pin":           {address(server, "xcrafts", "&pin="+mallory.Cert), conn.ErrCertificate},
		"authorities of system": {address(server, "xcrafts", ""), conn.ErrCertificate},
		"wrong name":            {address(server, "xcrafts", "&servername=other.example&ca="+certs.Server.Cert), conn.ErrCertificate},
		"a plain client":        {address(server, "xcraft", ""), conn.ErrTLSRequired},
	} {
		if err := try(t, test.url); !errors.Is(err, test.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain := interop.StartServerT(t, interop.ServerOptions{})
	if err := try(t, address(plain, "xcrafts", "&pin="+certs.Server.Cert)); !errors.Is(err, conn.ErrTLSUnexpected) {
		t.Errorf("a TLS client of a plain hall: %v", err)
	}
}

func base64URL(pem []byte) string {
	text, _ := json.Marshal(pem) // standard base64
	return strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(strings.Trim(string(text), `"`))
}

func TestClientOverMutualTLS(t *testing.T) {
	certs, err := interop.MakeCerts(t.TempDir(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := certs.Add("bob")
	if err != nil {
		t.Fatal(err)
	}
	server := interop.StartServerT(t, interop.ServerOptions{Key: certs.Server.Key, Cert: certs.Server.Cert, Certs: certs.Accepted})
	client := connect(t, server.URLFor(certs.Client("alice")))
	call[json.RawMessage](t, client, "demo.echo", nil)

	for name, url := range map[string]string{"unknown certificate": server.URLFor(bob), "no certificate": server.URL()} {
		if err := try(t, url); !errors.Is(err, conn.ErrCertificateRejected) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := certs.Accept("bob"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for err = try(t, server.URLFor(bob)); err != nil && time.Now().Before(deadline); {
		err = try(t, server.URLFor(bob)) // the server looks at the folder within a second
	}
	if err != nil {
		t.Errorf("accepted later: %v", err)
	}
}

func TestClientOverUnixSockets(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{Unix: "xbusgo"})
	first, second := connect(t, server.URL()), connect(t, server.URL())
	ctx := patience(t)
	for _, client := range []*xbus.Client{first, second} {
		s, _ := client.Session()
		if s.Info.Port == 0 {
			t.Fatal("the inode of the hall's end is not known")
		}
		call[json.RawMessage](t, client, "demo.echo", object{"text": strings.Repeat("y", 200000)})
	}
	// The hall finds the event socket by the inode: nobody else hears the answer.
	others := subscribe(t, second.Topic("*::demo.echo.*"))
	call[json.RawMessage](t, first, "demo.echo", nil)
	call[json.RawMessage](t, second, "demo.echo", nil)
	if ev := next(t, others); !strings.HasPrefix(ev.Topic, second.OrcName().Load()) {
		t.Errorf("the answer of another client was heard: %v", ev)
	}
	first.Close()
	if _, err := second.Call(ctx, "demo.echo", nil).Await(ctx); err != nil {
		t.Errorf("a client that left has hurt another: %v", err)
	}
}

func TestClientCannotConnect(t *testing.T) {
	interop.Require(t)
	port, err := interop.FreePort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		url    string
		reason error
	}{
		"nothing listens":      {fmt.Sprintf("xcraft://127.0.0.1:%d?events=%d", port, port+1), conn.ErrRefused},
		"no such host":         {"xcraft://no-such-host.invalid:35400", conn.ErrDNS},
		"no such unix sockets": {"xcraft+unix://xbusnosuch", conn.ErrRefused},
		"no such hall":         {"mem://nobody", conn.ErrRefused},
	} {
		began := time.Now()
		if err := try(t, test.url); !errors.Is(err, test.reason) || time.Since(began) > 4*time.Second {
			t.Errorf("%s: after %v: %v", name, time.Since(began), err)
		}
	}
}
