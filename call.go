package xbus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

var failFast = rpc.Down(rpc.FailFast)

// Call sends a command and returns the future of its result, a T:
//
//	app, err := xbus.Call[App](ctx, client, "warehouse.get", Args{Path: "app.name"}).Await(ctx)
//
// The command is sent now and can be awaited later, several times, from several
// places, or not at all. ctx bounds the whole call; without a deadline in it the
// client's default counts, 60 s. data is whatever JSON can hold, nil for none.
//
// The future ends with an *rpc.Error when the hall answered with an error, and
// with an *rpc.CallError, which says whether the command can have run, when no
// answer came.
func Call[T any](ctx context.Context, c *Client, command string, data any, opts ...rpc.Option) rpc.Future[T] {
	return rpc.Typed[T](c.Call(ctx, command, data, opts...))
}

// Calling is the stream of one result, made by a call in each run and within its
// context. It is the form for operators: Retry repeats the command, SwitchMap
// gives up a call for a newer one, Timeout bounds it.
func Calling[T any](c *Client, command string, data any, opts ...rpc.Option) observable.Observable[T] {
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // a run that was left leaves no call
		v, err := Call[T](ctx, c, command, data, opts...).Await(ctx)
		if err != nil {
			return err
		}
		yield(v)
		return nil
	})
}

// Call is the function Call for an answer of any type.
func (c *Client) Call(ctx context.Context, command string, data any, opts ...rpc.Option) *rpc.Pending {
	return c.calls.Call(ctx, command, data, c.withDefaults(opts)...)
}

// Send sends a command without waiting for an answer: it is handed to the
// connection when Send returns, and nobody learns what became of it.
func (c *Client) Send(ctx context.Context, command string, data any, opts ...rpc.Option) error {
	return c.calls.Send(ctx, command, data, c.withDefaults(opts)...)
}

func (c *Client) withDefaults(opts []rpc.Option) []rpc.Option {
	if c.down == rpc.Wait {
		return opts
	}
	return append([]rpc.Option{rpc.Down(c.down)}, opts...)
}

// Retry sends the message of a call that has ended again, with the same id, the
// present token and the present route.
func (c *Client) Retry(ctx context.Context, call *rpc.Pending) *rpc.Pending {
	return c.calls.Retry(ctx, call)
}

// Abort ends a call in flight by its id and reports whether there was one. The
// hall is not told.
func (c *Client) Abort(id string, cause error) bool { return c.calls.Abort(id, cause) }

// AbortAll ends all calls in flight and returns their number.
func (c *Client) AbortAll(cause error) int { return c.calls.AbortAll(cause) }

// Publish publishes an event. A client of a hall cannot do it by itself: it asks
// the hall by the command broadcast (protocol §4.7), and all clients receive the
// event, this one too. A relative topic is one of this client's own orc name.
//
// nil means that the command was sent: a hall may refuse it without a word. That
// the hall has no such command is an error that matches
// rpc.ErrCommandNotAvailable. Binary chunks cannot be broadcast.
func (c *Client) Publish(ctx context.Context, topic string, data any, opts ...rpc.Option) error {
	if topics.IsRelative(topic) && c.OrcName().Load() == "" {
		if err := c.Ready(ctx); err != nil { // there is no name before the first session
			return fmt.Errorf("xbus: publish %q: %w", topic, err)
		}
	}
	topic = topics.Expand(topic, c.OrcName().Load())
	if err := topics.CheckTopic(topic); err != nil {
		return fmt.Errorf("xbus: publish: %w", err)
	}
	message, err := c.broadcast(topic, data)
	if err != nil {
		return fmt.Errorf("xbus: publish %q: %w", wire.Redact(topic), err)
	}
	return c.Send(ctx, "broadcast", message, append([]rpc.Option{rpc.CheckFirst()}, opts...)...)
}

// broadcast makes the data of the command: {topic, msg}. The hall puts its own
// token into msg.
func (c *Client) broadcast(topic string, data any) (json.RawMessage, error) {
	parts, err := rpc.Encode(data)
	if err != nil {
		return nil, err
	}
	if parts.Chunk != nil {
		return nil, errors.New("a binary chunk cannot be broadcast: send it as base64, or as the result of a command")
	}
	namespace, _, _ := topics.Split(topic)
	event := &wire.Message{
		Topic: topic, Token: c.Token().Load(), OrcName: namespace, ID: wire.NewID(),
		Router: wire.Axon, OriginRouter: wire.Axon,
	}
	event.SetPayload(parts.Data, parts.Immu, parts.Shred, nil)
	text := wire.AppendString([]byte(`{"topic":`), topic)
	text = wire.AppendEnvelope(append(text, `,"msg":`...), event)
	return append(text, '}'), nil
}

// A Motd is what a hall says of itself (protocol §4.7).
type Motd struct {
	Server       string `json:"server"`
	CommandsPort int    `json:"commandsPort"`
	EventsPort   int    `json:"eventsPort"`
	OrcName      string `json:"orcName"`
	Motd         struct {
		Race, Unit, Text string
	} `json:"motd"`
}

// Motd asks the hall for its message of the day. The answer has no message id,
// so that of a concurrent Motd of the same client is as good.
func (c *Client) Motd(ctx context.Context) (m Motd, err error) {
	ev, err := c.special(ctx, "motd", "motd")
	if err != nil {
		return m, err
	}
	err = ev.Decode(&m)
	return m, err
}

// Disconnect tells the hall that this client goes, and waits for its answer.
// The hall closes nothing: use Close for that.
func (c *Client) Disconnect(ctx context.Context) error {
	return obeyed(c.special(ctx, "disconnect", "disconnect.finished"))
}

// Shutdown asks the hall to end, and waits until it says so. A hall that does
// not offer it answers with an error.
func (c *Client) Shutdown(ctx context.Context) error {
	return obeyed(c.special(ctx, "shutdown", "greathall::shutdown"))
}

// errAnswered: the hall has answered by the id of the command, as the reference
// never does for these.
var errAnswered = errors.New("the hall has answered, without the event")

func obeyed(_ Event, err error) error {
	if errors.Is(err, errAnswered) {
		return nil
	}
	return err
}

// special calls a command whose answer is an event without an id. That the hall
// refuses it, or that the connection goes, is found in the call.
func (c *Client) special(ctx context.Context, command, answer string) (Event, error) {
	expected, err := c.Expect(answer)
	if err != nil {
		return Event{}, err
	}
	defer expected.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	call := c.Call(ctx, command, nil, rpc.Trace(func(s rpc.Step) {
		if s.End {
			cancel(cmp.Or(s.Err, errAnswered))
		}
	}))
	defer call.Abort(nil)
	return expected.Await(ctx)
}
