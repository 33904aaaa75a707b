package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a file beneath dir.
func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func env(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if v, ok := pairs[name]; ok {
			return v, true
		}
		if name == "XDG_CONFIG_HOME" {
			return "/no/such/home", true // nothing of the user's own
		}
		return "", false
	}
}

// root makes the folder of a server as Xcraft writes it.
func root(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, dir, name, content)
	}
	return dir
}

// asWritten is a configuration as the wizard of Xcraft writes it.
const asWritten = `{"host": "127.0.0.1", "commanderHost": "", "commanderPort": "21400", "notifierHost": "", "notifierPort": "21800",
	"timeout": 0, "serverKeepAlive": 15000, "clientKeepAlive": 6000, "noTLS": false, "unixSocketId": "", "acceptIncoming": true,
	"shutdownRemotes": false, "keyPath": "", "certPath": "", "policiesPath": "", "tribes": []}`

func TestOrder(t *testing.T) {
	dir := root(t, map[string]string{"etc/xcraft-core-bus/config.json": asWritten})
	contexts := write(t, t.TempDir(), "contexts.json", `{"current": "home", "contexts": {
		"home": {"url": "xcraft://home:7400?events=7800"}, "work": {"url": "xcraft://work:8400?events=8800", "nice": "3"}}}`)
	run := fmt.Sprintf("var/run/xcraftd.%d", os.Getpid())
	xcraftConfig := `{"xcraft-core-bus": {"commanderPort": 4400, "notifierPort": "4800"}}`

	type step struct {
		name  string
		apply func(*Sources, map[string]string)
		want  string
	}
	// Each place is added to those before it, and counts more than they do.
	steps := []step{
		{"defaults", func(*Sources, map[string]string) {}, "xcraft://127.0.0.1:35400?events=35800"},
		{"current context", func(s *Sources, _ map[string]string) { s.ContextFile = contexts }, "xcraft://home:7400?events=7800"},
		{"etc", func(s *Sources, e map[string]string) { e["XCRAFT_ROOT"] = dir }, "xcraft://127.0.0.1:21400?events=21800"},
		{"run file", func(*Sources, map[string]string) {
			write(t, dir, run, `{"pid": 1, "fd": 3, "xcraft-core-bus": {"host": "127.0.0.1", "commanderPort": 21401, "notifierPort": 21802}}`)
		}, "xcraft://127.0.0.1:21401?events=21802"},
		{"XCRAFT_CONFIG", func(_ *Sources, e map[string]string) { e["XCRAFT_CONFIG"] = xcraftConfig }, "xcraft://127.0.0.1:4400?events=4800"},
		{"XBUS_CONTEXT", func(_ *Sources, e map[string]string) { e["XBUS_CONTEXT"] = "work" }, "xcraft://work:8400?events=8800&nice=3"},
		{"XBUS_URL", func(_ *Sources, e map[string]string) { e["XBUS_URL"] = "xcraft://env:1" }, "xcraft://env:1?events=35800&nice=3"},
		{"flag", func(s *Sources, _ map[string]string) { s.URL = "xcraft://flag:2?events=3" }, "xcraft://flag:2?events=3&nice=3"},
		{"option", func(s *Sources, _ map[string]string) { s.Options = map[string]string{"host": "option"} }, "xcraft://option:2?events=3&nice=3"},
	}
	src, vars := Sources{}, map[string]string{}
	src.LookupEnv = env(vars)
	for _, s := range steps {
		s.apply(&src, vars)
		cfg, err := Load(src)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if cfg.URL != s.want {
			t.Errorf("%s: %s, want %s", s.name, cfg.URL, s.want)
		}
	}
	cfg, _ := Load(src)
	host := cfg.Setting("host")
	if host.Value != "option" || host.Origin != "option host" || host.Default {
		t.Errorf("host: %+v", host)
	}
	if len(host.Hidden) != 5 || host.Hidden[0] != (Hidden{"flag", "flag --url"}) || host.Hidden[1] != (Hidden{"env", "XBUS_URL"}) {
		t.Errorf("hidden: %+v", host.Hidden)
	}
}

func TestAddressesNameAHallAsAWhole(t *testing.T) {
	dir := root(t, map[string]string{
		"etc/xcraft-core-bus/config.json":       `{"host": "inside", "unixSocketId": "xc", "timeout": "9000", "clientKeepAlive": false, "nice": 7}`,
		"etc/xcraft-core-busclient/config.json": `{"caPath": "base64:QUJD"}`,
		"resources/server-cert.pem":             "x",
	})
	for url, want := range map[string]string{
		"":                              "xcraft+unix://xc?commander=35400&events=35800&keepalive=-1&nice=7&timeout=9000",
		"xcraft://h":                    "xcraft://h:35400?events=35800&keepalive=-1&nice=7&timeout=9000",
		"xcrafts://h?nice=1":            "xcrafts://h:35400?events=35800&keepalive=-1&nice=1&timeout=9000",
		"xcraft://[::1]:5?keepalive=6s": "xcraft://[::1]:5?events=35800&nice=7&timeout=9000",
		"xcraft+unix://other?dir=/run":  "xcraft+unix://other?commander=35400&dir=/run&events=35800&keepalive=-1&nice=7&timeout=9000",
		"mem://here":                    "mem://here",
		"zmq+tcp://h:1?events=2":        "zmq+tcp://h:1?events=2",
	} {
		cfg, err := Load(Sources{URL: url, Root: dir, LookupEnv: env(nil)})
		if err != nil || cfg.URL != want {
			t.Errorf("%q: %s %v, want %s", url, cfg.URL, err, want)
		}
	}
}

func TestTLS(t *testing.T) {
	dir := root(t, map[string]string{"etc/xcraft-core-bus/config.json": asWritten, "resources/other.pem": "x", "own-key.pem": "k", "own.pem": "c"})
	withDefault := root(t, map[string]string{"etc/xcraft-core-bus/config.json": asWritten, "resources/server-cert.pem": "x"})
	ofHall := root(t, map[string]string{
		"etc/xcraft-core-bus/config.json": `{"certPath": "hall.pem", "keyPath": "hall-key.pem"}`, "hall.pem": "x", "hall-key.pem": "x"})
	key, cert := filepath.Join(dir, "own-key.pem"), filepath.Join(dir, "own.pem")
	inlinePEM := "base64:QUJD"
	bus := func(members string) map[string]string {
		return map[string]string{"XCRAFT_CONFIG": `{"xcraft-core-bus": {` + members + `}}`}
	}

	for name, c := range map[string]struct {
		src  Sources
		env  map[string]string
		want string // what stands before and after the ports
	}{
		"nothing to trust":        {Sources{Root: dir}, nil, "xcraft "},
		"the default certificate": {Sources{Root: withDefault}, nil, "xcrafts pin=" + withDefault + "/resources/server-cert.pem"},
		"XCRAFT_TLS=false":        {Sources{Root: withDefault}, map[string]string{"XCRAFT_TLS": "false"}, "xcraft "},
		"noTLS as a text":         {Sources{Root: withDefault}, bus(`"noTLS": "true"`), "xcraft "},
		"XCRAFT_TLS=true":         {Sources{}, map[string]string{"XCRAFT_TLS": "on"}, "xcrafts "},
		"caPath in the resources": {Sources{Root: dir}, bus(`"caPath": "other.pem"`), "xcrafts pin=" + dir + "/resources/other.pem"},
		"caPath inline":           {Sources{Root: dir}, bus(`"caPath": "` + inlinePEM + `"`), "xcrafts pin=" + inlinePEM},
		"the hall's own":          {Sources{Root: ofHall}, nil, "xcrafts cert=" + ofHall + "/hall.pem&key=" + ofHall + "/hall-key.pem&pin=" + ofHall + "/hall.pem"},
		"an authority by flag":    {Sources{Root: withDefault, Flags: map[string]string{"ca": inlinePEM}}, nil, "xcrafts ca=" + inlinePEM},
		"a flag beside an address": {Sources{URL: "xcrafts://127.0.0.1:21400?events=21800&pin=base64:QQ==", Flags: map[string]string{"pin": inlinePEM, "keyPath": key, "certPath": cert}}, nil,
			"xcrafts cert=" + cert + "&key=" + key + "&pin=" + inlinePEM},
	} {
		c.src.LookupEnv = env(c.env)
		cfg, err := Load(c.src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		scheme, rest, _ := strings.Cut(cfg.URL, "://")
		_, query, _ := strings.Cut(rest, "?")
		var kept []string
		for _, p := range strings.Split(query, "&") {
			if !strings.HasPrefix(p, "events=") {
				kept = append(kept, p)
			}
		}
		if got := scheme + " " + strings.Join(kept, "&"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestRealmStore(t *testing.T) {
	dir := root(t, map[string]string{
		"goblins.json": `{"appId": "desk", "appCompany": "acme"}`,
		"etc/xcraft-core-horde/config.json": `{"hordes": ["thrall"], "topology": "{\"thrall\": {\"host\": \"far\", \"commanderPort\": \"1\", \"notifierPort\": \"2\",` +
			` \"caPath\": \"base64:QQ==\", \"gatekeeper\": \"http://far\", \"passive\": true, \"optimistLag\": true}}"}`,
	})
	home := t.TempDir()
	vars := map[string]string{"GOBLINS_APP": "desk@blue", "XDG_CONFIG_HOME": home}
	src := Sources{Root: dir, Horde: "thrall", LookupEnv: env(vars)}

	cfg, err := Load(src)
	if err != nil || len(cfg.Findings) == 0 || !strings.Contains(fmt.Sprint(cfg.Findings), "thrall@blue-cert.pem") {
		t.Errorf("without certificate: %v %v", cfg.Findings, err)
	}
	cert := write(t, home, "acme/xcraft-realms/desk/thrall@blue-cert.pem", "c")
	key := write(t, home, "acme/xcraft-realms/desk/thrall@blue-key.pem", "k")
	cfg, err = Load(src)
	want := "xcrafts://far:1?cert=" + strings.ReplaceAll(cert, "@", "%40") + "&events=2&key=" + strings.ReplaceAll(key, "@", "%40") + "&optimistLag=true&pin=base64:QQ%3D%3D"
	if err != nil || cfg.URL != strings.ReplaceAll(want, "QQ%3D%3D", "QQ%3D%3D") {
		t.Errorf("%s %v, want %s", cfg.URL, err, want)
	}
	src.Horde = "nobody"
	if _, err = Load(src); err == nil || !strings.Contains(err.Error(), "known are thrall") {
		t.Errorf("unknown horde: %v", err)
	}
}

func TestTribesAndTheHall(t *testing.T) {
	dir := root(t, map[string]string{"etc/xcraft-core-bus/config.json": `{"commanderHost": "0.0.0.0", "serverKeepAlive": "20000", "timeout": "1500",
		"acceptIncoming": "false", "shutdownRemotes": true, "policiesPath": "p.json", "tribes": [{"commanderPort": "5001", "notifierPort": 5002}]}`})
	cfg, err := Load(Sources{Root: dir, Tribe: 1, LookupEnv: env(nil)})
	if err != nil || cfg.URL != "xcraft://127.0.0.1:5001?events=5002&timeout=1500" {
		t.Errorf("%s %v", cfg.URL, err)
	}
	want := `{"CommanderHost":"0.0.0.0","NotifierHost":"127.0.0.1","CommanderPort":5001,"NotifierPort":5002,"UnixSocketID":"","CertPath":"","KeyPath":"",` +
		`"Timeout":1500000000,"ServerKeepAlive":20000000000,"AcceptIncoming":false,"ShutdownRemotes":true,"PoliciesPath":"p.json","Tribes":[{"CommanderPort":5001,"NotifierPort":5002}]}`
	if got, _ := json.Marshal(cfg.Hall); string(got) != want {
		t.Errorf("hall: %s\nwant  %s", got, want)
	}
	if _, err := Load(Sources{Root: dir, Tribe: 2, LookupEnv: env(nil)}); err == nil || !strings.Contains(err.Error(), "known are 1 to 1") {
		t.Errorf("tribe 2: %v", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	src := Sources{URL: "xcrafts://h?pin=base64:UElO&cert=base64:Q0VSVA==&key=base64:U0VDUkVU", LookupEnv: env(nil)}
	cfg, err := Load(src)
	if err != nil || !strings.Contains(cfg.URL, "U0VDUkVU") {
		t.Fatalf("%v %v", cfg.URL, err)
	}
	settings, _ := json.Marshal(cfg.Settings)
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "cfg", cfg)
	for name, s := range map[string]string{"String": cfg.String(), "%v": fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg), "settings": string(settings), "log": logged.String()} {
		if strings.Contains(s, "U0VDUkVU") {
			t.Errorf("%s shows the key: %s", name, s)
		}
	}
	var e *Error
	if _, err := Load(Sources{URL: "xcraft://h:nine", LookupEnv: env(nil)}); !errors.As(err, &e) {
		t.Errorf("%v", err)
	}
}
