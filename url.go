package xbus

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/conn/inproc"
)

// The forms of an address that Connect takes.
const urlForms = "xcraft://host:35400?events=35800, xcrafts://host:35400?pin=server-cert.pem, " +
	"xcraft+unix://<unixSocketId>, mem://name"

// An AddressError tells what is wrong with an address, and what to write.
type AddressError struct {
	URL    string // without secrets
	Reason string
	Hint   string
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("xbus: address %q: %s: %s", e.URL, e.Reason, e.Hint)
}

// An address is one parsed URL and the parameters that were used.
type address struct {
	*url.URL
	query url.Values
	used  []string
	err   error
}

func (a *address) fail(hint, reason string, args ...any) {
	if a.err == nil {
		a.err = &AddressError{a.withoutSecrets(), fmt.Sprintf(reason, args...), hint}
	}
}

// withoutSecrets is the address for people: passwords, and certificates and
// keys that stand in it as text, are left out.
func (a *address) withoutSecrets() string {
	shown := *a.URL
	pairs := strings.Split(shown.RawQuery, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if value, _ = url.QueryUnescape(value); strings.HasPrefix(value, "base64:") || strings.HasPrefix(value, "-----BEGIN") {
			pairs[i] = name + "=xxxxx"
		}
	}
	shown.RawQuery = strings.Join(pairs, "&")
	shown.Opaque = withoutUser(shown.Opaque)
	return shown.Redacted()
}

// withoutUser hides what stands before an @.
func withoutUser(text string) string {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		return "…" + text[at:]
	}
	return text
}

// unparsable describes a text that is no URL, without what may be secret in it:
// the parser's own words repeat the text.
func unparsable(text string) *AddressError {
	scheme, _, ok := strings.Cut(text, "://")
	if !ok {
		return &AddressError{withoutUser(text), "it is no URL", "write " + urlForms}
	}
	return &AddressError{scheme + "://…", "it is no URL: a port is no number, or a character must be escaped", "write " + urlForms}
}

// parseURL makes the transport that an address names, and sets what else the
// address says.
func parseURL(text string, s *settings) (conn.Transport, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, unparsable(text)
	}
	a := &address{URL: u}
	if a.query, err = url.ParseQuery(u.RawQuery); err != nil {
		a.fail("write name=value&name=value, special characters escaped", "the parameters cannot be read")
	}
	a.noUser()
	var transport conn.Transport
	switch u.Scheme {
	case "xcraft", "xcrafts":
		transport = a.tcp(s)
	case "xcraft+unix":
		transport = a.unix(s)
	case "mem":
		transport = a.mem(s)
	default:
		a.fail("write "+urlForms, "the scheme %q is not known", u.Scheme)
	}
	a.common(s)
	a.checkUnused()
	if a.err != nil {
		return nil, a.err
	}
	return transport, nil
}

func (a *address) tcp(s *settings) conn.Transport {
	cfg := s.axon
	cfg.UnixSocketID, cfg.SocketDir, cfg.CommanderPort, cfg.NotifierPort = "", "", 0, 0
	if cfg.Host = a.Hostname(); cfg.Host == "" {
		a.fail("write xcraft://127.0.0.1:35400?events=35800", "the host is missing")
	}
	if a.Port() != "" {
		cfg.CommanderPort = a.port("port", a.Port())
	}
	if events := a.take("events"); events != "" {
		cfg.NotifierPort = a.port("events", events)
	}
	a.noPath()
	if a.Scheme == "xcrafts" {
		cfg.TLS = a.tls(s)
	} else {
		a.noTLS(s)
	}
	return a.axon(cfg)
}

func (a *address) noTLS(s *settings) {
	if s.axon.TLS != nil {
		a.fail("write xcrafts://, or leave the option out", "WithTLS was given, but the scheme is %s", a.Scheme)
	}
}

func (a *address) tls(s *settings) *axon.TLS {
	t := axon.TLS{}
	if s.axon.TLS != nil {
		t = *s.axon.TLS
	}
	for name, field := range map[string]*string{
		"ca": &t.CA, "pin": &t.Pin, "cert": &t.Cert, "key": &t.Key, "servername": &t.ServerName,
	} {
		if v := a.take(name); v != "" {
			*field = v
		}
	}
	return &t
}

func (a *address) unix(s *settings) conn.Transport {
	cfg := s.axon
	cfg.Host, cfg.CommanderPort, cfg.NotifierPort = "", 0, 0
	cfg.UnixSocketID = a.Hostname()
	switch {
	case cfg.UnixSocketID == "":
		a.fail("write xcraft+unix://<unixSocketId>", "the identifier of the sockets is missing")
	case a.Port() != "":
		a.fail("write commander="+a.Port()+", and events=", "unix sockets have no port")
	}
	a.noTLS(s)
	a.noPath()
	cfg.SocketDir = a.take("dir")
	if v := a.take("commander"); v != "" {
		cfg.CommanderPort = a.port("commander", v)
	}
	if v := a.take("events"); v != "" {
		cfg.NotifierPort = a.port("events", v)
	}
	return a.axon(cfg)
}

func (a *address) axon(cfg axon.Config) conn.Transport {
	if a.err != nil {
		return nil
	}
	if v := a.take("timeout"); v != "" {
		cfg.IdleTimeout = a.duration("timeout", v)
	}
	if v := a.take("keepalive"); v != "" {
		cfg.KeepAlive = a.duration("keepalive", v)
	}
	t, err := axon.New(cfg)
	if err != nil {
		a.fail("see the documentation of axon.Config", "%v", err)
		return nil
	}
	return t
}

func (a *address) mem(s *settings) conn.Transport {
	a.noPath()
	a.noTLS(s)
	t, err := inproc.New(a.Host)
	if err != nil {
		a.fail("write mem://name, the name being that of a hall of this process", "the name is missing")
		return nil
	}
	return t
}

// common takes the parameters that every scheme has.
func (a *address) common(s *settings) {
	if v := a.take("nice"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			a.fail("write a whole number, e.g. nice=5", "nice=%s is no number", v)
		}
		s.conn.Nice = n
	}
	a.flag("noForwarding", &s.conn.NoForwarding)
	a.flag("optimistLag", &s.conn.OptimistLag)
	a.take("passive") // the reference ends its process without it; xbus never does
}

func (a *address) flag(name string, field *bool) {
	v := a.take(name)
	if v == "" {
		return
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		a.fail("write true or false", "%s=%s", name, v)
	}
	*field = b
}

func (a *address) take(name string) string {
	a.used = append(a.used, name)
	switch values := a.query[name]; {
	case len(values) > 1:
		a.fail("write it once", "the parameter %q is given %d times", name, len(values))
	case len(values) == 1 && values[0] == "":
		a.fail("write "+name+"=value, or leave it out", "the parameter %q has no value", name)
	}
	return a.query.Get(name)
}

func (a *address) port(name, v string) int {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 65535 {
		a.fail("write a port from 1 to 65535", "%s=%s is no port", name, v)
	}
	return n
}

// duration reads "6s", or a bare number of milliseconds as Xcraft writes it.
func (a *address) duration(name, v string) time.Duration {
	if ms, err := strconv.Atoi(v); err == nil {
		return time.Duration(ms) * time.Millisecond
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		a.fail("write e.g. 6s, or milliseconds", "%s=%s is no duration", name, v)
	}
	return d
}

func (a *address) noPath() {
	switch {
	case strings.Trim(a.Path, "/") != "":
		a.fail("leave it out", "the path %q has no meaning", a.Path)
	case a.Fragment != "":
		a.fail("leave it out", "what stands behind the # has no meaning")
	}
}

func (a *address) noUser() {
	if a.User != nil {
		a.fail("leave it out: halls know certificates, not passwords", "a user name has no meaning")
	}
}

func (a *address) checkUnused() {
	for _, name := range slices.Sorted(maps.Keys(a.query)) {
		if !slices.Contains(a.used, name) {
			known := slices.Sorted(slices.Values(a.used))
			a.fail("known are "+strings.Join(known, ", "), "the parameter %q is not known with %s", name, a.Scheme)
			return
		}
	}
}
