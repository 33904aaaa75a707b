package xbus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

// A subscriber is one subscription and where it is filed in the router.
type subscriber struct {
	queue   *observable.Subscription[Event]
	pattern string // as given: relative ones are filed again under a new name
	orc     string // whose events a relative pattern means: see Topic
	line    string
	filed   *topics.Subscription[*observable.Subscription[Event]] // nil while it has no name
	gapped  bool                                                  // it lived when the session was lost
}

// subscriptions are all that live, for what concerns each of them: gaps, a new
// name, the end.
type subscriptions struct {
	mu       sync.Mutex
	router   *topics.Router[*observable.Subscription[Event]]
	live     map[*subscriber]struct{}
	over     bool
	end      error
	session  string      // of a hall of xbus; "" with others
	orc      string      // our own name, "" before the first session
	hall     string      // the name that stands for the hall, "" as well
	outage   *outage     // nil while there is a session
	finished eventCounts // of those that are not live any more
}

// An outage lasts from a loss to the return.
type outage struct {
	from  time.Time
	cause error
	token wire.Token
}

// subscribe makes a subscription and files it.
func (c *Client) subscribe(t Topic) (*observable.Subscription[Event], error) {
	s := &subscriber{queue: observable.NewSubscription[Event](t.opts...), pattern: t.pattern, orc: t.orc}
	if line, ok := lineOf(t.pattern); ok {
		s.line = line
	}
	if err := c.subs.add(s); err != nil {
		return nil, err
	}
	if s.line != "" {
		c.lines.add(s.line)
	}
	s.queue.OnClose(func() {
		c.subs.remove(s)
		if s.line != "" {
			c.lines.remove(s.line)
		}
	})
	return s.queue, nil
}

func (l *subscriptions) add(s *subscriber) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		s.queue.Finish(l.end)
		return nil
	}
	if err := l.file(s); err != nil {
		return err
	}
	if l.live == nil {
		l.live = make(map[*subscriber]struct{})
	}
	l.live[s] = struct{}{}
	return nil
}

// name is the namespace of a relative pattern, "" as long as it is not known.
func (l *subscriptions) name(orc string) string {
	switch orc {
	case "":
		return l.orc
	case OrcToken:
		return l.hall
	}
	return orc
}

// file puts a subscription into the router, again if it is there. A relative
// one waits for the session that gives its name.
func (l *subscriptions) file(s *subscriber) error {
	if s.filed != nil {
		l.router.Remove(s.filed)
		s.filed = nil
	}
	name := l.name(s.orc)
	if topics.IsRelative(s.pattern) && name == "" {
		return nil
	}
	pattern, err := topics.Compile(topics.Expand(s.pattern, name))
	if err != nil {
		return err
	}
	s.filed = l.router.Add(pattern, s.queue)
	return nil
}

// remove forgets a subscription that its consumer has closed.
func (l *subscriptions) remove(s *subscriber) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.live[s]; !ok {
		return
	}
	delete(l.live, s)
	l.finished.add(s.queue.Stats())
	if s.filed != nil {
		l.router.Remove(s.filed)
	}
}

// rename files relative subscriptions under new names.
func (l *subscriptions) rename(id conn.Identity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, hall := id.OrcName != l.orc, hallName(id.Token) != l.hall
	l.orc, l.hall = id.OrcName, hallName(id.Token)
	for s := range l.live {
		if !topics.IsRelative(s.pattern) || s.orc == "" && !own || s.orc == OrcToken && !hall {
			continue
		}
		if err := l.file(s); err != nil { // the hall gave a name that is no part of a topic
			s.queue.Finish(fmt.Errorf("xbus: topic %q: %w", wire.Redact(s.pattern), err))
		}
	}
}

// lost begins an outage: the subscriptions of this moment get a marker at its
// end.
func (l *subscriptions) lost(s conn.Session, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outage = &outage{from: s.Info.LastReceived, cause: err, token: s.Identity.Token}
	for s := range l.live {
		s.gapped = true
	}
}

// gap marks the end of an outage in the streams that lived before it.
func (l *subscriptions) gap(s conn.Session, answer resume, missed uint64) {
	o, marked := l.back(answer)
	if o == nil {
		return
	}
	g := &Gap{
		From: o.from, To: time.Now(), Epoch: s.Epoch, Cause: o.cause, Reason: answer.Lost,
		Known: answer.Known, Missed: missed, Restarted: o.token != s.Identity.Token,
	}
	if g.Known {
		g.Replayed = answer.Replayed
	}
	event := g.event()
	for _, queue := range marked { // outside of the lock: the policy of a queue can be a user's function
		queue.Offer(context.Background(), event)
	}
}

func (l *subscriptions) back(answer resume) (o *outage, marked []*observable.Subscription[Event]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = answer.Session
	o, l.outage = l.outage, nil
	for s := range l.live {
		if s.gapped {
			marked = append(marked, s.queue)
		}
		s.gapped = false
	}
	return o, marked
}

// finish ends all subscriptions, after what they have buffered.
func (l *subscriptions) finish(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.over, l.end = true, err
	for s := range l.live {
		s.queue.Finish(err)
	}
}

// UnsubscribeAll closes all subscriptions with this pattern and returns their
// number; a relative pattern and its full form are the same. Their streams end
// with observable.ErrClosed.
func (c *Client) UnsubscribeAll(pattern string) int { return c.subs.unsubscribe(pattern, "") }

func (l *subscriptions) unsubscribe(pattern, orc string) int {
	l.mu.Lock()
	pattern = topics.Expand(pattern, l.name(orc))
	var list []*observable.Subscription[Event]
	for s := range l.live {
		if topics.Expand(s.pattern, l.name(s.orc)) == pattern {
			list = append(list, s.queue)
		}
	}
	l.mu.Unlock()
	for _, queue := range list {
		queue.Close()
	}
	return len(list)
}

// stats adds up what all subscriptions have counted, those that are no more
// included.
func (l *subscriptions) stats() eventCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.finished
	for s := range l.live {
		sum.add(s.queue.Stats())
	}
	sum.open = len(l.live)
	return sum
}

// eventCounts are the sums over several subscriptions.
type eventCounts struct {
	open                        int
	matched, delivered, dropped uint64
	buffered                    int
}

func (e *eventCounts) add(s observable.Stats) {
	e.matched += s.Matched
	e.delivered += s.Delivered
	e.dropped += s.Dropped
	e.buffered += s.Buffered
}

// readInterval is how often read looks.
const readInterval = 5 * time.Millisecond

// read waits until all subscriptions that have ended were read to their end.
func (l *subscriptions) read(ctx context.Context) error {
	ticker := time.NewTicker(readInterval)
	defer ticker.Stop()
	for l.stats().buffered > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
