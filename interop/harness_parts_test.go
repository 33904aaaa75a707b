package interop

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestHarnessAddresses(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want address
	}{
		{"xcraft://127.0.0.1:21400?events=21800", address{host: "127.0.0.1", commander: 21400, notifier: 21800}},
		{"xcraft://[::1]:21400?events=21800", address{host: "::1", commander: 21400, notifier: 21800}},
		{"xcrafts://127.0.0.1:1?ca=/tmp/a+b.pem&cert=/c&events=2&key=/k",
			address{host: "127.0.0.1", commander: 1, notifier: 2, secure: true, ca: "/tmp/a b.pem", client: KeyPair{Key: "/k", Cert: "/c"}}},
		{"xcraft+unix://xbus-id?commander=3&events=4", address{unix: "xbus-id", commander: 3, notifier: 4}},
	} {
		got, err := parseAddress(tt.url)
		if tt.want.unix != "" {
			got.host = ""
		}
		if err != nil || got != tt.want {
			t.Errorf("parse %s: %+v, %v; want %+v", tt.url, got, err, tt.want)
		}
		if text := tt.want.String(); text != tt.url {
			t.Errorf("String: %s, want %s", text, tt.url)
		}
	}
	a, err := parseAddress("xcraft://hall")
	if err != nil || a.commander != 35400 || a.notifier != 35800 {
		t.Errorf("default ports: %+v, %v", a, err)
	}
}

func TestHarnessServerFlags(t *testing.T) {
	got, err := ServerOptions{
		App: "a", Commander: 1, Notifier: 2, Hold: time.Second, Log: LogVerbose,
		Horde:  map[string]Node{"t": {Host: "h", NoTLS: true, Passive: true}},
		Tribes: []Tribe{{1, 2}},
	}.flags()
	want := []string{"--app=a", "--commander=1", "--notifier=2", "--hold=1000", "--log=0",
		`--horde={"t":{"host":"h","commanderPort":0,"notifierPort":0,"noTLS":true,"passive":true}}`,
		`--tribes=[{"commanderPort":1,"notifierPort":2}]`, "--stdin"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
}

func TestHarnessEnvironmentOfTheScripts(t *testing.T) {
	got := environment([]string{"PATH=/bin", "XBUS_COMMANDER=1", "XCRAFT_ROOT=/x", "HOME=/"})
	if want := []string{"PATH=/bin", "HOME=/"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHarnessLinesAndTail(t *testing.T) {
	var got []string
	l := &lines{each: func(line []byte) { got = append(got, string(line)) }}
	for _, piece := range []string{"a", "b\nc\n", "\n", "d", "e", "\nf"} {
		if n, err := l.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	if want := []string{"ab", "c", "", "de"}; !reflect.DeepEqual(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
	kept := &tail{size: 5}
	for _, piece := range []string{"0123456789", "ab", "c"} {
		kept.Write([]byte(piece))
	}
	if kept.String() != "89abc" {
		t.Errorf("tail %q, want the last five bytes", kept)
	}
}

func TestHarnessFreePorts(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port, err := FreePort("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		if port < firstPort || port > lastPort || seen[port] {
			t.Errorf("port %d: out of range or given twice", port)
		}
		seen[port] = true
	}
	if _, err := FreePort("203.0.113.1"); err == nil {
		t.Error("a port of a host that is not ours: no error")
	}
}

func TestHarnessAvailable(t *testing.T) {
	for version, ok := range map[string]bool{"v20.20.2": true, "v18.0.0": true, "v16.20.2": false, "v9": false, "": false, "node": false} {
		if err := checkVersion(version); (err == nil) != ok || err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("version %q: %v", version, err)
		}
	}
	dir, err := Dir()
	if err != nil || !exists(filepath.Join(dir, "client.js")) {
		t.Errorf("Dir: %q, %v", dir, err)
	}
	t.Setenv("XBUS_INTEROP_DIR", t.TempDir())
	if _, err := Dir(); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "XBUS_INTEROP_DIR") {
		t.Errorf("Dir of an empty folder: %v", err)
	}
}

// verdicts is a test that only notes what is said about it.
type verdicts struct {
	testing.TB
	skipped, failed string
}

func (v *verdicts) Helper()                        {}
func (v *verdicts) Skip(args ...any)               { v.skipped = fmt.Sprint(args...) }
func (v *verdicts) Fatalf(format string, a ...any) { v.failed = fmt.Sprintf(format, a...) }

func TestHarnessRequire(t *testing.T) {
	missing := errors.New("no node here")
	for _, tt := range []struct {
		variable        string
		err             error
		skipped, failed bool
	}{
		{"", nil, false, false},
		{"1", nil, false, false},
		{"", missing, true, false},
		{"0", missing, true, false},
		{"1", missing, false, true},
	} {
		t.Setenv("XBUS_REQUIRE_NODE", tt.variable)
		v := &verdicts{}
		require(v, tt.err)
		if (v.skipped != "") != tt.skipped || (v.failed != "") != tt.failed {
			t.Errorf("XBUS_REQUIRE_NODE=%s, %v: skipped %q, failed %q", tt.variable, tt.err, v.skipped, v.failed)
		}
		if said := v.skipped + v.failed; tt.err != nil && !strings.Contains(said, missing.Error()) {
			t.Errorf("%q does not give the reason", said)
		}
	}
}

func TestHarnessPackageLockNamesNoRegistry(t *testing.T) {
	dir, err := Dir()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), `"resolved"`) {
		t.Error("package-lock.json says where packages come from: update it with npm in this folder, its .npmrc leaves that out")
	}
}

// scenarios/commands.jsonl has the same digest, made by the great hall.
func TestHarnessStreamByte(t *testing.T) {
	stream := make([]byte, 100001)
	for i := range stream {
		stream[i] = StreamByte(int64(i))
	}
	for offset := 0; offset < len(stream); offset += 65536 {
		copy(stream[offset:], "s:")
	}
	const want = "181bc66328a886bb3b299b08e643420331051457f06a96b3a626a2b996a7cfdc"
	if got := fmt.Sprintf("%x", sha256.Sum256(stream)); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

// The certificates do for Go what their comments say.
func TestHarnessCertificates(t *testing.T) {
	certs, err := MakeCerts(t.TempDir(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		pair KeyPair
		host string
		ok   bool
	}{
		{"server", certs.Server, "localhost", true},
		{"server", certs.Server, "127.0.0.1", true},
		{"server", certs.Server, "::1", true},
		{"server", certs.Server, "elsewhere.invalid", false},
		{"wrong name", certs.WrongName, "localhost", false},
		{"wrong name", certs.WrongName, "elsewhere.invalid", true},
		{"expired", certs.Expired, "localhost", false},
	} {
		if err := verify(t, tt.pair, tt.host); (err == nil) != tt.ok {
			t.Errorf("%s as %s: %v", tt.name, tt.host, err)
		}
	}

	accepted := func() int {
		files, err := filepath.Glob(filepath.Join(certs.Accepted, "*.pem"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	if accepted() != 1 {
		t.Errorf("%d accepted certificates, want that of alice", accepted())
	}
	if err := certs.Reject("alice"); err != nil || accepted() != 0 {
		t.Errorf("Reject: %v, %d left", err, accepted())
	}
	if err := certs.Accept("nobody"); err == nil {
		t.Error("Accept of a client without certificate: no error")
	}
}

// verify checks a certificate the way a client does that trusts only it.
func verify(t *testing.T, pair KeyPair, host string) error {
	t.Helper()
	loaded, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(loaded.Leaf)
	_, err = loaded.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots})
	return err
}
