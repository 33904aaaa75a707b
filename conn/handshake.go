package conn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// An attachment is one session: who we are and the link that we have it by.
// But for routed it does not change once it is published.
type attachment struct {
	link     Link
	prompt   promptLink // the same; nil when it cannot do that
	epoch    uint64
	identity Identity
	arp      json.RawMessage // our route, written once
	answer   json.RawMessage // nil for a session without a handshake
	xbus     json.RawMessage // the part of answer that halls of xbus add
	registry json.RawMessage // the part of answer
	loaded   bool
	clients  int // of the hall, this one included; 0 when it does not tell
	began    time.Time
	lasting  bool        // the hall has our route since the handshake and keeps it
	routed   atomic.Bool // the route went along since the last heartbeat
}

func (a *attachment) session() Session {
	return Session{Epoch: a.epoch, Identity: a.identity, Info: a.link.Info(), Answer: a.answer, XBus: a.xbus, Began: a.began}
}

func (c *Conn) dial(ctx context.Context) (Link, error) {
	limit := &Error{Op: "dial", Addr: c.cfg.Transport.String(), Reason: ErrTimeout, Hint: fmt.Sprintf("no answer within %v", c.cfg.DialTimeout)}
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.DialTimeout, limit)
	defer cancel()
	link, err := c.cfg.Transport.Dial(ctx)
	if err != nil && ReasonOf(err) == nil && context.Cause(ctx) == limit {
		return nil, limit
	}
	return link, err
}

// handshake makes a session of a link (protocol §4.3). It does not wait for
// the first heartbeat; a heartbeat that comes later than AutoconnectRetry after
// the question asks again.
func (c *Conn) handshake(ctx context.Context, end context.CancelCauseFunc, link Link) (*attachment, error) {
	if c.cfg.Token != "" {
		return c.serverSession(link), nil
	}
	defer c.expectSigns(link, end).stop()
	beaten := false
	ask, err := c.ask(ctx, link)
	for err == nil {
		var m *wire.Message
		if m, err = link.Receive(); err != nil {
			return nil, err
		}
		switch {
		case m.IsHeartbeat():
			beaten = true
			if time.Since(ask.at) >= c.cfg.AutoconnectRetry {
				ask, err = c.ask(ctx, link)
			}
		case m.Topic == ask.finished:
			return c.answered(link, m)
		case m.Topic == ask.failed && beaten:
			return nil, fmt.Errorf("%w: %.200s", ErrRejected, m.Data)
		case m.Topic == ask.failed:
			ask.at = time.Time{} // too early for a hall that starts: ask again when it beats
		default:
			if err := c.internal(m); err != nil {
				return nil, err
			}
		}
	}
	return nil, c.lastWords(link, end, err)
}

// A question is one autoconnect that waits for its answer.
type question struct {
	at               time.Time
	finished, failed string // the topics of its answers
}

// ask sends an autoconnect with a throw-away token of its own: answers to
// older ones do not count.
func (c *Conn) ask(ctx context.Context, link Link) (question, error) {
	temporary := string(wire.NewToken())
	data, err := c.announcement(temporary)
	if err != nil {
		return question{}, &Error{Op: "handshake", Addr: c.cfg.Transport.String(), Err: err, Hint: "Config.Announce gave what JSON cannot hold"}
	}
	route := route{Nice: c.cfg.Nice, NoForwarding: c.cfg.NoForwarding, NodeName: c.cfg.NodeName, Port: link.Info().Port}
	_, err = sendNow(ctx, link, &wire.Message{
		Topic: wire.CommandAuto, Token: or(c.identity.Token, "invalid"), OrcName: wire.GreatHall, ID: wire.NewID(),
		Data: data, Router: wire.Axon, OriginRouter: wire.Axon, Rare: &wire.Rare{ARP: route.arp(temporary)},
	})
	return question{time.Now(), temporary + autoconnectDone, temporary + autoconnectFail}, err
}

// announcement is the data of an autoconnect. What the protocol says of it
// cannot be replaced.
func (c *Conn) announcement(temporary string) (json.RawMessage, error) {
	dst := wire.AppendString([]byte(`{"autoConnectToken":`), temporary)
	dst = strconv.AppendInt(append(dst, `,"nice":`...), int64(c.cfg.Nice), 10)
	dst = strconv.AppendBool(append(dst, `,"noForwarding":`...), c.cfg.NoForwarding)
	if c.cfg.Announce != nil {
		for name, value := range c.cfg.Announce() {
			switch name {
			case "autoConnectToken", "nice", "noForwarding":
				continue
			}
			text, err := json.Marshal(value)
			if err != nil {
				return nil, err
			}
			dst = wire.AppendString(append(dst, ','), name)
			dst = append(append(dst, ':'), text...)
		}
	}
	return append(dst, '}'), nil
}

// lastWords looks for a better reason than err, which is that nothing can be
// sent: a hall that rejects a client closes the one socket and says so on the
// other (protocol §2.5).
func (c *Conn) lastWords(link Link, end context.CancelCauseFunc, err error) error {
	const patience = time.Second // longer than links go on after they have lost a socket
	limit := lookOut(patience, func() time.Duration { end(err); return 0 })
	defer limit.stop()
	for {
		m, gone := link.Receive()
		if gone != nil {
			return err
		}
		if m.IsHeartbeat() {
			continue
		}
		if better := c.internal(m); better != nil {
			return better
		}
	}
}

// expectSigns ends the attempt when the hall is silent for HandshakeTimeout.
func (c *Conn) expectSigns(link Link, end context.CancelCauseFunc) *lookout {
	began := time.Now()
	return lookOut(c.cfg.HandshakeTimeout, func() time.Duration {
		silent := min(silence(link), time.Since(began))
		if silent < c.cfg.HandshakeTimeout {
			return c.cfg.HandshakeTimeout - silent
		}
		end(&Error{Op: "handshake", Addr: c.cfg.Transport.String(), Reason: ErrNoHeartbeat,
			Hint: fmt.Sprintf("silent for %v: is it a great hall, and are the two ports not exchanged?", c.cfg.HandshakeTimeout)})
		return 0
	})
}

// answered makes the session that the hall's answer describes. Its members are
// taken as they come, of a registry of thousands of commands nothing is built.
func (c *Conn) answered(link Link, m *wire.Message) (*attachment, error) {
	var token, orcName string
	var registry, xbus json.RawMessage
	loaded := false
	for name, value := range wire.Members(m.Data) {
		switch name {
		case "token":
			token, _ = wire.Text(value)
		case "orcName":
			orcName, _ = wire.Text(value)
		case "cmdRegistry":
			registry = value
		case "isLoaded":
			loaded = wire.Truthy(value)
		case "xbus":
			xbus = value
		}
	}
	if token == "" || !strings.Contains(orcName, "@") || !isObject(registry) {
		return nil, malformed("autoconnect.finished", errors.New("token, orcName or cmdRegistry is missing"))
	}
	a := c.session(link, wire.Token(token), orcName)
	a.answer, a.registry, a.loaded, a.xbus, a.clients = m.Data, registry, loaded, xbus, clientsOf(xbus)
	a.lasting = a.identity.OrcName == orcName && !givenTwice(orcName)
	return a, nil
}

// clientsOf is how many clients a hall of xbus has; 0 when it is another one, or
// does not tell.
func clientsOf(xbus json.RawMessage) int {
	for name, value := range wire.Members(xbus) {
		if name == "clients" {
			n, _ := strconv.Atoi(string(value))
			return max(n, 0)
		}
	}
	return 0
}

// serverSession is a session without a handshake, for a client that was given
// the token: "server mode" of the reference.
func (c *Conn) serverSession(link Link) *attachment {
	a := c.session(link, wire.Token(c.cfg.Token), wire.GreatHall+"@"+c.cfg.Token)
	a.loaded = true
	return a
}

// session settles who we are: commands go on under the first name that a hall
// gave, also when it gives another one later (protocol §4.4).
func (c *Conn) session(link Link, token wire.Token, assigned string) *attachment {
	id := Identity{Token: token, OrcName: assigned, AssignedName: assigned}
	if c.identity.OrcName != "" && !c.cfg.AdoptNewName {
		id.OrcName = c.identity.OrcName
	}
	prompt, _ := link.(promptLink)
	return &attachment{
		link: link, prompt: prompt, epoch: c.state.Load().Epoch + 1, identity: id, began: time.Now(),
		arp: plainRoute(id.OrcName, link.Info().Port),
	}
}

// failure names the step and the address, unless err does already.
func (c *Conn) failure(op string, err error) error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return err
	}
	e := &Error{Op: op, Addr: c.cfg.Transport.String(), Err: err, Reason: ReasonOf(err)}
	var format *wire.FormatError
	switch {
	case errors.As(err, &format):
		e.Reason = ErrProtocol
	case e.Reason == nil && op != "dial":
		e.Reason = ErrLinkLost
	}
	return e
}
