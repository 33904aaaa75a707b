package xbus_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/observable"
)

func TestAddresses(t *testing.T) {
	for _, address := range []string{
		"xcraft://127.0.0.1",
		"xcraft://127.0.0.1/",
		"xcraft://127.0.0.1:1?events=2",
		"xcraft://[::1]:1?events=2&nice=-5&noForwarding=true&optimistLag=1&passive=1&timeout=30s&keepalive=6000",
		"xcrafts://hall.example:1?events=2",
		"xcrafts://hall.example?pin=server-cert.pem&cert=me.pem&key=me-key.pem&servername=hall",
		"xcrafts://hall.example?ca=base64%3AAAAA",
		"xcraft+unix://sockets",
		"xcraft+unix://sockets?dir=%2Ftmp%2Fx&commander=1&events=2&timeout=1000",
		"mem://name",
		"mem://name?nice=1",
	} {
		client, err := xbus.Open(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		client.Close()
	}
}

func TestWrongAddresses(t *testing.T) {
	for _, c := range []struct{ address, reason, hint string }{
		{"", `the scheme "" is not known`, "write xcraft://host:35400?events=35800"},
		{"127.0.0.1:35400", "it is no URL", "write xcraft://host:35400"},
		{"localhost:35400", `the scheme "localhost" is not known`, "write xcraft://"},
		{"http://host", `the scheme "http" is not known`, "mem://name"},
		{"xcraft://", "the host is missing", "write xcraft://127.0.0.1:35400?events=35800"},
		{"xcraft:host", "the host is missing", "write xcraft://"},
		{"xcraft://:35400", "the host is missing", "write xcraft://"},
		{"xcraft://host:port", "a port is no number", "write xcraft://"},
		{"xcraft://host:0", "port=0 is no port", "from 1 to 65535"},
		{"xcraft://host:65536", "port=65536 is no port", "from 1 to 65535"},
		{"xcraft://host?events=x", "events=x is no port", "from 1 to 65535"},
		{"xcraft://host:1?events=1", "the same port 1", "axon.Config"},
		{"xcraft://host/path", `the path "/path" has no meaning`, "leave it out"},
		{"xcraft://host#part", "behind the #", "leave it out"},
		{"xcraft://me@host", "a user name has no meaning", "certificates"},
		{"xcraft://host?event=35800", `the parameter "event" is not known with xcraft`, "known are events, keepalive, nice, noForwarding, optimistLag, passive, timeout"},
		{"xcraft://host?z=1&a=1", `the parameter "a" is not known`, "known are"},
		{"xcraft://host?ca=x", `the parameter "ca" is not known with xcraft`, "known are"},
		{"xcraft://host?events=", `the parameter "events" has no value`, "write events=value"},
		{"xcraft://host?optimistLag", `the parameter "optimistLag" has no value`, "write optimistLag=value"},
		{"xcraft://host?nice=1&nice=2", `the parameter "nice" is given 2 times`, "once"},
		{"xcraft://host?nice=high", "nice=high is no number", "nice=5"},
		{"xcraft://host?noForwarding=perhaps", "noForwarding=perhaps", "true or false"},
		{"xcraft://host?timeout=soon", "timeout=soon is no duration", "6s, or milliseconds"},
		{"xcraft://host?timeout=-1s", "cannot be negative", "axon.Config"},
		{"xcraft://host?a=%zz", "the parameters cannot be read", "name=value"},
		{"xcraft://host?a=1;b=2", "the parameters cannot be read", "name=value"},
		{"xcraft+unix://", "the identifier of the sockets is missing", "write xcraft+unix://<unixSocketId>"},
		{"xcraft+unix://id:35400", "unix sockets have no port", "write commander=35400"},
		{"xcraft+unix://id/path", `the path "/path" has no meaning`, "leave it out"},
		{"xcraft+unix://id?commander=0", "commander=0 is no port", "from 1 to 65535"},
		{"mem://", "the name is missing", "write mem://name"},
		{"mem:name", "the name is missing", "write mem://name"},
		{"mem://name?events=1", `the parameter "events" is not known with mem`, "known are nice,"},
	} {
		client, err := xbus.Open(c.address)
		var wrong *xbus.AddressError
		if err == nil {
			client.Close()
			t.Errorf("%s: no error", c.address)
		} else if !errors.As(err, &wrong) || !strings.Contains(wrong.Reason, c.reason) || !strings.Contains(wrong.Hint, c.hint) {
			t.Errorf("%s: %v\nwant %q and %q", c.address, err, c.reason, c.hint)
		}
	}
}

func TestAddressErrorsShowNoSecrets(t *testing.T) {
	for _, address := range []string{
		"xcraft://me:secret@host",
		"xcraft://me:secret@host?x=1",
		"xcraft://me:sec ret secret@host:port",
		"me:secret@host:35400",
		"me%:secret@host:35400",
		"xcrafts://host/path?cert=a&key=base64%3Asecret",
		"xcrafts://host/path?cert=a&key=base64:secret",
		"xcrafts://host/path?key=-----BEGIN+KEY-----secret",
		"xcrafts://host?key=base64:secret&x=%zz",
	} {
		_, err := xbus.Open(address)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	_, err := xbus.Open("xcrafts://host/path?cert=me.pem&key=base64:secret")
	if want := "cert=me.pem&key=xxxxx"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v: want %q", err, want)
	}
}

func TestWrongOptions(t *testing.T) {
	transport, err := inproc.New("options")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		address string
		opt     xbus.Option
		want    string
	}{
		{"mem://x", nil, "option 0 is nil"},
		{"mem://x", xbus.WithBackoff(conn.BackoffConfig{Initial: -1}), "WithBackoff: a field is negative"},
		{"mem://x", xbus.WithBackoffFunc(nil), "WithBackoffFunc(nil): give"},
		{"mem://x", xbus.WithToken(""), `WithToken(""): give`},
		{"mem://x", xbus.WithMaxInFlight(0), "WithMaxInFlight(0): give a positive number"},
		{"mem://x", xbus.WithMaxQueued(-1), "WithMaxQueued(-1): give a positive number"},
		{"mem://x", xbus.WithWhenDown(9), "WithWhenDown(9): give rpc.Wait"},
		{"mem://x", xbus.WithLogger(nil), "WithLogger(nil): give"},
		{"mem://x", xbus.WithLag(-1, 0), "LagAfter is negative"},
		{"mem://x", xbus.WithLag(2*time.Second, time.Second), "LostAfter is shorter than"},
		{"", xbus.WithTransport(nil), "WithTransport(nil): give"},
		{"mem://x", xbus.WithTransport(transport), "WithTransport and an address: give one of them"},
		{"mem://x", xbus.WithTLS(axon.TLS{}), "WithTLS was given, but the scheme is mem"},
		{"xcraft://x", xbus.WithTLS(axon.TLS{}), "WithTLS was given, but the scheme is xcraft"},
		{"xcraft+unix://x", xbus.WithTLS(axon.TLS{}), "WithTLS was given, but the scheme is xcraft+unix"},
		{"mem://x", xbus.WithSubscribeDefaults(observable.WithLimit(0)), "WithSubscribeDefaults: "},
		{"mem://x", xbus.WithSubscribeDefaults(observable.WithPolicy(observable.Block)), "must not wait"},
		{"mem://x", xbus.WithSubscribeDefaults(observable.SizeOf(func(string) int { return 1 })), "string"},
		{"xcraft://x", xbus.WithSockets(axon.Config{Compression: 17}), "level 17 in Config.Compression"},
	} {
		client, err := xbus.Open(c.address, c.opt)
		if err == nil {
			client.Close()
			t.Errorf("%q: no error", c.want)
		} else if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "xbus: ") {
			t.Errorf("%v: want %q", err, c.want)
		}
	}
	both := []xbus.Option{xbus.WithTransport(transport), xbus.WithTLS(axon.TLS{})}
	if _, err := xbus.Open("", both...); err == nil || !strings.Contains(err.Error(), "give the certificates to the transport") {
		t.Errorf("%v", err)
	}
}

// What the address says stands over what WithSockets says of places.
func TestSocketsOfTheAddress(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		address string
		cfg     axon.Config
		want    []string
	}{
		{"xcraft://127.0.0.1:7", axon.Config{UnixSocketID: "id", SocketDir: dir}, []string{"tcp 127.0.0.1:7", "tcp 127.0.0.1:35800"}},
		{"xcraft://127.0.0.1:7", axon.Config{Host: "other", CommanderPort: 1, NotifierPort: 2}, []string{"tcp 127.0.0.1:7", "tcp 127.0.0.1:35800"}},
		{"xcraft+unix://mine?dir=" + url.QueryEscape(dir), axon.Config{Host: "other", CommanderPort: 1, NotifierPort: 2},
			[]string{"unix " + dir + "/mine35400-cmd.sock", "unix " + dir + "/mine35800-evt.sock"}},
	} {
		var mu sync.Mutex
		var dialled []string
		c.cfg.Dialer = func(_ context.Context, network, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			dialled = append(dialled, network+" "+address)
			return nil, io.ErrUnexpectedEOF
		}
		if _, err := xbus.Connect(within(t), c.address, xbus.WithSockets(c.cfg)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", c.address, err)
		}
		for _, d := range dialled {
			if !slices.Contains(c.want, d) {
				t.Errorf("%s: dialled %s, want %v", c.address, d, c.want)
			}
		}
		if len(dialled) == 0 {
			t.Errorf("%s: nothing was dialled", c.address)
		}
	}
}
