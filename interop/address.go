package interop

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// address is where a great hall listens, as URLs of xbus write it:
//
//	xcraft://HOST:COMMANDER?events=NOTIFIER
//	xcrafts://HOST:COMMANDER?events=NOTIFIER&ca=FILE&cert=FILE&key=FILE
//	xcraft+unix://ID?commander=PORT&events=PORT
type address struct {
	host                string
	commander, notifier int
	unix                string
	secure              bool
	ca                  string
	client              KeyPair
}

func (a address) String() string {
	query := url.Values{"events": {strconv.Itoa(a.notifier)}}
	u := url.URL{Scheme: "xcraft", Host: net.JoinHostPort(a.host, strconv.Itoa(a.commander))}
	switch {
	case a.unix != "":
		u.Scheme, u.Host = "xcraft+unix", a.unix
		query.Set("commander", strconv.Itoa(a.commander))
	case a.secure:
		u.Scheme = "xcrafts"
		for name, file := range map[string]string{"ca": a.ca, "cert": a.client.Cert, "key": a.client.Key} {
			if file != "" {
				query.Set(name, file)
			}
		}
	}
	u.RawQuery = strings.ReplaceAll(query.Encode(), "%2F", "/")
	return u.String()
}

func parseAddress(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil {
		return address{}, fmt.Errorf("interop: %w", err)
	}
	query := u.Query()
	a := address{
		host:   u.Hostname(),
		ca:     query.Get("ca"),
		client: KeyPair{Key: query.Get("key"), Cert: query.Get("cert")},
	}
	commander := u.Port()
	switch u.Scheme {
	case "xcraft":
	case "xcrafts":
		a.secure = true
	case "xcraft+unix":
		a.unix, commander = u.Host, query.Get("commander")
	default:
		return address{}, fmt.Errorf("interop: %q: give an xcraft://, xcrafts:// or xcraft+unix:// URL", text)
	}
	if a.secure && a.ca == "" {
		return address{}, fmt.Errorf("interop: %q: add ca=FILE, the certificate of the great hall: the JS client trusts no other", text)
	}
	if a.commander, err = port(commander, 35400); err == nil {
		a.notifier, err = port(query.Get("events"), 35800)
	}
	if err != nil {
		return address{}, fmt.Errorf("interop: %q: %w", text, err)
	}
	return a, nil
}

func port(text string, missing int) (int, error) {
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%q is not a port: give a number from 1 to 65535", text)
	}
	return n, nil
}
