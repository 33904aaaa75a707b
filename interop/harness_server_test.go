package interop_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/interop"
)

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func makeCerts(t *testing.T, names ...string) *interop.Certs {
	t.Helper()
	certs, err := interop.MakeCerts(t.TempDir(), names...)
	if err != nil {
		t.Fatal(err)
	}
	return certs
}

func unixID(t *testing.T) string {
	return "xbus" + strings.ToLower(strings.NewReplacer("/", "", "_", "").Replace(t.Name()))
}

func TestHarnessScenariosOnEachTransport(t *testing.T) {
	t.Parallel()
	certs := makeCerts(t, "alice")
	for _, tt := range []struct {
		name   string
		opts   interop.ServerOptions
		client interop.KeyPair
		scheme string
	}{
		{"tcp", interop.ServerOptions{}, interop.KeyPair{}, "xcraft://127.0.0.1:"},
		{"unix", interop.ServerOptions{Unix: unixID(t)}, interop.KeyPair{}, "xcraft+unix://xbus"},
		{"tls", interop.ServerOptions{Key: certs.Server.Key, Cert: certs.Server.Cert}, interop.KeyPair{}, "xcrafts://127.0.0.1:"},
		{"mtls", interop.ServerOptions{Key: certs.Server.Key, Cert: certs.Server.Cert, Certs: certs.Accepted},
			certs.Client("alice"), "xcrafts://127.0.0.1:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := interop.StartServerT(t, tt.opts)
			url := server.URLFor(tt.client)
			if !strings.HasPrefix(url, tt.scheme) {
				t.Errorf("URL %q, want %s…", url, tt.scheme)
			}
			if r := server.Ready(); r.TLS != (tt.opts.Key != "") || r.MTLS != (tt.opts.Certs != "") || r.PID == 0 || len(r.Token) != 32 {
				t.Errorf("ready line: %+v", r)
			}
			if _, err := interop.RunScenario(within(t, 20*time.Second), interop.ClientOptions{URL: url}, "basic"); err != nil {
				t.Error(err)
			}
			code, err := server.Stop()
			if code != 0 || err != nil {
				t.Errorf("Stop: code %d, %v", code, err)
			}
			if uncaught := server.Uncaught(); len(uncaught) > 0 {
				t.Errorf("uncaught in the server: %q", uncaught)
			}
		})
	}
}

func TestHarnessWrongCertificatesAreRefused(t *testing.T) {
	t.Parallel()
	certs := makeCerts(t, "alice")
	if _, err := certs.Add("mallory"); err != nil {
		t.Fatal(err)
	}
	pair := certs.Server
	tls := interop.StartServerT(t, interop.ServerOptions{Key: pair.Key, Cert: pair.Cert})
	mtls := interop.StartServerT(t, interop.ServerOptions{Key: pair.Key, Cert: pair.Cert, Certs: certs.Accepted})
	expired := interop.StartServerT(t, interop.ServerOptions{Key: certs.Expired.Key, Cert: certs.Expired.Cert})

	// The frame of a rejection only reaches clients that subscribe it.
	subscriptions := []string{"greathall::*", "gameover", "xcraft::*"}
	for _, tt := range []struct {
		name, url, reason string
	}{
		{"other authority", strings.Replace(tls.URL(), pair.Cert, certs.Client("alice").Cert, 1), "DEPTH_ZERO_SELF_SIGNED_CERT"},
		{"expired", expired.URL(), "CERT_HAS_EXPIRED"},
		{"no client certificate", mtls.URL(), "XCRAFT_AXON_CLIENT_CERTIFICATE_REJECT"},
		{"unknown client certificate", mtls.URLFor(certs.Client("mallory")), "XCRAFT_AXON_CLIENT_CERTIFICATE_REJECT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := within(t, 20*time.Second)
			client, err := interop.StartClient(ctx, interop.ClientOptions{URL: tt.url, Subscriptions: subscriptions})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Kill()
			if err := client.Do(map[string]any{"op": "connect"}); err != nil {
				t.Fatal(err)
			}
			_, err = client.WaitFunc(ctx, "socket error "+tt.reason, func(f interop.Fact) bool {
				return f.Kind == "socket error" && f.Reason == tt.reason
			})
			if err != nil {
				t.Error(err)
			}
			for _, f := range client.Facts() {
				if f.Kind == "connected" {
					t.Errorf("it must not connect: %s", f)
				}
			}
		})
	}
}

func TestHarnessCertificateAcceptedLater(t *testing.T) {
	t.Parallel()
	certs := makeCerts(t, "alice")
	bob, err := certs.Add("bob")
	if err != nil {
		t.Fatal(err)
	}
	server := interop.StartServerT(t, interop.ServerOptions{Key: certs.Server.Key, Cert: certs.Server.Cert, Certs: certs.Accepted})
	ctx := within(t, 20*time.Second)
	client, err := interop.StartClient(ctx, interop.ClientOptions{URL: server.URLFor(bob)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Kill()
	if err := client.Do(map[string]any{"op": "connect"}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Wait(ctx, "socket error", ""); err != nil {
		t.Fatal(err)
	}
	if err := certs.Accept("bob"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Wait(ctx, "connected", ""); err != nil {
		t.Error(err)
	}
}

func TestHarnessKillRestartStop(t *testing.T) {
	t.Parallel()
	server := interop.StartServerT(t, interop.ServerOptions{})
	before := server.Ready()
	client := interop.StartClientT(t, interop.ClientOptions{URL: server.URL()})
	ctx := within(t, 20*time.Second)

	server.Kill()
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	after := server.Ready()
	if after.Token == before.Token || after.PID == before.PID {
		t.Errorf("a new process has a new token: before %+v, after %+v", before, after)
	}
	if after.CommanderPort != before.CommanderPort || after.NotifierPort != before.NotifierPort {
		t.Errorf("the ports must stay: before %+v, after %+v", before, after)
	}
	fact, err := client.Wait(ctx, "reconnect", "")
	if err != nil {
		t.Fatal(err)
	}
	if fact.Token != after.Token {
		t.Errorf("the client has the token %q, want %q", fact.Token, after.Token)
	}

	// A polite end stops the client for good.
	if code, err := server.Stop(); code != 0 || err != nil {
		t.Errorf("Stop: code %d, %v", code, err)
	}
	if code, err := server.Stop(); code != 0 || err != nil {
		t.Errorf("second Stop: code %d, %v", code, err)
	}
	for connected := true; connected; {
		if err := client.Do(map[string]any{"op": "state"}); err != nil {
			t.Fatal(err)
		}
		state, err := client.Wait(ctx, "state", "")
		if err != nil {
			t.Fatalf("the client does not stop: %v", err)
		}
		connected = strings.Contains(state.String(), `"connected":true`)
	}
}

func TestHarnessUnixSocketsAfterKill(t *testing.T) {
	t.Parallel()
	server := interop.StartServerT(t, interop.ServerOptions{Unix: unixID(t)})
	r := server.Ready()
	server.Kill()
	for _, file := range []string{r.CommanderSocket, r.NotifierSocket} {
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left behind: %v", file, err)
		}
	}
	if err := server.Restart(within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if again := server.Ready(); again.CommanderSocket != r.CommanderSocket || again.Token == r.Token {
		t.Errorf("restarted as %+v, was %+v", again, r)
	}
}

func TestHarnessServerThatEndsByItself(t *testing.T) {
	t.Parallel()
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := interop.StartClientT(t, interop.ClientOptions{URL: server.URL()})
	ctx := within(t, 20*time.Second)
	if _, err := client.Call(ctx, "demo.exit", map[string]any{"ms": 1, "code": 7}); err != nil {
		t.Fatal(err)
	}
	if code, err := server.Wait(ctx); code != 7 || err != nil {
		t.Errorf("Wait: code %d, %v; want 7", code, err)
	}
	if _, err := client.Wait(ctx, "close", ""); err != nil {
		t.Error(err)
	}
}

func TestHarnessBusyPort(t *testing.T) {
	t.Parallel()
	first := interop.StartServerT(t, interop.ServerOptions{}).Ready()
	second := interop.StartServerT(t, interop.ServerOptions{Commander: first.CommanderPort}).Ready()
	if second.CommanderPort == first.CommanderPort {
		t.Errorf("two servers on the port %d", first.CommanderPort)
	}
}

func TestHarnessBootErrors(t *testing.T) {
	t.Parallel()
	interop.Require(t)
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("changed my mind")
		cancel(reason)
		if _, err := interop.StartServer(ctx, interop.ServerOptions{}); !errors.Is(err, reason) {
			t.Errorf("got %v, want %v", err, reason)
		}
	})
	t.Run("process", func(t *testing.T) {
		_, err := interop.StartServer(within(t, 20*time.Second), interop.ServerOptions{Key: "no-such-key.pem", Cert: "no-such-cert.pem"})
		if err == nil || !strings.Contains(err.Error(), "no-such-key.pem") {
			t.Errorf("got %v, want an error that names the file", err)
		}
	})
	for name, opts := range map[string]interop.ServerOptions{
		"key alone":            {Key: "a"},
		"certs without TLS":    {Certs: "a"},
		"TLS on Unix sockets":  {Unix: "a", Key: "b", Cert: "c"},
		"certificate, no key":  {Cert: "c"},
		"certs on Unix socket": {Unix: "a", Certs: "b"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := interop.StartServer(t.Context(), opts); err == nil {
				t.Error("got no error")
			}
		})
	}
}
