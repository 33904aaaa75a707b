package xbus

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

// A TypedTopic is a family of topics and the type of their payload in one value,
// which publishers and readers share:
//
//	var RoomChanged = xbus.DefineTopic[Reading]("thermo::{room}.changed")
//
//	for ev, err := range RoomChanged.On(client).All(ctx) { … ev.Params["room"], ev.Value … }
//	err := RoomChanged.Publish(ctx, hall, xbus.Params{"room": "attic"}, Reading{21.5})
//
// It goes both ways: what Publish sends, On reads. See topics.Template for what
// can stand in a place. A TypedTopic never changes and may be used anywhere.
type TypedTopic[T any] struct{ template *topics.Template }

// Params are the values of the places of a TypedTopic, by their names.
type Params = map[string]string

// DefineTopic makes a TypedTopic of a template. It panics when the template is
// wrong, as topics.MustCompile does: it is meant for variables of packages.
func DefineTopic[T any](template string) TypedTopic[T] {
	t, err := topics.ParseTemplate(template)
	if err != nil {
		panic(fmt.Sprintf("xbus: DefineTopic: %v", err))
	}
	return TypedTopic[T]{t}
}

// String is the template.
func (t TypedTopic[T]) String() string { return t.template.String() }

// Pattern is the pattern that matches all its topics.
func (t TypedTopic[T]) Pattern() string { return t.template.Pattern().String() }

// Build is the topic with these values in its places, one for each.
func (t TypedTopic[T]) Build(params Params) (string, error) { return t.template.Build(params) }

// Parse returns the values in the places of a topic, and whether it is one of
// these topics.
func (t TypedTopic[T]) Parse(topic string) (Params, bool) { return t.template.Parse(topic) }

// A Publisher sends events: a server.Hall, or [Client.Publisher].
type Publisher interface {
	Publish(ctx context.Context, topic string, data any) error
}

// Publish sends a value under the topic with these params.
func (t TypedTopic[T]) Publish(ctx context.Context, to Publisher, params Params, value T) error {
	topic, err := t.template.Build(params)
	if err != nil {
		return fmt.Errorf("xbus: publish: %w", err)
	}
	return to.Publish(ctx, topic, value)
}

// Publisher makes the client one: it publishes as [Client.Publish] does, with
// these options.
func (c *Client) Publisher(opts ...rpc.Option) Publisher { return publisher{c, opts} }

type publisher struct {
	client *Client
	opts   []rpc.Option
}

func (p publisher) Publish(ctx context.Context, topic string, data any) error {
	return p.client.Publish(ctx, topic, data, p.opts...)
}

// On makes the topic of a client that delivers the events of t; the options are
// those of [Client.Topic].
func (t TypedTopic[T]) On(c *Client, opts ...observable.SubscribeOption) TypedEvents[T] {
	return TypedEvents[T]{t.template, c.Topic(t.Pattern(), opts...)}
}

// A TypedEvent is one event of a TypedTopic. A payload that is no T is an event
// too, with Err: one bad publisher does not end the streams of its readers.
type TypedEvent[T any] struct {
	Topic  string
	Params Params
	Value  T
	// Err is a *DecodeError: the payload is no T, and Value is what could be
	// read of it.
	Err error
	// Lost counts the events that were dropped just before this one, and Gap is
	// not nil for the marker of an interruption, as in [Event].
	Lost uint64
	Gap  *Gap
	// Message is the event as it came. It is read-only.
	Message *wire.Message
}

// A DecodeError is a payload that is not of the type of its topic.
type DecodeError struct {
	Topic string
	Type  string // the Go type
	Err   error
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("xbus: event %q: the payload is no %s: %v", wire.Redact(e.Topic), e.Type, e.Err)
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// TypedEvents are the events of a TypedTopic for one client, as an observable: a
// value that can be run any number of times, each run being a subscription.
type TypedEvents[T any] struct {
	template *topics.Template
	topic    Topic
}

// Observable is the stream for operators.
func (t TypedEvents[T]) Observable() observable.Observable[TypedEvent[T]] {
	return t.typed(t.topic.Observable())
}

// All subscribes and runs through the events as a loop, on this goroutine; see
// [Topic.All].
func (t TypedEvents[T]) All(ctx context.Context) iter.Seq2[TypedEvent[T], error] {
	return t.Observable().All(ctx)
}

// Chan subscribes, now, and passes the events through a channel; see
// [Topic.Chan].
func (t TypedEvents[T]) Chan(ctx context.Context, opts ...observable.ChanOption) (<-chan TypedEvent[T], func() error) {
	sub, err := t.topic.Subscribe()
	if err != nil {
		return observable.Fail[TypedEvent[T]](err).Chan(ctx, opts...)
	}
	return t.typed(sub.Observable()).Chan(ctx, opts...)
}

// Subscribe joins the events now, to be read once: what is sent after it has
// returned is not missed. It keeps what comes until it is run.
func (t TypedEvents[T]) Subscribe() (observable.Observable[TypedEvent[T]], error) {
	sub, err := t.topic.Subscribe()
	if err != nil {
		return observable.Fail[TypedEvent[T]](err), err
	}
	return t.typed(sub.Observable()), nil
}

// typed reads the events. A topic that only the pattern matches, with several
// words in a place, is none of them; what was lost before it counts for the next.
func (t TypedEvents[T]) typed(events observable.Observable[Event]) observable.Observable[TypedEvent[T]] {
	return observable.New(func(ctx context.Context, yield func(TypedEvent[T]) bool) error {
		var lost uint64
		return events.Run(ctx, func(ev Event) bool {
			typed, ok := typedEvent[T](t.template, ev)
			lost += ev.Lost
			if !ok {
				return true
			}
			typed.Lost, lost = lost, 0
			return yield(typed)
		})
	})
}

func typedEvent[T any](template *topics.Template, ev Event) (e TypedEvent[T], ok bool) {
	e.Topic, e.Message, e.Gap = ev.Topic, ev.Message, ev.Gap
	if ev.Gap != nil {
		return e, true
	}
	if e.Params, ok = template.Parse(ev.Topic); !ok {
		return e, false
	}
	if ev.Data == nil && ev.Immu() == nil && ev.Shred() == nil && !holdsNothing(&e.Value) {
		e.Err = &DecodeError{ev.Topic, fmt.Sprintf("%T", e.Value), errNoPayload}
		return e, true
	}
	if err := rpc.Decode(ev.Message, &e.Value); err != nil {
		e.Err = &DecodeError{ev.Topic, fmt.Sprintf("%T", e.Value), err}
	}
	return e, true
}

var errNoPayload = errors.New("it has none")

// holdsNothing reports whether a type is satisfied without a payload.
func holdsNothing(dst any) bool {
	switch dst.(type) {
	case *struct{}, *any:
		return true
	}
	return false
}
