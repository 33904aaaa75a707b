package xbus

import (
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/topics"
)

// A lookup finds the subscriptions that an event is for. Events with one topic
// come in rows: those of the last topic are known still. It is the reader's own.
type lookup struct {
	router  *topics.Router[*observable.Subscription[Event]]
	topic   []byte // of what was found
	changes uint64 // of the router, before it was found
	found   []*observable.Subscription[Event]
}

// of returns the subscriptions of a topic, valid until the next call.
func (l *lookup) of(topic string) []*observable.Subscription[Event] {
	changes := l.router.Changes()
	if changes != l.changes || string(l.topic) != topic {
		clear(l.found)
		l.topic, l.changes = append(l.topic[:0], topic...), changes
		l.found = l.router.AppendMatches(l.found[:0], topic)
	}
	return l.found
}
