package xbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

// An Event is one event of the bus: its message (Topic, Data, ID, OrcName…) and
// what a subscription has to say about it. All subscribers share the message: it
// is read-only.
type Event struct {
	*wire.Message

	// Lost counts the events that this subscription dropped just before this
	// one because its queue was full.
	Lost uint64
	// Gap is not nil for the marker of an interruption, which is an event of
	// its own with the topic TopicGap: see [Gap].
	Gap *Gap
}

// TopicGap is the topic of a gap marker. No hall sends it.
const TopicGap = "xbus::gap"

// A Gap says that the connection was interrupted: events that were published in
// that time were not received. Each subscription that lived before the loss gets
// one marker, in its stream, before the first event after it. In the queue it is
// an event like others, and can be dropped like them.
type Gap struct {
	From  time.Time `json:"from"`  // the last sign of life before the loss
	To    time.Time `json:"to"`    // the return
	Epoch uint64    `json:"epoch"` // the session that begins
	Cause error     `json:"-"`     // why the session before was lost
	// Reason is why the hall cut the connection, if it did and tells.
	Reason string `json:"reason,omitempty"`
	// Missed is the number of events that the hall published for this client
	// meanwhile, when Known: halls of xbus number their events, others do not.
	// They are the events of all subscriptions of the client together.
	Missed uint64 `json:"missed"`
	Known  bool   `json:"known"`
	// Replayed is how many of them follow, from the memory of the hall.
	Replayed uint64 `json:"replayed"`
	// Restarted tells that the hall is not the same any more.
	Restarted bool `json:"restarted"`
}

// String describes the gap in a line.
func (g *Gap) String() string {
	count := "an unknown number of events"
	if g.Known {
		count = fmt.Sprintf("%d events", g.Missed)
	}
	return fmt.Sprintf("gap of %v before session %d, %s missed: %v", g.To.Sub(g.From).Round(time.Millisecond), g.Epoch, count, g.Cause)
}

func (g *Gap) event() Event {
	text, _ := json.Marshal(struct {
		*Gap
		Cause string `json:"cause"`
	}{g, fmt.Sprint(g.Cause)})
	return Event{Gap: g, Message: &wire.Message{Topic: TopicGap, ID: wire.NewID(), Data: text}}
}

// Decode stores the payload in what dst points to, whether it came as JSON or
// as immutable values.
func (e Event) Decode(dst any) error {
	if err := rpc.Decode(e.Message, dst); err != nil {
		return fmt.Errorf("xbus: event %q: the payload does not fit into a %T: %w", wire.Redact(e.Topic), dst, err)
	}
	return nil
}

// String shows the topic and the payload, shortened.
func (e Event) String() string {
	if e.Gap != nil {
		return e.Gap.String()
	}
	if e.Message == nil {
		return "no event"
	}
	return fmt.Sprintf("%s %.200s", wire.Redact(e.Topic), e.Data)
}

// Format makes every verb print what String returns: the message beneath has a
// form of its own.
func (e Event) Format(f fmt.State, verb rune) { fmt.Fprint(f, e.String()) }

func (e Event) size() int { return e.Message.Size() }

// A Topic is a set of events by a pattern, as an observable: nothing happens
// until it is run or subscribed to. It is a value and can be run any number of
// times, each run being a subscription of its own.
type Topic struct {
	client  *Client
	pattern string
	orc     string // whose a relative pattern is: "" this client's, OrcToken the hall's
	opts    []observable.SubscribeOption
	err     error
}

// Topic makes the topic of a pattern: "*" stands for one or more characters,
// "(a|b)" for a choice, all else for itself (protocol §6.1; see package topics).
// A pattern without "::" is relative: it means events of one's own orc. A
// pattern with a line, e.g. "*::news.<sport>", also asks the hall for the events
// of that line.
//
// Events wait in a queue of the subscription; what happens when it is full is
// its policy, by default the oldest is dropped and counted. A pattern or an
// option that is wrong is an error of the runs.
func (c *Client) Topic(pattern string, opts ...observable.SubscribeOption) Topic {
	return c.topicOf("", pattern, opts)
}

func (c *Client) topicOf(orc, pattern string, opts []observable.SubscribeOption) Topic {
	t := Topic{client: c, orc: orc, pattern: pattern, opts: append(c.defaults[:len(c.defaults):len(c.defaults)], opts...)}
	_, err := topics.Compile(topics.Expand(pattern, "orc@token"))
	if pattern == "" {
		err = errors.New("the pattern is empty: write <namespace>::<name>, or *::* for all events")
	} else if err == nil {
		err = observable.ValidateOptionsFor[Event](t.opts...)
	}
	if err != nil {
		t.err = fmt.Errorf("xbus: topic %q: %w", wire.Redact(pattern), err)
	}
	return t
}

// subscribeBase is what every subscription of a client has: its publisher is
// the reader, which must not wait.
func subscribeBase() []observable.SubscribeOption {
	return []observable.SubscribeOption{
		observable.NoBlock(),
		observable.SizeOf(Event.size),
		observable.WithLossStamp(func(e Event, lost uint64) Event { e.Lost = lost; return e }),
	}
}

// Pattern returns the pattern as it was given.
func (t Topic) Pattern() string { return t.pattern }

// Err returns what is wrong with the pattern or the options, nil if nothing.
func (t Topic) Err() error { return t.err }

// Subscribe joins the events now: what the hall sends after it has returned is
// not missed. Close the subscription, or leave its loop, to end it.
func (t Topic) Subscribe() (*observable.Subscription[Event], error) {
	switch {
	case t.err != nil:
		return nil, t.err
	case t.client == nil:
		return nil, errors.New("xbus: a Topic without a client: make it by Client.Topic")
	}
	return t.client.subscribe(t)
}

// Observable is the topic for operators. Each run is a subscription.
func (t Topic) Observable() observable.Observable[Event] {
	return observable.New(func(ctx context.Context, yield func(Event) bool) error {
		sub, err := t.Subscribe()
		if err != nil {
			return err
		}
		return sub.Observable().Run(ctx, yield)
	})
}

// All subscribes and runs through the events as a loop, on this goroutine:
//
//	for ev, err := range client.Topic("thermo::*").All(ctx) { … }
//
// The error comes once and last: context.Cause(ctx), or why the client ended.
func (t Topic) All(ctx context.Context) iter.Seq2[Event, error] { return t.Observable().All(ctx) }

// Chan subscribes, now, and passes the events through a channel, which one
// goroutine fills. The channel is closed at the end; wait then tells why. To
// leave early, cancel ctx and call wait.
func (t Topic) Chan(ctx context.Context, opts ...observable.ChanOption) (events <-chan Event, wait func() error) {
	sub, err := t.Subscribe()
	if err != nil {
		return observable.Fail[Event](err).Chan(ctx, opts...)
	}
	return sub.Chan(ctx, opts...)
}
