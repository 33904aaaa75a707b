package config

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// get returns the value of a key in force and the layer that gives it, nil for
// the default.
func (l *loader) get(name string) (string, *layer) {
	k := keyOf[name]
	for _, at := range l.layers {
		if v, ok := at.values[name]; ok {
			return v, at
		}
		if at.whole && k.group != manners && k.group != hall {
			break
		}
	}
	return k.value, nil
}

func (l *loader) value(name string) string {
	v, _ := l.get(name)
	return v
}

// resolve makes the address out of the layers.
func (l *loader) resolve() *Config {
	l.tribe()
	cfg := &Config{Root: l.root, Resources: l.resources, Hall: l.hall()}
	cfg.Settings = l.settings()
	if text := l.verbatim(); text != "" {
		cfg.URL, cfg.redacted = text, text
		if u, err := url.Parse(text); err == nil {
			cfg.redacted = u.Redacted()
		}
	} else {
		u, query := l.compose()
		show := url.Values{}
		for name := range query {
			show.Set(name, display(parameters[name], query.Get(name)))
		}
		cfg.URL, cfg.redacted = withQuery(u, query), withQuery(u, show)
	}
	cfg.Findings = l.findings
	return cfg
}

// verbatim is an address that was not taken apart, if it is the one that counts.
func (l *loader) verbatim() string {
	for _, at := range l.layers {
		if at.whole || at.values["host"] != "" || at.values["unixSocketId"] != "" {
			return at.verbatim
		}
	}
	return ""
}

func (l *loader) compose() (string, url.Values) {
	query := url.Values{}
	id := l.value("unixSocketId")
	commander, notifier := l.value("commanderPort"), l.value("notifierPort")
	if commander == notifier && id == "" {
		_, at := l.get("notifierPort")
		l.fail("notifierPort", originOf(at, "notifierPort"), "commander and notifier have the same port "+notifier, "they are two ports, e.g. 35400 and 35800")
	}
	query.Set("events", notifier)
	base := ""
	if id != "" {
		l.unixOnly()
		base = "xcraft+unix://" + id
		query.Set("commander", commander)
		if dir := l.value("socketDir"); dir != "" {
			query.Set("dir", dir)
		}
	} else {
		scheme := "xcraft"
		if l.secure(query) {
			scheme = "xcrafts"
		}
		base = scheme + "://" + net.JoinHostPort(l.host(), commander)
	}
	for _, name := range []string{"timeout", "keepalive", "nice", "noForwarding", "optimistLag"} {
		k := keyOf[parameters[name]]
		if v := l.value(k.name); v != k.value {
			query.Set(name, v)
		}
	}
	return base, query
}

// host is where to connect: an address to listen on everywhere is this machine.
func (l *loader) host() string {
	host, at := l.get("host")
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		l.find("host", originOf(at, "host"), host+" is an address to listen on; 127.0.0.1 is used to connect", "")
		return "127.0.0.1"
	}
	return host
}

// unixOnly reports what unix sockets leave without effect.
func (l *loader) unixOnly() {
	id, at := l.get("unixSocketId")
	for _, name := range []string{"caPath", "ca", "pin", "certPath", "keyPath"} {
		if v, by := l.get(name); v != "" {
			l.find(name, originOf(by, name), "it has no effect: unix sockets know no TLS", "unixSocketId "+id+" is set by "+originOf(at, "unixSocketId"))
		}
	}
	if host, by := l.get("host"); by != nil && host != "localhost" {
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			l.find("host", originOf(by, "host"), "it has no effect: unix sockets are on this machine", "unixSocketId "+id+" is set by "+originOf(at, "unixSocketId"))
		}
	}
}

// tribe replaces the ports by those of an instance.
func (l *loader) tribe() {
	if l.src.Tribe == 0 {
		return
	}
	raw, at := l.get("tribes")
	tribes, _ := readTribes(raw)
	if l.src.Tribe < 0 || l.src.Tribe > len(tribes) {
		l.fail("tribes", originOf(at, "tribes"), "there is no tribe "+strconv.Itoa(l.src.Tribe), "known are 1 to "+strconv.Itoa(len(tribes))+"; 0 is the first instance")
		return
	}
	t := tribes[l.src.Tribe-1]
	origin := originOf(at, "tribes") + " tribe " + strconv.Itoa(l.src.Tribe)
	top := &layer{origin: origin}
	top.set("commanderPort", strconv.Itoa(t.CommanderPort), "")
	top.set("notifierPort", strconv.Itoa(t.NotifierPort), "")
	l.layers = append([]*layer{top}, l.layers...)
}

func (l *loader) settings() []Setting {
	list := make([]Setting, 0, len(keys))
	for _, k := range keys {
		v, at := l.get(k.name)
		if at == nil && (k.value == "" || k.group == hall) {
			continue
		}
		s := Setting{Key: k.name, Value: display(k.name, v), Origin: originOf(at, k.name), Default: at == nil}
		for _, other := range l.layers {
			if hidden, ok := other.values[k.name]; ok && other != at {
				s.Hidden = append(s.Hidden, Hidden{display(k.name, hidden), other.originOf(k.name)})
			}
		}
		list = append(list, s)
	}
	return list
}

func (l *loader) hall() Hall {
	tribes, _ := readTribes(l.value("tribes"))
	commander, _ := strconv.Atoi(l.value("commanderPort"))
	notifier, _ := strconv.Atoi(l.value("notifierPort"))
	return Hall{
		CommanderHost: first(l.value("commanderHost"), l.value("host")),
		NotifierHost:  first(l.value("notifierHost"), l.value("host")),
		CommanderPort: commander, NotifierPort: notifier,
		UnixSocketID: l.value("unixSocketId"),
		CertPath:     l.value("certPath"), KeyPath: l.value("keyPath"),
		Timeout:         duration(l.value("timeout")),
		ServerKeepAlive: duration(l.value("serverKeepAlive")),
		AcceptIncoming:  l.value("acceptIncoming") == "true",
		ShutdownRemotes: l.value("shutdownRemotes") == "true",
		PoliciesPath:    l.value("policiesPath"),
		Tribes:          tribes,
	}
}

func duration(ms string) time.Duration {
	n, _ := strconv.Atoi(ms)
	return time.Duration(n) * time.Millisecond
}

func originOf(at *layer, name string) string {
	if at == nil {
		return "default"
	}
	return at.originOf(name)
}

// display is a value as it may be shown.
func display(name, v string) string {
	switch {
	case keyOf[name].kind != pem || !inline(v):
		return v
	case name == "keyPath":
		return "base64:(not shown)"
	default:
		return "base64:(" + strconv.Itoa(len(v)) + " characters)"
	}
}

// withQuery is an address with its parameters, paths left readable.
func withQuery(base string, query url.Values) string {
	return base + "?" + strings.NewReplacer("%2F", "/", "%3A", ":").Replace(query.Encode())
}

// readable reports whether a PEM can be had.
func readable(value string) bool {
	if inline(value) {
		return true
	}
	f, err := os.Open(value)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// defaultPin is the certificate that Xcraft takes when none is named.
func (l *loader) defaultPin() string {
	if l.resources == "" {
		return ""
	}
	path := filepath.Join(l.resources, "server-cert.pem")
	if !isFile(path) {
		return ""
	}
	return path
}
