package xbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/wire"
)

// Streams are how files and other long results travel (protocol §7.5): a message
// announces one, then it flows in chunks. A command whose result is a stream is
// called by Download, one that reads a stream by Upload.
//
// Halls of xbus add what the protocol lacks, and say so by two more commands in
// their registry: a receiver tells how far it is (emit-ack), so that neither side
// holds more than a window, and who gives up tells the other (emit-abort,
// stream.failed). With halls of the reference a sender that dies is a silence.

// Progress says how far a stream is.
type Progress struct {
	Bytes int64 // so far
	Total int64 // 0 when the sender does not know
}

// ErrBroken: a chunk is missing, or the sender announced another size. What was
// read so far is not the whole stream.
var ErrBroken = errors.New("stream broken")

// ErrSource: the sender could not read what it sends.
var ErrSource = errors.New("the sender has failed")

// ErrUnread: the command has answered without reading its stream to the end.
// Upload returns the answer too.
var ErrUnread = errors.New("the command has answered before its stream came to the end")

// A StreamError is a stream that did not come to its end.
type StreamError struct {
	ID   string // of the stream
	Read int64  // bytes that have come, or were sent
	Err  error  // why: wraps ErrBroken, ErrGap, rpc.ErrTimeout, observable.ErrOverflow and so on
}

func (e *StreamError) Error() string {
	return fmt.Sprintf("xbus: stream ended after %d bytes: %v", e.Read, e.Err)
}

// Unwrap returns Err.
func (e *StreamError) Unwrap() error { return e.Err }

// A TransferOption changes how a stream is read or sent.
type TransferOption func(*transferOptions)

type transferOptions struct {
	owner string
	idle  time.Duration
	limit int
	call  []rpc.Option
}

// Owner names the routing key of the hall that has the stream, e.g. "thrall" for
// a node of a horde. Default: that of the hall itself, read from its registry.
func Owner(routingKey string) TransferOption {
	return func(o *transferOptions) { o.owner = routingKey }
}

// IdleTimeout is how long nothing may come, default 120 s as in the reference.
func IdleTimeout(d time.Duration) TransferOption { return func(o *transferOptions) { o.idle = d } }

// WindowBytes bounds what may wait to be read of a download. A hall of xbus
// sends no more than that, default 4 MiB. A hall of the reference sends without
// asking: a reader that falls further behind, default 64 MiB, loses the stream,
// with an error that wraps observable.ErrOverflow.
func WindowBytes(n int) TransferOption { return func(o *transferOptions) { o.limit = n } }

// ForCall gives options to the command of the transfer.
func ForCall(opts ...rpc.Option) TransferOption {
	return func(o *transferOptions) { o.call = append(o.call, opts...) }
}

func transferSettings(opts []TransferOption) transferOptions {
	o := transferOptions{idle: 120 * time.Second}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

const (
	chunkSize   = 64 << 10 // that of the reference for files
	ownWindow   = 4 << 20  // bytes on their way from a hall of xbus
	otherWindow = 64 << 20 // bytes that may wait, from others
	ackPieces   = 256      // acknowledge at least after so many
)

// A handle is what announces a stream: the member xcraftStream of a payload.
type handle struct {
	StreamID string `json:"streamId"`
	IsUpload bool   `json:"isUpload"`
}

// A chunk is the data that goes with each piece.
type chunk struct {
	StreamID string          `json:"streamId"`
	Chunk    json.RawMessage `json:"chunk"` // null: the piece is beside the message
	Current  int64           `json:"current"`
	Total    int64           `json:"total"`
	Prefix   string          `json:"prefix,omitempty"`
	Counter  *int64          `json:"counter,omitempty"`
}

// readChunk reads the data that goes with a piece, of which there are many.
func readChunk(data json.RawMessage) (c chunk, err error) {
	for name, value := range wire.Members(data) {
		switch name {
		case "total":
			err = errors.Join(err, json.Unmarshal(value, &c.Total))
		case "prefix":
			err = errors.Join(err, json.Unmarshal(value, &c.Prefix))
		case "counter":
			err = errors.Join(err, json.Unmarshal(value, &c.Counter))
		}
	}
	return c, err
}

// owner finds the hall that a stream belongs to: the one that was given, the one
// that announced says, or the only one that there is.
func (c *Client) owner(o transferOptions, announced string) (string, error) {
	if o.owner != "" {
		return o.owner, nil
	}
	var owners []string
	for _, name := range c.registry.Load().Names() {
		rest, ok := strings.CutPrefix(name, "transport.")
		if key, isStart := strings.CutSuffix(rest, ".start-emit"); ok && isStart {
			if key == announced {
				return key, nil
			}
			owners = append(owners, key)
		}
	}
	switch len(owners) {
	case 0:
		return "", fmt.Errorf("xbus: the hall has no streams: %w: transport.<routing key>.start-emit", rpc.ErrCommandNotAvailable)
	case 1:
		return owners[0], nil
	}
	return "", fmt.Errorf("xbus: streams of several halls can be meant (%s): say which with Owner", strings.Join(owners, ", "))
}

// speaksBack reports whether a hall has the commands that only xbus has.
func (c *Client) speaksBack(owner string) bool {
	return c.registry.Load().Has("transport." + owner + ".emit-abort")
}

// tell sends what a stream has to say beside its chunks. Nobody waits for the
// answer, and a hall that is gone need not know.
func (c *Client) tell(ctx context.Context, owner, verb string, data any) {
	c.Call(context.WithoutCancel(ctx), "transport."+owner+"."+verb, data, failFast, rpc.Timeout(tellTime))
}

const tellTime = 30 * time.Second

// errNothing is why ended has ended, which lets nobody wait.
var errNothing = errors.New("there is nothing to read")

var ended = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errNothing)
	return ctx
}()

// nextEvent reads a subscription to a stream, no longer than idle.
func nextEvent(ctx context.Context, sub *observable.Subscription[Event], idle time.Duration) (Event, error) {
	ev, err := sub.Next(ended) // what is there needs no timer
	if err == errNothing {
		ctx, cancel := context.WithTimeoutCause(ctx, idle, fmt.Errorf("%w: nothing came for %v", rpc.ErrTimeout, idle))
		defer cancel()
		ev, err = sub.Next(ctx)
	}
	switch {
	case err == io.EOF: // not one that the end of ctx wraps
		return ev, ErrClosed
	case err == nil && ev.Gap != nil:
		return ev, fmt.Errorf("%w: %v", ErrGap, ev.Gap)
	}
	return ev, err
}

// escape keeps a chunk from being taken for another kind of argument: its first
// byte goes into the prefix (protocol §7.5).
func escape(b []byte) (piece []byte, prefix string) {
	if len(b) < 2 || b[1] != ':' || b[0] != 's' && b[0] != 'j' && b[0] != 'b' {
		return b, ""
	}
	piece = append([]byte{0}, b[1:]...)
	return piece, string(b[0])
}

// restore undoes escape. Events are shared, so it changes a copy.
func restore(b []byte, prefix string) ([]byte, error) {
	if prefix == "" {
		return b, nil
	}
	if len(b) == 0 || len(prefix) != 1 {
		return nil, fmt.Errorf("%w: a chunk with a wrong prefix", ErrBroken)
	}
	return append([]byte{prefix[0]}, b[1:]...), nil
}
