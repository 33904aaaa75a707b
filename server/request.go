package server

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

// parts are the payload of a message.
type parts = payload.Parts

// A Request is one command that runs: who asks for what, and the way back. It is
// valid until the handler returns.
type Request struct {
	// Message is the command as it came. It is read-only.
	Message *wire.Message
	// OrcName is who asks, and the namespace of the answers.
	OrcName string

	hall    *Hall
	peer    *peer    // the connection it came by; nil for calls of the hall itself
	session *session // who gets the answer; nil for calls inside of the hall
	command *command
	inside  *inside // nil for commands of a connection
	ctx     callContext

	place int // in the ledger, from 1 and under its lock; 0: it is not there
	due   due // under the lock of deadlines

	settled   atomic.Bool // the answer was given
	returned  atomic.Bool // the handler has returned
	announced bool        // the answer announces a stream
	activity  bool

	mu        sync.Mutex // guards what follows, but raw
	began     bool
	deadlines *deadlines // nil without a deadline
	upload    *inStream  // nil until it is asked for

	raw json.RawMessage // what give has a pointer to
}

// inside is what belongs to a call inside of the hall.
type inside struct {
	ctx     context.Context    // of the caller
	outcome func(parts, error) // instead of an answer
}

// parent is the context that ends that of the handler.
func (r *Request) parent() context.Context {
	if r.inside != nil {
		return r.inside.ctx
	}
	return r.peer.ctx
}

// RequestOf returns the request that a typed handler serves, from the context
// that it was given; nil for other contexts.
func RequestOf(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}

// Hall is the hall that runs the command.
func (r *Request) Hall() *Hall { return r.hall }

// Command is the name of the command.
func (r *Request) Command() string { return r.Message.Topic }

// Peer describes the connection that the command came by.
func (r *Request) Peer() Peer {
	if r.peer == nil {
		return Peer{OrcName: r.OrcName, InProcess: true, UID: -1}
	}
	return r.peer.as(r.OrcName)
}

// MsgContext is the message context of the caller, raw JSON: it follows nested
// commands and events (protocol §5.7). nil when there is none.
func (r *Request) MsgContext() json.RawMessage { return r.Message.Context() }

// Decode stores the data of the command in what dst points to, however it came:
// as plain JSON, as immutable values or with a binary chunk.
func (r *Request) Decode(dst any) error { return decode(partsOf(r.Message), dst) }

// Send publishes an event on behalf of the caller. A topic without "::" is put
// under the caller's name, so that only the caller gets it.
func (r *Request) Send(topic string, data any) error {
	return r.hall.publish(topics.Expand(topic, r.OrcName), data, r)
}

// Progress sends the caller an event that belongs to this call:
// <orc>::<command>.<id>.progress.
func (r *Request) Progress(data any) error {
	return r.Send(r.Message.Topic+"."+r.Message.ID+".progress", data)
}

// Call runs another command of the hall on behalf of the caller and waits for
// its result, which it stores in what out points to (nil for none). It is nested:
// it waits for no other activity (protocol §5.5), and ends with the context.
func (r *Request) Call(ctx context.Context, command string, data, out any) error {
	return r.hall.call(ctx, r, command, data, out)
}

// Call runs a command of the hall, as the hall itself.
func (h *Hall) Call(ctx context.Context, command string, data, out any) error {
	return h.call(ctx, nil, command, data, out)
}

func (h *Hall) call(ctx context.Context, on *Request, name string, data, out any) error {
	if h.ctx.Err() != nil {
		return ErrClosed
	}
	packed, err := pack(data)
	if err != nil {
		return fmt.Errorf("server: call %q: data: %w", name, err)
	}
	cmd := h.commands.find(&wire.Message{Topic: name, Data: packed.Data})
	if cmd == nil || cmd.inline != nil {
		return Errorf(CodeNotAvailable, "the command %.100s is not available", name)
	}
	done := make(chan struct{})
	var result parts
	var failure error
	r := &Request{
		Message: &wire.Message{Topic: name, ID: wire.NewID(), Token: h.token, Nested: true},
		OrcName: wire.GreatHall + "@" + string(h.token), hall: h, command: cmd,
	}
	r.Message.SetPayload(packed.Data, packed.Immu, packed.Shred, packed.Chunk)
	if on != nil {
		r.OrcName, r.peer = on.OrcName, on.peer
		r.Message.SetContext(on.Message.Context())
	}
	r.Message.OrcName = r.OrcName
	if h.cfg.Authorize != nil && on != nil {
		if err := h.cfg.Authorize(ctx, r.Peer(), name); err != nil {
			h.counts.refuse(NotAuthorized)
			return Errorf(CodeForbidden, "%w", err)
		}
	}
	r.inside = &inside{ctx: ctx, outcome: func(p parts, err error) {
		result, failure = p, err
		close(done)
	}}
	h.counts.inFlight.Add(1)
	stop := context.AfterFunc(ctx, func() { r.abort(context.Cause(ctx)) })
	defer stop()
	h.start(r)
	<-done // by the handler, its deadline, or the end of ctx
	if failure != nil || out == nil {
		return failure
	}
	return decode(result, out)
}

// isPlain reports whether the payload of a message is JSON and nothing else.
func isPlain(m *wire.Message) bool { return m.Immu() == nil && m.Shred() == nil && m.Chunk == nil }

// pack makes the payload of a message; nothing for nil.
func pack(data any) (parts, error) {
	switch d := data.(type) {
	case *json.RawMessage:
		if d != nil && wire.Valid(*d) {
			return parts{Data: *d}, nil
		}
	case nil:
		return parts{}, nil
	case parts:
		return d, nil
	case json.RawMessage:
		if wire.Valid(d) {
			return parts{Data: d}, nil
		}
	}
	return payload.Pack(data)
}

// decode stores a payload in what dst points to.
func decode(p parts, dst any) error {
	if p.Immu == nil && p.Shred == nil && p.Chunk == nil {
		if raw, ok := dst.(*json.RawMessage); ok {
			*raw = p.Data
			return nil
		}
		if len(p.Data) == 0 {
			return nil
		}
	}
	return payload.UnpackInto(p, dst, payload.Limits{})
}

// partsOf returns the payload of a message.
func partsOf(m *wire.Message) parts {
	return parts{Data: m.Data, Immu: m.Immu(), Shred: m.Shred(), Chunk: m.Chunk}
}
