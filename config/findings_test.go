package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestWhatIsOdd(t *testing.T) {
	bus := func(members string) Sources {
		return Sources{LookupEnv: env(map[string]string{"XCRAFT_CONFIG": `{"xcraft-core-bus": {` + members + `}}`})}
	}
	stale := root(t, map[string]string{"etc/xcraft-core-bus/config.json": "{}", "var/run/xcraftd.4194303": "{}"})
	for name, c := range map[string]struct {
		src  Sources
		want []string // parts of one finding
	}{
		"unknown key":       {bus(`"comanderPort": 1`), []string{"XCRAFT_CONFIG xcraft-core-bus", "comanderPort", "not known", "did you mean commanderPort?"}},
		"outside a module":  {Sources{LookupEnv: env(map[string]string{"XCRAFT_CONFIG": `{"host": "x"}`})}, []string{"host", "outside of a module", "xcraft-core-bus"}},
		"TLS over unix":     {bus(`"unixSocketId": "x", "caPath": "base64:QQ=="`), []string{"caPath", "no effect", "unix sockets know no TLS"}},
		"host and unix":     {bus(`"unixSocketId": "x", "host": "far"`), []string{"host", "no effect", "unixSocketId x is set by XCRAFT_CONFIG"}},
		"noTLS and caPath":  {bus(`"noTLS": true, "caPath": "base64:QQ=="`), []string{"caPath", "no effect", "says no TLS"}},
		"listen everywhere": {bus(`"host": "0.0.0.0"`), []string{"host", "127.0.0.1 is used"}},
		"gatekeeper alone":  {bus(`"caPath": "base64:QQ==", "gatekeeper": "http://g"`), []string{"gatekeeper", "without hordeId"}},
		"hall's key":        {bus(`"caPath": "base64:QQ==", "certPath": "/no/c.pem", "keyPath": "/no/k.pem"`), []string{"keyPath", "cannot be read here", "--cert and --key"}},
		"left over":         {Sources{Root: stale, LookupEnv: env(nil)}, []string{"xcraftd.4194303", "does not run any more"}},
		"no such root":      {Sources{Root: "/no/such/root", LookupEnv: env(nil)}, []string{"/no/such/root", "does not exist"}},
		"no etc":            {Sources{Root: t.TempDir(), LookupEnv: env(nil)}, []string{"xcraft-core-bus", "the file does not exist", "root of an Xcraft server?"}},
		"XCRAFT_TLS ignored": {Sources{URL: "xcrafts://h", LookupEnv: env(map[string]string{"XCRAFT_TLS": "false"})},
			[]string{"XCRAFT_TLS", "the address says otherwise"}},
	} {
		cfg, err := Load(c.src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(cfg.Findings) != 1 {
			t.Errorf("%s: %d findings: %v", name, len(cfg.Findings), cfg.Findings)
			continue
		}
		for _, part := range c.want {
			if got := cfg.Findings[0].String(); !strings.Contains(got, part) {
				t.Errorf("%s: %s\nlacks %q", name, got, part)
			}
		}
	}
}

func TestWhatIsWrong(t *testing.T) {
	bus := func(members string) Sources {
		return Sources{LookupEnv: env(map[string]string{"XCRAFT_CONFIG": `{"xcraft-core-bus": {` + members + `}}`})}
	}
	flags := func(url string, pairs ...string) Sources {
		s := Sources{URL: url, Flags: map[string]string{}, LookupEnv: env(nil)}
		for i := 0; i < len(pairs); i += 2 {
			s.Flags[pairs[i]] = pairs[i+1]
		}
		return s
	}
	for name, c := range map[string]struct {
		src  Sources
		want []string
	}{
		"a port that is none":  {bus(`"commanderPort": "abc"`), []string{"XCRAFT_CONFIG xcraft-core-bus: commanderPort", `"abc" is not a port`, "write a port from 1 to 65535"}},
		"port 0":               {bus(`"notifierPort": 0`), []string{"notifierPort", "not a port"}},
		"a fraction":           {bus(`"commanderPort": 1.5`), []string{"commanderPort", "not a port"}},
		"a truth that is none": {bus(`"noTLS": "perhaps"`), []string{"noTLS", "true or false"}},
		"a list":               {bus(`"host": []`), []string{"host", "[] is not a text"}},
		"tribes":               {bus(`"tribes": [{"commanderPort": 1}]`), []string{"tribes", "entry 0"}},
		"same ports":           {bus(`"commanderPort": 5, "notifierPort": "5"`), []string{"notifierPort", "same port 5"}},
		"XCRAFT_CONFIG":        {Sources{LookupEnv: env(map[string]string{"XCRAFT_CONFIG": "{"})}, []string{"XCRAFT_CONFIG", "no JSON"}},
		"XCRAFT_TLS":           {Sources{LookupEnv: env(map[string]string{"XCRAFT_TLS": "maybe"})}, []string{"XCRAFT_TLS", "true or false"}},
		"no address":           {flags("127.0.0.1:35400"), []string{"flag --url", "no address", "xcraft://host"}},
		"no host":              {flags("xcraft://:1"), []string{"the host is missing"}},
		"unknown parameter":    {flags("xcraft://h?event=1"), []string{"event", "did you mean events?"}},
		"TLS flags, no TLS":    {flags("xcraft://h", "ca", "base64:QQ=="), []string{"flag ca", "says no TLS", "write xcrafts://"}},
		"ca and pin":           {flags("xcrafts://h", "ca", "base64:QQ==", "pin", "base64:QQ=="), []string{"exclude each other"}},
		"key without cert":     {flags("xcrafts://h", "keyPath", "base64:QQ=="), []string{"keyPath", "needs both", "certPath is missing"}},
		"no such certificate":  {flags("xcrafts://h", "pin", "/no/such.pem"), []string{"pin", "/no/such.pem cannot be read"}},
		"unknown flag":         {flags("", "hots", "x"), []string{"flag hots", "did you mean host?"}},
		"no such context":      {Sources{Context: "prod", ContextFile: "/no/file", LookupEnv: env(nil)}, []string{"there is no context prod"}},
		"no such process":      {Sources{Root: t.TempDir(), PID: 4194303, LookupEnv: env(nil)}, []string{"process id 4194303"}},
	} {
		cfg, err := Load(c.src)
		if cfg == nil || err == nil {
			t.Errorf("%s: %v %v, want an error and what could be read", name, cfg, err)
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Origin == "" {
			t.Errorf("%s: %v names no origin", name, err)
		}
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v\nlacks %q", name, err, part)
			}
		}
	}
}

func TestSeveralServers(t *testing.T) {
	dir := root(t, map[string]string{"etc/xcraft-core-bus/config.json": "{}"})
	one, two := os.Getpid(), os.Getppid()
	write(t, dir, fmt.Sprintf("var/run/xcraftd.%d", one), `{"xcraft-core-bus": {"commanderPort": 1001}}`)
	write(t, dir, fmt.Sprintf("var/run/xcraftd.%d", two), `{"xcraft-core-bus": {"commanderPort": 1002}}`)
	cfg, err := Load(Sources{Root: dir, LookupEnv: env(nil)})
	if err != nil || len(cfg.Findings) != 1 || !strings.Contains(cfg.Findings[0].Message, "2 servers run") {
		t.Errorf("%v %v", cfg.Findings, err)
	}
	for pid, want := range map[int]string{one: "1001", two: "1002"} {
		if cfg, err := Load(Sources{Root: dir, PID: pid, LookupEnv: env(nil)}); err != nil || cfg.Setting("commanderPort").Value != want {
			t.Errorf("process %d: %v %v", pid, cfg, err)
		}
	}
}

// Whatever stands in the variables, Load ends with a config or an error.
func FuzzLoad(f *testing.F) {
	f.Add("xcraft://h:1?events=2", `{"xcraft-core-bus": {"host": "x", "tribes": [{}]}}`, "true")
	f.Add("xcrafts://h?pin=base64:", `{"xcraft-core-busclient": {"caPath": 3}}`, "")
	f.Add("mem://", `{"xcraft-core-bus": null}`, "off")
	f.Add("xcraft+unix://?dir=", `[]`, "")
	f.Fuzz(func(t *testing.T, url, xcraft, tls string) {
		cfg, err := Load(Sources{LookupEnv: env(map[string]string{"XBUS_URL": url, "XCRAFT_CONFIG": xcraft, "XCRAFT_TLS": tls})})
		if cfg == nil || err == nil && cfg.URL == "" {
			t.Errorf("%v %v", cfg, err)
		}
	})
}
