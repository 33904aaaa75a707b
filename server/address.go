package server

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/conn/inproc"
)

// A door is one place where clients come in.
type door interface {
	Accept(context.Context) (conn.Link, error)
	Close() error
}

// An entrance is an open door and how clients find it.
type entrance struct {
	door
	url    string // for clients
	addr   string
	motd   [2]int // the two ports
	online bool   // not a memory one
}

const listenForms = "xcraft://127.0.0.1:35400?events=35800, xcrafts://host:35400?cert=hall.pem&key=hall-key.pem, " +
	"xcraft+unix://<unixSocketId>, mem://name"

// An AddressError tells what is wrong with an address to listen on.
type AddressError struct{ URL, Reason, Hint string }

func (e *AddressError) Error() string {
	return fmt.Sprintf("server: listen on %q: %s: %s", e.URL, e.Reason, e.Hint)
}

// open opens one address of Config.Listen.
func (c Config) open(text string, refused func(string, error)) (*entrance, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, &AddressError{text, "it is no URL", "write " + listenForms}
	}
	if u.Scheme == "mem" {
		l, err := inproc.Listen(u.Host)
		if err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
		return &entrance{door: l, url: l.Addr(), addr: l.Addr()}, nil
	}
	cfg, err := c.sockets(u)
	if err != nil {
		return nil, err
	}
	cfg.OnRefuse = refused
	l, err := axon.Listen(cfg)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	commander, notifier := l.Ports()
	return &entrance{door: l, url: clientURL(cfg, u.Scheme, commander, notifier), addr: l.Addr(),
		motd: [2]int{commander, notifier}, online: true}, nil
}

// sockets makes the configuration of the sockets for one address.
func (c Config) sockets(u *url.URL) (axon.ListenConfig, error) {
	cfg, query := c.Sockets, u.Query()
	cfg.Host, cfg.UnixSocketID, cfg.TLS, cfg.Exact = u.Hostname(), "", nil, cfg.Exact || c.Exact
	setDefault(&cfg.Heartbeat, c.Heartbeat)
	fail := func(reason, hint string) (axon.ListenConfig, error) {
		return cfg, &AddressError{u.Redacted(), reason, hint}
	}
	known := []string{"events"}
	commander, standard := u.Port(), axon.DefaultCommanderPort
	switch u.Scheme {
	case "xcraft":
	case "xcrafts":
		known = append(known, "cert", "key", "clients")
		cfg.TLS = &axon.ServerTLS{Cert: query.Get("cert"), Key: query.Get("key"), ClientCerts: query.Get("clients")}
	case "xcraft+unix":
		known = append(known, "commander", "dir")
		cfg.UnixSocketID, cfg.SocketDir = u.Host, query.Get("dir")
		commander = query.Get("commander")
		if u.Host == "" {
			return fail("the identifier of the sockets is missing", "write xcraft+unix://<unixSocketId>")
		}
	default:
		return fail(fmt.Sprintf("the scheme %q is not known", u.Scheme), "write "+listenForms)
	}
	for name := range query {
		if !slices.Contains(known, name) {
			return fail(fmt.Sprintf("the parameter %q is not known with %s", name, u.Scheme), "known are "+strings.Join(known, ", "))
		}
	}
	var ok bool
	if cfg.CommanderPort, ok = portOf(commander, standard); !ok {
		return fail("the port is no number from 0 to 65535", "write e.g. :35400, or :0 for any free one")
	}
	if cfg.NotifierPort, ok = portOf(query.Get("events"), eventsPort(cfg.CommanderPort)); !ok {
		return fail("events= is no number from 0 to 65535", "write e.g. events=35800, or events=0 for any free one")
	}
	if cfg.UnixSocketID == "" && !isLocal(cfg.Host) && !c.guarded(cfg) {
		return cfg, fmt.Errorf("server: listen on %q: %w: ask for client certificates (xcrafts://…&clients=folder), "+
			"set Config.Authenticate, listen on 127.0.0.1, or set Config.AllowAnonymous if that is what you want", u.Redacted(), ErrOpen)
	}
	return cfg, nil
}

// eventsPort is the default beside a commander's port: any for any.
func eventsPort(commander int) int {
	if commander == 0 {
		return 0
	}
	return axon.DefaultNotifierPort
}

func portOf(text string, standard int) (int, bool) {
	if text == "" {
		return standard, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0 && n <= 65535
}

// isLocal reports whether only this machine reaches the host.
func isLocal(host string) bool {
	if host == "" || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// clientURL is the address that a client on this machine connects to.
func clientURL(cfg axon.ListenConfig, scheme string, commander, notifier int) string {
	query := url.Values{"events": {strconv.Itoa(notifier)}}
	if cfg.UnixSocketID != "" {
		query.Set("commander", strconv.Itoa(commander))
		if cfg.SocketDir != "" {
			query.Set("dir", cfg.SocketDir)
		}
		return scheme + "://" + cfg.UnixSocketID + "?" + readable(query)
	}
	host := cfg.Host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = axon.DefaultHost
	}
	if cfg.TLS != nil && !strings.ContainsAny(cfg.TLS.Cert, ":\n") {
		query.Set("pin", cfg.TLS.Cert) // the certificate itself, whatever name it is for
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(commander)) + "?" + readable(query)
}

func readable(query url.Values) string { return strings.ReplaceAll(query.Encode(), "%2F", "/") }
