package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/wire"
)

// Settle gives an answer to the call that waits for it and reports whether
// there was one. own tells that the event is under a name of this client: an
// answer that nobody waits for is then counted.
func (c *Calls) Settle(m *wire.Message, own bool) bool {
	prefix, id, ok := AnswerID(m.Topic)
	if !ok {
		return false
	}
	if p := c.find(id); p != nil && isAnswerOf(prefix, p.command) && p.settle(m, c.far(p, m)) {
		return true
	}
	if own {
		c.ignored.Add(1)
	}
	return false
}

// AnswerID cuts the topic of an answer, <orc>::<command>.<id>.finished or
// .error, into what stands before the id, and the id.
func AnswerID(topic string) (prefix, id string, ok bool) {
	rest, found := strings.CutSuffix(topic, ".finished")
	if !found {
		if rest, found = strings.CutSuffix(topic, ".error"); !found {
			return "", "", false
		}
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot < 0 {
		return "", "", false
	}
	return rest[:dot], rest[dot+1:], true
}

// isAnswerOf reports whether prefix is <orc>::<command>, of whatever orc:
// answers come under the name that the command was sent under.
func isAnswerOf(prefix, command string) bool {
	rest, ok := strings.CutSuffix(prefix, command)
	return ok && strings.HasSuffix(rest, "::")
}

// far returns the error that an answer is; nil for a result. The flag counts
// and not the topic (protocol §3).
func (c *Calls) far(p *Pending, m *wire.Message) *Error {
	if !m.IsError {
		return nil
	}
	err := newError(p.command, m)
	if c.cfg.Registry != nil && err.Code == CodeNotAvailable {
		err.registry = c.cfg.Registry()
	}
	return err
}

// An Event is one event that a call has caused.
type Event struct{ *wire.Message }

// Decode stores the payload of the event in what dst points to.
func (e Event) Decode(dst any) error { return decode(e.Message, dst) }

func newProgress() *observable.Subscription[Event] {
	return observable.NewSubscription[Event](
		observable.WithPolicy(observable.FailOnOverflow), observable.NoBlock(),
		observable.SizeOf(func(e Event) int { return e.Size() }))
}

// Event offers an event to the calls that asked for progress: those whose mark
// is in its context, or whose id is in its topic.
func (c *Calls) Event(m *wire.Message) {
	if c.withEvent.Load() == 0 || strings.HasSuffix(m.Topic, ".activity") {
		return
	}
	if id := markOf(m.Context()); id != "" && c.progressed(id, m) {
		return
	}
	for part := range strings.SplitSeq(m.Topic, ".") {
		if len(part) == wire.IDLen && c.progressed(part, m) {
			return
		}
	}
}

// Progressing reports whether a call in flight has asked for progress. An event
// that such a call gets has come after its call was begun.
func (c *Calls) Progressing() bool { return c.withEvent.Load() > 0 }

func (c *Calls) progressed(id string, m *wire.Message) bool {
	p := c.find(id)
	if p == nil || p.progress() == nil {
		return false
	}
	p.progress().Offer(context.Background(), Event{Message: m})
	return true
}

// markName is the member of a message context that holds the id of a call.
const markName = "_xbusCall"

func markOf(raw json.RawMessage) string {
	if !bytes.Contains(raw, []byte(markName)) {
		return ""
	}
	var mark struct {
		ID string `json:"_xbusCall"`
	}
	_ = json.Unmarshal(raw, &mark) // another kind of context: no mark
	return mark.ID
}
