package xbus

import (
	"context"
	"encoding/json"
	"fmt"

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
// the hall by the command broadcast (protocol §4.7), which all clients receive,
// this one too. A hall may refuse it without a word; nil means that it was sent.
func (c *Client) Publish(ctx context.Context, topic string, data any, opts ...rpc.Option) error {
	topic = topics.Expand(topic, c.OrcName().Load())
	if err := topics.CheckTopic(topic); err != nil {
		return fmt.Errorf("xbus: publish: %w", err)
	}
	payload, err := rpc.Encode(data)
	if err != nil {
		return fmt.Errorf("xbus: publish %q: %w", topic, err)
	}
	if err := (sender{c.conn}).Ready(ctx); err != nil {
		return fmt.Errorf("xbus: publish %q: %w", topic, err)
	}
	session, _ := c.conn.Session()
	event := &wire.Message{
		Topic: topic, Token: session.Identity.Token, OrcName: session.Identity.OrcName, ID: wire.NewID(),
		Data: payload.Data, Immu: payload.Immu, Shred: payload.Shred,
		Router: wire.Axon, OriginRouter: wire.Axon,
	}
	return c.Send(ctx, "broadcast", struct {
		Topic string          `json:"topic"`
		Msg   json.RawMessage `json:"msg"`
	}{topic, wire.AppendEnvelope(nil, event)}, opts...)
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
	return m, ev.Decode(&m)
}

// Disconnect tells the hall that this client goes, and waits for its answer.
// The hall closes nothing: use Close for that.
func (c *Client) Disconnect(ctx context.Context) error {
	_, err := c.special(ctx, "disconnect", "disconnect.finished")
	return err
}

// Shutdown asks the hall to end, and waits until it says so.
func (c *Client) Shutdown(ctx context.Context) error {
	going, err := c.Expect("greathall::shutdown")
	if err != nil {
		return err
	}
	defer going.Close()
	if err := c.Send(ctx, "shutdown", nil); err != nil {
		return err
	}
	_, err = going.Await(ctx)
	return err
}

// special sends a command whose answer carries no id, and waits for it.
func (c *Client) special(ctx context.Context, command, answer string) (Event, error) {
	if err := c.Ready(ctx); err != nil {
		return Event{}, err
	}
	expected, err := c.Expect(answer)
	if err != nil {
		return Event{}, err
	}
	defer expected.Close()
	if err := c.Send(ctx, command, nil); err != nil {
		return Event{}, err
	}
	return expected.Await(ctx)
}
