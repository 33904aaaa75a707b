package conn

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/xcraft-go/xbus/wire"
)

// A route is what the hall learns of the caller with each command
// (protocol §2.9).
type route struct {
	Token        string
	Nice         int
	NoForwarding bool
	NodeName     string
	Port         uint64
}

// plainRoute is the route that goes with every command but autoconnect: the
// reference resets nice and noForwarding with it, and calls the node "zog".
func plainRoute(orcName string, port uint64) json.RawMessage {
	_, token, _ := strings.Cut(orcName, "@")
	return route{Token: token, NodeName: "zog", Port: port}.arp(orcName)
}

// arp writes the member arp, with the members in the order of the reference.
// A port that is not known is left out.
func (r route) arp(orcName string) json.RawMessage {
	dst := wire.AppendString([]byte{'{'}, orcName)
	dst = wire.AppendString(append(dst, `:{"token":`...), r.Token)
	dst = strconv.AppendInt(append(dst, `,"nice":`...), int64(r.Nice), 10)
	dst = strconv.AppendBool(append(dst, `,"noForwarding":`...), r.NoForwarding)
	dst = wire.AppendString(append(dst, `,"nodeName":`...), r.NodeName)
	if r.Port != 0 {
		dst = strconv.AppendUint(append(dst, `,"port":`...), r.Port, 10)
	}
	return append(dst, `,"hordes":[]}}`...)
}

// routeOf is what goes with a command of an orc, nil for a hall that has no need
// of it. One of xbus knows its clients by their connections. The reference
// remembers the route that came with the handshake, and reading it again is a
// tenth of what a command costs it: it gets it with the first command after each
// heartbeat, should it have lost it.
func (a *attachment) routeOf(orc string) json.RawMessage {
	switch {
	case isObject(a.xbus):
		return nil
	case orc != a.identity.OrcName:
		return plainRoute(orc, a.link.Info().Port)
	case a.lasting && a.routed.Load():
		return nil
	}
	a.routed.Store(true)
	return a.arp
}

// givenTwice tells of the names that the reference can give to two clients at a
// time (protocol §4.3): the route belongs to who has spoken last.
func givenTwice(orcName string) bool {
	name, _, _ := strings.Cut(orcName, "@")
	switch name {
	case "Borug", "Dul", "Mug", "Urag", "Urul":
		return true
	}
	return false
}
