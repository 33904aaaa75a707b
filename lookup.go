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

	own     *string // "<orc name>::", of the client
	reached bool    // patterns may match topics that begin with it
	since   uint64  // changes of the router, before that was found out
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

// reaches reports whether there may be subscriptions to topics that begin with
// own. Answers to calls come in great number, and hardly ever is there one.
func (l *lookup) reaches(own *string) bool {
	changes := l.router.Changes()
	if l.own != own || l.since != changes {
		namespace, _, _ := topics.Split(*own)
		l.own, l.since, l.reached = own, changes, l.router.Reaches(namespace)
	}
	return l.reached
}
