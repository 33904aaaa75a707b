package faultproxy

import (
	"errors"
	"fmt"
	"net"
	"net/url"
)

// A Pair is the two proxies in front of a great hall. See the documentation of
// the package for what a great hall makes of the ports.
type Pair struct {
	// Commander takes the commands: its direction Up carries everything.
	Commander *Proxy
	// Notifier carries the events: its direction Down carries everything.
	Notifier *Proxy

	url url.URL
}

// ListenPair starts two proxies in front of the great hall of a URL, which is
//
//	xcraft://HOST:COMMANDER?events=NOTIFIER
//
// or the same with xcrafts, the default ports being 35400 and 35800. The host
// name of a certificate has to be valid for 127.0.0.1. Config.Addr must be
// empty, or have the port 0.
func ListenPair(rawURL string, config Config) (*Pair, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("faultproxy: %w", err)
	}
	if u.Scheme != "xcraft" && u.Scheme != "xcrafts" || u.Hostname() == "" {
		return nil, fmt.Errorf("faultproxy: %q: give xcraft://HOST:PORT?events=PORT or xcrafts://…, the proxy is for TCP", rawURL)
	}
	query := u.Query()
	commander, err := Listen(target(u.Hostname(), u.Port(), "35400"), config)
	if err != nil {
		return nil, err
	}
	notifier, err := Listen(target(u.Hostname(), query.Get("events"), "35800"), config)
	if err != nil {
		return nil, errors.Join(err, commander.Close())
	}
	u.Host = commander.Addr()
	query.Set("events", fmt.Sprint(notifier.Port()))
	u.RawQuery = query.Encode()
	return &Pair{Commander: commander, Notifier: notifier, url: *u}, nil
}

func target(host, port, missing string) string {
	if port == "" {
		port = missing
	}
	return net.JoinHostPort(host, port)
}

// URL is the address of the great hall through the proxies; it keeps everything
// else of the URL given to ListenPair.
func (p *Pair) URL() string { return p.url.String() }

// Set replaces the faults of one direction of both proxies.
func (p *Pair) Set(d Direction, f Faults) {
	p.Commander.Set(d, f)
	p.Notifier.Set(d, f)
}

// Admit says what becomes of new connections to both proxies.
func (p *Pair) Admit(a Admission) error {
	return errors.Join(p.Commander.Admit(a), p.Notifier.Admit(a))
}

// Cut ends all connections of both proxies.
func (p *Pair) Cut(how End) {
	p.Commander.Cut(how)
	p.Notifier.Cut(how)
}

// Close closes both proxies.
func (p *Pair) Close() error {
	return errors.Join(p.Commander.Close(), p.Notifier.Close())
}
