package xbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/wire"
)

// Upload calls a command that reads a stream, sends r to its end, and returns the
// answer of the command. data must be an object, or nil; the member xcraftStream
// and routingKey are added to it. size is the length of r, 0 when it is not known.
//
// A hall of the reference is given one chunk after the other, each when the one
// before was taken; a hall of xbus up to sixteen ahead. When r fails or ctx ends,
// a hall of xbus is told; for others the protocol has no word, and the command
// ends by its own time-out. The error is a *StreamError, which says how far the
// stream came. A command that has answered before the end of its stream returns
// both the answer and an error that wraps ErrUnread.
//
// ctx bounds it all; without a deadline each step may take as long as IdleTimeout
// says. Read of r is not interrupted.
func (c *Client) Upload(ctx context.Context, command string, data any, r io.Reader, size int64, opts ...TransferOption) (*wire.Message, error) {
	return c.UploadWatched(ctx, command, data, r, size, nil, opts...)
}

// UploadWatched is Upload with a place where its progress is shown.
func (c *Client) UploadWatched(ctx context.Context, command string, data any, r io.Reader, size int64, progress *observable.Value[Progress], opts ...TransferOption) (*wire.Message, error) {
	o := transferSettings(opts)
	if err := c.Ready(ctx); err != nil {
		return nil, err
	}
	owner, err := c.owner(o, "")
	if err != nil {
		return nil, err
	}
	u := &upload{client: c, ctx: ctx, opts: o, id: c.OrcName().Load() + "$" + wire.NewID(), size: size, progress: progress}
	payload, err := u.announcement(data, owner)
	if err != nil {
		return nil, fmt.Errorf("xbus: upload to %q: %w", command, err)
	}
	started, err := c.Topic("*::stream.started." + u.id + ".orcished").Subscribe()
	if err != nil {
		return nil, err
	}
	defer started.Close()
	call := c.Call(ctx, command, payload, append([]rpc.Option{rpc.Timeout(-1), rpc.Stream()}, o.call...)...)
	if err := u.awaitStart(started, call); err != nil {
		return u.fail(call, err)
	}
	if err := u.sendAll(r); err != nil {
		return u.fail(call, err)
	}
	return u.answer(call)
}

// answer waits for the answer, which has the time of one step.
func (u *upload) answer(call *rpc.Pending) (*wire.Message, error) {
	if _, ok := u.ctx.Deadline(); ok {
		return call.Await(u.ctx)
	}
	ctx, cancel := context.WithTimeoutCause(u.ctx, u.opts.idle, fmt.Errorf("%w: no answer for %v", rpc.ErrTimeout, u.opts.idle))
	defer cancel()
	answer, err := call.Await(ctx)
	if err != nil {
		call.Abort(err)
	}
	return answer, err
}

type upload struct {
	client   *Client
	ctx      context.Context
	opts     transferOptions
	id       string
	size     int64
	progress *observable.Value[Progress]

	owner   string // as the hall said when it began to read
	ahead   int    // chunks that may be on their way
	sent    int64
	counter int64
	flying  []*rpc.Pending
}

// announcement adds the stream to the data of the command.
func (u *upload) announcement(data any, owner string) (json.RawMessage, error) {
	members := make(map[string]json.RawMessage)
	if data != nil {
		text, err := json.Marshal(data)
		if err != nil {
			return nil, err
		}
		if json.Unmarshal(text, &members) != nil {
			return nil, fmt.Errorf("the data of a command with a stream must be an object, it is %.40s", text)
		}
	}
	members["xcraftUpload"] = json.RawMessage("{}")
	members["xcraftStream"], _ = json.Marshal(handle{u.id, true})
	if members["routingKey"] == nil {
		members["routingKey"], _ = json.Marshal(owner)
	}
	return json.Marshal(members)
}

// awaitStart waits until the hall begins to read, unless the command ends first.
func (u *upload) awaitStart(started *observable.Subscription[Event], call *rpc.Pending) error {
	ctx, cancel := context.WithCancelCause(u.ctx)
	defer cancel(nil)
	defer onDone(call, func() { cancel(errEnded) })()
	ev, err := nextEvent(ctx, started, u.opts.idle)
	if err != nil {
		return err
	}
	var data struct {
		RoutingKey string `json:"routingKey"`
		Ahead      int    `json:"ahead"`
	}
	if err := ev.Decode(&data); err != nil || data.RoutingKey == "" {
		return fmt.Errorf("%w: the hall does not say where the stream goes: %.80s", ErrBroken, ev.Data)
	}
	u.owner, u.ahead = data.RoutingKey, 1
	if ev.Horde() == "" { // another hall on the way does not keep the order
		u.ahead = min(max(data.Ahead, 1), 64)
	}
	return nil
}

// errEnded: the command has ended before its stream.
var errEnded = errors.New("the command has ended before its stream")

// onDone calls f when call has ended; stop ends the watch and waits for it.
func onDone(call *rpc.Pending, f func()) (stop func()) {
	quit, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-call.Done():
			f()
		case <-quit:
		}
	}()
	return func() { close(quit); <-over }
}

// sendAll sends the reader in chunks, then the end.
func (u *upload) sendAll(r io.Reader) error {
	buf := make([]byte, chunkSize)
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			if err := u.emit(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return u.end()
		case err != nil:
			return fmt.Errorf("reading what is to be sent: %w", err)
		}
	}
}

func (u *upload) emit(b []byte) error {
	if u.size > 0 && u.sent+int64(len(b)) > u.size {
		return fmt.Errorf("%w: more than the %d bytes that were announced", ErrBroken, u.size)
	}
	piece, prefix := escape(b)
	u.sent += int64(len(b))
	counter := u.counter
	u.counter++
	text, _ := json.Marshal(chunk{u.id, json.RawMessage("null"), u.sent, u.size, prefix, &counter})
	data := rpc.Parts{Data: text, Chunk: append([]byte(nil), piece...)}
	u.flying = append(u.flying, u.client.Call(u.ctx, "transport."+u.owner+".emit-chunk", data, rpc.Timeout(u.opts.idle)))
	if u.progress != nil {
		u.progress.Set(Progress{u.sent, u.size})
	}
	return u.land(u.ahead - 1)
}

// land waits until no more than most chunks are on their way.
func (u *upload) land(most int) error {
	for len(u.flying) > most {
		if _, err := u.flying[0].Await(u.ctx); err != nil {
			return err
		}
		u.flying = u.flying[1:]
	}
	return nil
}

func (u *upload) end() error {
	if u.size > 0 && u.sent != u.size {
		return fmt.Errorf("%w: %d bytes were announced, there were %d", ErrBroken, u.size, u.sent)
	}
	if err := u.land(0); err != nil {
		return err
	}
	_, err := u.client.Call(u.ctx, "transport."+u.owner+".emit-end", map[string]string{"streamId": u.id}, rpc.Timeout(u.opts.idle)).Await(u.ctx)
	return err
}

// fail ends the upload. It prefers what the command itself has to say.
func (u *upload) fail(call *rpc.Pending, err error) (*wire.Message, error) {
	if call.Abort(err) {
		if u.owner != "" && u.client.speaksBack(u.owner) {
			u.client.tell(u.ctx, u.owner, "emit-abort", map[string]string{"streamId": u.id, "message": err.Error()})
		}
		return nil, &StreamError{u.id, u.sent, err}
	}
	answer, far := call.Result()
	switch {
	case far == nil:
		return answer, &StreamError{u.id, u.sent, ErrUnread}
	case errors.Is(err, errEnded), !strings.Contains(err.Error(), far.Error()):
		err = far
	}
	return nil, &StreamError{u.id, u.sent, err}
}
