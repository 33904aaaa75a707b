package server

import (
	"encoding/json"
	"strconv"

	"github.com/xcraft-go/xbus/wire"
)

// An ask is the data of an autoconnect.
type ask struct {
	autoConnectToken string
	nice             int
	noForwarding     bool
	xbus             *announced // nil for other clients
}

// announced is what a client of xbus says of itself.
type announced struct {
	version int
	session string
	seq     uint64
	attempt uint64 // grows with each autoconnect of the client; 0 when it does not count
}

// askOf takes from the data of an autoconnect what it has of an ask. What is of
// another kind counts as missing.
func askOf(data json.RawMessage) (a ask) {
	for name, value := range wire.Members(data) {
		switch name {
		case "autoConnectToken":
			a.autoConnectToken, _ = wire.Text(value)
		case "nice":
			a.nice, _ = strconv.Atoi(string(value))
		case "noForwarding":
			a.noForwarding = wire.Truthy(value)
		case "xbus":
			a.xbus = announcedOf(value)
		}
	}
	return a
}

func announcedOf(data json.RawMessage) *announced {
	a := new(announced)
	for name, value := range wire.Members(data) {
		switch name {
		case "version":
			a.version, _ = strconv.Atoi(string(value))
		case "session":
			a.session, _ = wire.Text(value)
		case "seq":
			a.seq, _ = strconv.ParseUint(string(value), 10, 64)
		case "attempt":
			a.attempt, _ = strconv.ParseUint(string(value), 10, 64)
		}
	}
	return a
}

// welcomeText is the data of the answer. The registry, which is large, is text
// already and is taken as it is.
func (h *Hall) welcomeText(orcName string, registry json.RawMessage, r *resumed) json.RawMessage {
	dst := wire.AppendString([]byte(`{"token":`), string(h.token))
	dst = wire.AppendString(append(dst, `,"orcName":`...), orcName)
	dst = append(append(dst, `,"cmdRegistry":`...), registry...)
	dst = append(dst, `,"isLoaded":true`...)
	if r != nil {
		dst = r.append(append(dst, `,"xbus":`...))
	}
	return append(dst, '}')
}

// resumed is what a client of xbus learns of its session.
type resumed struct {
	session  string
	known    bool // it goes on
	seq      uint64
	replayed int
	clients  int    // connected now, this one included
	lost     Reason // "" when it was not cut
}

func (r *resumed) append(dst []byte) []byte {
	dst = wire.AppendString(append(dst, `{"version":1,"session":`...), r.session)
	dst = strconv.AppendBool(append(dst, `,"known":`...), r.known)
	dst = strconv.AppendUint(append(dst, `,"seq":`...), r.seq, 10)
	dst = strconv.AppendInt(append(dst, `,"replayed":`...), int64(r.replayed), 10)
	dst = strconv.AppendInt(append(dst, `,"clients":`...), int64(r.clients), 10)
	if r.lost != "" {
		dst = wire.AppendString(append(dst, `,"lost":`...), string(r.lost))
	}
	return append(dst, '}')
}

// nodeNameOf is what the route of an orc name calls the node, "" if nothing.
func nodeNameOf(arp json.RawMessage, orcName string) (node string) {
	for name, route := range wire.Members(arp) {
		if name != orcName {
			continue
		}
		for name, value := range wire.Members(route) {
			if name == "nodeName" {
				node, _ = wire.Text(value)
			}
		}
	}
	return node
}
