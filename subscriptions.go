package xbus

import (
	"context"
	"sync"
	"sync/atomic"
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
	filed   *topics.Subscription[*observable.Subscription[Event]]
	line    string
	since   time.Time
}

// subscriptions are all that live, for what concerns each of them: gaps, a new
// name, the end.
type subscriptions struct {
	mu      sync.Mutex
	live    map[*subscriber]struct{}
	over    bool
	end     error
	session string // of a hall of xbus; "" with others
	orc     string // the namespace of relative patterns; "" before the first session
	outage  *outage

	seq     atomic.Uint64 // the number of the last event, in halls that number
	dropped atomic.Uint64 // by subscriptions that have ended
}

// An outage lasts from a loss to the return.
type outage struct {
	from, lost time.Time
	cause      error
	token      wire.Token
	seq        uint64
}

// subscribe makes a subscription and files it.
func (c *Client) subscribe(t Topic) (*observable.Subscription[Event], error) {
	s := &subscriber{queue: observable.NewSubscription[Event](t.opts...), pattern: t.pattern, since: time.Now()}
	if line, ok := lineOf(t.pattern); ok {
		s.line = line
	}
	if err := c.subs.add(c.router, s); err != nil {
		return nil, err
	}
	if s.line != "" {
		c.lines.add(s.line)
	}
	s.queue.OnClose(func() {
		c.subs.remove(c.router, s)
		if s.line != "" {
			c.lines.remove(s.line)
		}
	})
	return s.queue, nil
}

func (l *subscriptions) add(router *topics.Router[*observable.Subscription[Event]], s *subscriber) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		s.queue.Finish(l.end)
		return nil
	}
	if l.live == nil {
		l.live = make(map[*subscriber]struct{})
	}
	l.live[s] = struct{}{}
	return l.file(router, s)
}

// file puts a subscription into the router. A relative one waits for the first
// session, which gives the name.
func (l *subscriptions) file(router *topics.Router[*observable.Subscription[Event]], s *subscriber) error {
	text := topics.Expand(s.pattern, l.orc)
	if topics.IsRelative(s.pattern) && l.orc == "" {
		return nil
	}
	pattern, err := topics.Compile(text)
	if err != nil {
		delete(l.live, s)
		return err
	}
	s.filed = router.Add(pattern, s.queue)
	return nil
}

func (l *subscriptions) remove(router *topics.Router[*observable.Subscription[Event]], s *subscriber) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.live[s]; !ok {
		return
	}
	delete(l.live, s)
	l.dropped.Add(s.queue.Stats().Dropped)
	if s.filed != nil {
		router.Remove(s.filed)
	}
}

// rename files relative subscriptions under a name.
func (c *Client) rename(orc string) {
	l := &c.subs
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.orc == orc {
		return
	}
	l.orc = orc
	for s := range l.live {
		if !topics.IsRelative(s.pattern) {
			continue
		}
		if s.filed != nil {
			c.router.Remove(s.filed)
		}
		_ = l.file(c.router, s) // compiled before
	}
}

// count keeps the number of the last event of a hall that numbers them.
func (l *subscriptions) count(m *wire.Message) {
	if m.Seq != 0 {
		l.seq.Store(m.Seq)
	}
}

func (l *subscriptions) lost(s conn.Session, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.outage == nil { // a session that was lost before any event belongs to the outage before
		l.outage = &outage{from: s.Info.LastReceived, lost: s.Lost, cause: err, token: s.Identity.Token, seq: l.seq.Load()}
	}
}

// gap marks the outage in the streams that lived before it.
func (l *subscriptions) gap(s conn.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	resume := resumeOf(s.Answer)
	l.session = resume.Session
	o := l.outage
	if l.outage = nil; o == nil {
		l.seq.Store(resume.Seq)
		return
	}
	g := &Gap{From: o.from, To: time.Now(), Epoch: s.Epoch, Cause: o.cause, Restarted: o.token != s.Identity.Token, Reason: resume.Lost}
	if resume.Known {
		g.Known, g.Replayed = true, resume.Replayed
		g.Missed = resume.Seq - min(o.seq, resume.Seq)
	}
	l.seq.Store(resume.Seq)
	event := g.event()
	for sub := range l.live {
		if sub.since.Before(o.lost) {
			sub.queue.Offer(context.Background(), event)
		}
	}
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

// list returns those that live at this moment.
func (l *subscriptions) list() []*subscriber {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*subscriber, 0, len(l.live))
	for s := range l.live {
		list = append(list, s)
	}
	return list
}

// read waits until all subscriptions were read to their end.
func (l *subscriptions) read(ctx context.Context) error {
	for _, s := range l.list() {
		if s.queue.Stats().Buffered == 0 {
			continue
		}
		select {
		case <-s.queue.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (l *subscriptions) buffered() int {
	n := 0
	for _, s := range l.list() {
		n += s.queue.Stats().Buffered
	}
	return n
}
