package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

// Publish sends an event to whom it concerns (protocol §6.5): to one orc when
// the topic is in its namespace, to who listens to a line when it has one, to
// all clients otherwise. It never waits for a client: nil means that the event
// is in the queues of all who are there. data is whatever JSON can hold, or
// values of package payload.
func (h *Hall) Publish(ctx context.Context, topic string, data any) error {
	if ctx.Err() != nil {
		return fmt.Errorf("server: publish %.100q: %w", topic, context.Cause(ctx))
	}
	return h.publish(topic, data, RequestOf(ctx))
}

// publish sends an event, on behalf of a request if there is one.
func (h *Hall) publish(topic string, data any, on *Request) error {
	if err := topics.CheckTopic(topic); err != nil {
		return fmt.Errorf("server: publish: %w", err)
	}
	packed, err := pack(data)
	if err != nil {
		return fmt.Errorf("server: publish %.100q: %w", topic, err)
	}
	m := messages.Get().(*wire.Message)
	defer free(m)
	h.address(m, topic)
	m.SetPayload(packed.Data, packed.Immu, packed.Shred, packed.Chunk)
	if on != nil {
		m.SetContext(on.Message.Context())
		m.Router, m.OriginRouter = wire.Axon, origin(on.Message)
	}
	if err := wire.Check(m); err != nil {
		return fmt.Errorf("server: publish %.100q: %w", topic, err)
	}
	if h.ctx.Err() != nil {
		return fmt.Errorf("server: publish %.100q: %w", topic, ErrClosed)
	}
	h.route(m)
	return nil
}

// NewMessage makes a message of this hall: with its token and an id of its own.
func (h *Hall) NewMessage(topic string) *wire.Message { return h.event(topic, nil) }

// event makes a message of the hall for everybody.
func (h *Hall) event(topic string, data json.RawMessage) *wire.Message {
	m := &wire.Message{Data: data}
	h.address(m, topic)
	return m
}

// address makes an empty message one of this hall.
func (h *Hall) address(m *wire.Message, topic string) {
	namespace, _, ok := topics.Split(topic)
	if !ok {
		namespace = wire.GreatHall
	}
	m.Topic, m.OrcName, m.Token, m.ID = topic, namespace, h.token, wire.NewID()
}

// messages are empty ones. Links use nothing of a message once they have it, see
// conn.Link, so an event needs one only until it is published.
var messages = sync.Pool{New: func() any { return new(wire.Message) }}

func free(m *wire.Message) {
	*m = wire.Message{} // what it points to is not kept
	messages.Put(m)
}

// direct makes a message of the hall for one client.
func (h *Hall) direct(orc, topic string, data any) *wire.Message {
	m := h.event(topic, nil)
	m.OrcName = orc
	if data != nil {
		m.Data, _ = json.Marshal(data) // types of this package
	}
	return m
}

// route gives an event to whom it concerns.
func (h *Hall) route(m *wire.Message) {
	h.counts.published.Add(1)
	keep := keepNever
	if h.keeps(m.Topic) {
		keep = keepAlways
	}
	delivered := uint64(0)
	receivers := h.receivers(m.Topic)
	if len(receivers) > 1 {
		m.Share()
	}
	for _, s := range receivers {
		if s.deliver(m, keep) {
			delivered++
		}
	}
	h.counts.delivered.Add(delivered)
}

// receivers decides by the topic, in the order of the reference.
func (h *Hall) receivers(topic string) []*session {
	namespace, _, _ := topics.Split(topic)
	if orc, ok := orcished(topic); ok {
		if s := h.routes.owner(orc); s != nil {
			return []*session{s}
		}
		h.counts.unrouted.Add(1)
		return nil
	}
	answer := strings.HasSuffix(topic, ".finished") || strings.HasSuffix(topic, ".error")
	if line, ok := topics.LineID(topic); ok && !answer {
		list := h.routes.listeners(line)
		if len(list) == 0 {
			h.counts.unrouted.Add(1)
		}
		return list
	}
	if strings.Contains(namespace, "@") {
		if s := h.routes.owner(namespace); s != nil {
			return []*session{s}
		}
		h.counts.unrouted.Add(1)
		return nil
	}
	return *h.routes.all.Load()
}

// orcished returns the orc that an event of a stream is for: the word before
// ".orcished", up to a "$".
func orcished(topic string) (orc string, ok bool) {
	rest, ok := strings.CutSuffix(topic, ".orcished")
	if !ok {
		return "", false
	}
	rest = rest[strings.LastIndexByte(rest, '.')+1:]
	orc, _, _ = strings.Cut(rest, "$")
	return orc, strings.Contains(orc, "@")
}

// origin is the backend that the caller listens on: a great hall that has ours
// in its horde calls from inside of itself too.
func origin(ask *wire.Message) wire.Router {
	if ask.OriginRouter == wire.NoRouter {
		return wire.Axon
	}
	return ask.OriginRouter
}
