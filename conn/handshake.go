package conn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// An attachment is one session: who we are and the link that we have it by.
// It does not change once it is published.
type attachment struct {
	link     *linkBox
	epoch    uint64
	identity Identity
	token    wire.Token
	arp      json.RawMessage // our route, written once
	answer   json.RawMessage
	loaded   bool
	began    time.Time
}

func (a *attachment) session() Session {
	return Session{Epoch: a.epoch, Identity: a.identity, Info: a.link.Info(), Answer: a.answer, Began: a.began}
}

func (c *Conn) dial(ctx context.Context) (*linkBox, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.DialTimeout,
		&Error{Op: "dial", Addr: c.cfg.Transport.String(), Reason: ErrTimeout, Hint: fmt.Sprintf("no answer within %v", c.cfg.DialTimeout)})
	defer cancel()
	link, err := c.cfg.Transport.Dial(ctx)
	if err != nil {
		c.counts.failed(err)
		return nil, err
	}
	box := &linkBox{Link: link}
	c.link.Store(box)
	return box, nil
}

// handshake makes a session of a link (protocol §4.3). It does not wait for
// the first heartbeat; a heartbeat that comes later than AutoconnectRetry after
// the question asks again.
func (c *Conn) handshake(link *linkBox) (*attachment, error) {
	if c.cfg.Token != "" {
		return c.serverSession(link), nil
	}
	stop := c.expectSigns(link)
	defer stop()
	ask, err := c.ask(link)
	if err != nil {
		return nil, c.lastWords(link, err)
	}
	for {
		m, err := link.Receive()
		if err != nil {
			return nil, c.failure("handshake", link.reason(err))
		}
		switch {
		case m.IsHeartbeat():
			if time.Since(ask.at) >= c.cfg.AutoconnectRetry {
				if ask, err = c.ask(link); err != nil {
					return nil, c.lastWords(link, err)
				}
			}
		case m.Topic == ask.finished:
			a, err := c.answered(link, m)
			if err != nil {
				return nil, c.failure("handshake", err)
			}
			return a, nil
		case m.Topic == ask.failed:
			return nil, c.failure("handshake", fmt.Errorf("%w: %.200s", ErrRejected, m.Data))
		default:
			if err := c.internal(m); err != nil {
				return nil, c.failure("handshake", err)
			}
		}
	}
}

// A question is one autoconnect that waits for its answer.
type question struct {
	at               time.Time
	finished, failed string // the topics of its answers
}

// ask sends an autoconnect with a throw-away token of its own: answers to
// older ones do not count.
func (c *Conn) ask(link *linkBox) (question, error) {
	temporary := string(wire.NewToken())
	data := map[string]any{"autoConnectToken": temporary, "nice": c.cfg.Nice, "noForwarding": c.cfg.NoForwarding}
	if c.cfg.Announce != nil {
		for name, value := range c.cfg.Announce() {
			if _, taken := data[name]; !taken {
				data[name] = value
			}
		}
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return question{}, &Error{Op: "handshake", Addr: c.cfg.Transport.String(), Err: err, Hint: "Config.Announce gave what JSON cannot hold"}
	}
	route := route{Nice: c.cfg.Nice, NoForwarding: c.cfg.NoForwarding, NodeName: c.cfg.NodeName, Port: link.Info().Port}
	c.mu.Lock()
	token := or(c.identity.Token, "invalid")
	c.mu.Unlock()
	_, err = link.Send(context.Background(), &wire.Message{
		Topic: wire.CommandAuto, Token: token, OrcName: wire.GreatHall, ID: wire.NewID(),
		Data: raw, Router: wire.Axon, OriginRouter: wire.Axon, ARP: route.arp(temporary),
	})
	if err != nil {
		return question{}, c.failure("handshake", link.reason(err))
	}
	return question{time.Now(), temporary + autoconnectDone, temporary + autoconnectFail}, nil
}

// lastWords looks for a better reason than err, which is that nothing can be
// sent: a hall that rejects a client closes the one socket and says so on the
// other.
func (c *Conn) lastWords(link *linkBox, err error) error {
	for {
		m, end := link.Receive()
		if end != nil {
			return err
		}
		if m.Topic == wire.TopicReject {
			return c.failure("handshake", rejected(m))
		}
	}
}

// expectSigns ends the link when the hall is silent for HandshakeTimeout.
func (c *Conn) expectSigns(link *linkBox) (stop func()) {
	began := time.Now()
	var timer *time.Timer
	timer = time.AfterFunc(c.cfg.HandshakeTimeout, func() {
		last := link.Info().LastReceived
		if last.Before(began) {
			last = began
		}
		if rest := c.cfg.HandshakeTimeout - time.Since(last); rest > 0 {
			timer.Reset(rest)
			return
		}
		link.end(&Error{Op: "handshake", Addr: c.cfg.Transport.String(), Reason: ErrNoHeartbeat,
			Hint: fmt.Sprintf("silent for %v: is it a great hall, and are the two ports not exchanged?", c.cfg.HandshakeTimeout)})
	})
	return func() { timer.Stop() }
}

// answered makes the session that the hall's answer describes.
func (c *Conn) answered(link *linkBox, m *wire.Message) (*attachment, error) {
	var data struct {
		Token       string          `json:"token"`
		OrcName     string          `json:"orcName"`
		CmdRegistry json.RawMessage `json:"cmdRegistry"`
		IsLoaded    bool            `json:"isLoaded"`
	}
	if err := json.Unmarshal(m.Data, &data); err != nil {
		return nil, malformed("autoconnect.finished", err)
	}
	if data.Token == "" || !strings.Contains(data.OrcName, "@") || !isObject(data.CmdRegistry) {
		return nil, malformed("autoconnect.finished", errors.New("token, orcName or cmdRegistry is missing"))
	}
	a := c.session(link, wire.Token(data.Token), data.OrcName)
	a.answer, a.loaded = m.Data, data.IsLoaded
	return a, nil
}

// serverSession is a session without a handshake, for a client that was given
// the token: "server mode" of the reference.
func (c *Conn) serverSession(link *linkBox) *attachment {
	a := c.session(link, wire.Token(c.cfg.Token), wire.GreatHall+"@"+c.cfg.Token)
	a.loaded = true
	return a
}

// session settles who we are: commands go on under the first name that a hall
// gave, also when it gives another one later (protocol §4.4).
func (c *Conn) session(link *linkBox, token wire.Token, assigned string) *attachment {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := Identity{Token: token, OrcName: assigned, AssignedName: assigned}
	if c.identity.OrcName != "" && !c.cfg.AdoptNewName {
		id.OrcName = c.identity.OrcName
	}
	return &attachment{
		link: link, epoch: c.state.Load().Epoch + 1, identity: id, token: token, began: time.Now(),
		arp: plainRoute(id.OrcName, link.Info().Port),
	}
}

// failure names the step and the address, unless err does already.
func (c *Conn) failure(op string, err error) error {
	c.counts.failed(err)
	if e := (*Error)(nil); errors.As(err, &e) {
		return err
	}
	addr := c.cfg.Transport.String()
	var format *wire.FormatError
	switch {
	case errors.As(err, &format):
		return &Error{Op: op, Addr: addr, Reason: ErrProtocol, Err: err}
	case ReasonOf(err) == nil:
		return &Error{Op: op, Addr: addr, Reason: ErrLinkLost, Err: err}
	}
	return &Error{Op: op, Addr: addr, Err: err, Reason: ReasonOf(err)}
}
