package conn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/xcraft-go/xbus/wire"
)

// NoticeKind tells what a [Notice] is about.
type NoticeKind uint8

const (
	// ReconnectAttempt: a session was lost. One per loss, though two sockets die.
	ReconnectAttempt NoticeKind = iota + 1
	// Reconnected: a session is back.
	Reconnected
	// TokenChanged: the hall has restarted.
	TokenChanged
	// OrcNameChanged: the hall gave another name.
	OrcNameChanged
	// RegistryChanged: the commands of the hall are not the same any more.
	RegistryChanged
)

var noticeNames = [...]string{"", "reconnect attempt", "reconnect", "token.changed", "orcname.changed", "commands.registry"}

// String returns the name that the reference gives to the notice.
func (k NoticeKind) String() string {
	if int(k) < len(noticeNames) && k > 0 {
		return noticeNames[k]
	}
	return fmt.Sprintf("notice %d", uint8(k))
}

// A Notice is one thing that happened to the connection, in the order in which
// it happened. States are conflated for who reads slowly; notices are not.
type Notice struct {
	Kind NoticeKind
	// Relayed is true when it happened to a horde of the hall, which passes
	// it on (protocol §4.6), and not to this connection.
	Relayed bool
	// Old and New are the orc names of an OrcNameChanged.
	Old, New string
	// BusConfig is the configuration that a relayed notice brings, raw JSON.
	BusConfig []byte
}

// Topics that the connection keeps for itself.
const (
	topicRegistry   = "greathall::bus.commands.registry"
	topicToken      = "greathall::bus.token.changed"
	topicOrcName    = "greathall::bus.orcname.changed"
	topicReconnect  = "greathall::bus.reconnect"
	axonPrefix      = "xcraft::axon/"
	autoconnectDone = "::autoconnect.finished"
	autoconnectFail = "::autoconnect.error"
)

// notice handles the topics greathall::bus.* and reports whether m was one of
// them. They are believed whatever their token, also before the session, as
// the reference does (protocol §4.6); their shape is not.
func (c *Conn) notice(m *wire.Message) (consumed bool, err error) {
	switch m.Topic {
	case topicRegistry, topicToken, topicOrcName, topicReconnect:
	default:
		return false, nil
	}
	var data struct {
		Registry   json.RawMessage `json:"registry"`
		Token      string          `json:"token"`
		Status     string          `json:"status"`
		OldOrcName string          `json:"oldOrcName"`
		NewOrcName string          `json:"newOrcName"`
		BusConfig  json.RawMessage `json:"busConfig"`
	}
	if !isObject(m.Data) {
		return true, malformed(m.Topic, errors.New("it is no object"))
	}
	if err := json.Unmarshal(m.Data, &data); err != nil {
		return true, malformed(m.Topic, err)
	}
	n := Notice{Relayed: true, BusConfig: data.BusConfig}
	switch m.Topic {
	case topicRegistry:
		if !isObject(data.Registry) {
			return true, malformed(m.Topic, errors.New("registry is missing"))
		}
		c.setRegistry(data.Registry, data.Token)
		n = Notice{Kind: RegistryChanged}
	case topicToken:
		n.Kind = TokenChanged
	case topicOrcName:
		if a := c.attached.Load(); a == nil || wire.Token(data.Token) != a.identity.Token {
			return false, nil // an ordinary event
		}
		n.Kind, n.Old, n.New = OrcNameChanged, data.OldOrcName, data.NewOrcName
	case topicReconnect:
		switch data.Status {
		case "attempt":
			n.Kind = ReconnectAttempt
		case "done":
			n.Kind = Reconnected
		default:
			c.counts.unknown.Add(1)
			return true, nil
		}
	}
	c.notify(n)
	return true, nil
}

// notify never waits: the subscribers of notices have queues of their own.
func (c *Conn) notify(n Notice) { c.notices.Publish(context.Background(), n) }

func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

// malformed is the error for a message whose frame is right and whose content
// is not.
func malformed(topic string, err error) error {
	return fmt.Errorf("%w: %q does not have the expected data: %w", ErrProtocol, wire.Redact(topic), err)
}
