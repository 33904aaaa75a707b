package xbus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/wire"
)

// A Download is the stream that is the result of a command. It implements
// io.ReadCloser and io.WriterTo; io.EOF comes only when the sender has said that
// the stream is complete and nothing is missing. Several files come as one tar
// archive: give the Download to archive/tar.
//
// One goroutine reads; Close, Progress and Result may be called from any.
type Download struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	client   *Client
	id       string
	owner    string
	result   *wire.Message
	sub      *observable.Subscription[Event]
	opts     transferOptions
	window   int64 // that the hall keeps to; 0 for one that keeps to none
	progress *observable.Value[Progress]
	whole    atomic.Bool // the end has come
	once     sync.Once

	// The reader's own.
	chunk   []byte // the present one
	rest    []byte // of it
	counter int64
	read    int64
	told    mark  // acknowledged
	err     error // sticky
}

// A mark is how far a stream is.
type mark struct{ bytes, pieces int64 }

// Download calls a command whose result is a stream and returns it when it is
// announced. ctx bounds the call and the whole reading. Close the Download, also
// when it was read to its end.
func (c *Client) Download(ctx context.Context, command string, data any, opts ...TransferOption) (*Download, error) {
	o := transferSettings(opts)
	answer, err := c.Call(ctx, command, data, o.call...).Await(ctx)
	if err != nil {
		return nil, err
	}
	return c.Receive(ctx, answer, opts...)
}

// Receive reads the stream that a message announces.
func (c *Client) Receive(ctx context.Context, announced *wire.Message, opts ...TransferOption) (*Download, error) {
	o := transferSettings(opts)
	var data struct {
		Stream     *handle `json:"xcraftStream"`
		RoutingKey any     `json:"routingKey"` // applications put there what they like
	}
	if err := json.Unmarshal(announced.Data, &data); err != nil || data.Stream == nil || data.Stream.StreamID == "" || data.Stream.IsUpload {
		return nil, fmt.Errorf("xbus: %q has no stream: the payload is %.80s", wire.Redact(announced.Topic), announced.Data)
	}
	key, _ := data.RoutingKey.(string)
	owner, err := c.owner(o, key)
	if err != nil {
		return nil, err
	}
	d := &Download{client: c, id: data.Stream.StreamID, owner: owner, result: announced, opts: o,
		progress: observable.NewValue(Progress{})}
	d.ctx, d.cancel = context.WithCancelCause(ctx)
	if err := d.start(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// start joins first, then asks: no chunk is missed.
func (d *Download) start() (err error) {
	limit := cmp.Or(d.opts.limit, otherWindow)
	ask := startEmit{StreamID: d.id, RoutingKey: "xbus-client"}
	if d.client.speaksBack(d.owner) {
		d.window = int64(cmp.Or(d.opts.limit, ownWindow))
		ask.Window, limit = d.window, max(otherWindow, 2*int(d.window)) // with what is around the pieces
	}
	d.sub, err = d.client.Topic("*::stream.(chunked|ended|failed)."+d.id+".orcished",
		observable.WithPolicy(observable.FailOnOverflow), observable.WithLimit(1<<20), observable.WithByteLimit(limit)).Subscribe()
	if err != nil {
		return err
	}
	d.client.downloads.Store(d.sub, true)
	refused := rpc.Trace(func(s rpc.Step) {
		if far, ok := errors.AsType[*rpc.Error](s.Err); ok {
			d.cancel(far)
		}
	})
	call := d.client.Call(d.ctx, "transport."+d.owner+".start-emit", ask, refused, rpc.Timeout(d.opts.idle))
	if _, err := call.Result(); err != nil { // it could not be sent
		return err
	}
	return nil
}

// startEmit is the data of the command that begins a download.
type startEmit struct {
	StreamID   string `json:"streamId"`
	RoutingKey string `json:"routingKey"`
	Window     int64  `json:"window,omitempty"`
}

// Result is the message that announced the stream, with what else is in it.
func (d *Download) Result() *wire.Message { return d.result }

// Progress is how far the reading is: Load, Wait, Observable.
func (d *Download) Progress() observable.View[Progress] { return d.progress.View() }

// Read implements io.Reader. It waits for chunks as long as the context of the
// Download allows.
func (d *Download) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		if len(p) == 0 {
			return 0, nil
		}
		d.next()
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: io.Copy needs no buffer.
func (d *Download) WriteTo(w io.Writer) (n int64, err error) {
	for {
		if len(d.rest) > 0 {
			written, err := w.Write(d.rest)
			n += int64(written)
			d.rest = d.rest[written:]
			if err != nil {
				return n, err
			}
			continue
		}
		if d.err == io.EOF {
			return n, nil
		}
		if d.err != nil {
			return n, d.err
		}
		d.next()
	}
}

// next takes the next chunk, or the end, from the subscription. What came before
// was read.
func (d *Download) next() {
	wire.FreeChunk(d.chunk)
	d.chunk = nil
	d.acknowledge()
	ev, err := nextEvent(d.ctx, d.sub, d.opts.idle)
	if err == nil {
		err = d.take(ev)
	}
	if err == nil {
		return
	}
	if err == io.EOF {
		d.whole.Store(true)
	} else {
		err = &StreamError{d.id, d.read, err}
	}
	d.err = err
	d.Close()
}

// acknowledge tells a hall that keeps to a window how far the reading is.
func (d *Download) acknowledge() {
	ahead := mark{d.read - d.told.bytes, d.counter - d.told.pieces}
	// What is left of the window has room for a piece, or the hall would wait.
	often := max(1, min(d.window/4, d.window-chunkSize))
	if d.window == 0 || ahead.bytes < often && ahead.pieces < ackPieces {
		return
	}
	d.told = mark{d.read, d.counter}
	d.client.tell(d.ctx, d.owner, "emit-ack", struct {
		StreamID string `json:"streamId"`
		Bytes    int64  `json:"bytes"`
		Counter  int64  `json:"counter"`
	}{d.id, d.read, d.counter})
}

func (d *Download) take(ev Event) error {
	switch {
	case strings.Contains(ev.Topic, "::stream.ended."):
		if total := d.progress.Load().Total; total > 0 && d.read != total {
			return fmt.Errorf("%w: it has %d bytes, %d were announced", ErrBroken, d.read, total)
		}
		return io.EOF
	case strings.Contains(ev.Topic, "::stream.failed."):
		d.whole.Store(true) // nobody is to be told
		var data struct{ Message string }
		_ = json.Unmarshal(ev.Data, &data)
		return fmt.Errorf("%w: %s", ErrSource, data.Message)
	}
	return d.piece(ev)
}

func (d *Download) piece(ev Event) error {
	c, err := readChunk(ev.Data)
	if err != nil {
		return fmt.Errorf("%w: a chunk that cannot be read: %w", ErrBroken, err)
	}
	if c.Counter != nil && *c.Counter != d.counter {
		return fmt.Errorf("%w: chunk %d came instead of %d", ErrBroken, *c.Counter, d.counter)
	}
	piece, err := restore(ev.Chunk, c.Prefix)
	if err != nil {
		return err
	}
	d.counter++
	d.read += int64(len(piece))
	d.chunk, d.rest = ev.Chunk, piece
	d.progress.Set(Progress{d.read, c.Total})
	return nil
}

// takesOver reports whether an event for these subscriptions is for a Download
// alone, which gives the memory of its chunk back when it was read.
func (c *Client) takesOver(subs []*observable.Subscription[Event]) bool {
	if len(subs) != 1 || c.calls.Progressing() {
		return false
	}
	_, ok := c.downloads.Load(subs[0])
	return ok
}

// Close ends the reading. A hall of xbus is told; another one sends what it has
// left, which is then dropped. Close returns nil.
func (d *Download) Close() error {
	d.once.Do(func() {
		if d.sub != nil {
			d.client.downloads.Delete(d.sub)
			d.sub.Close()
		}
		d.cancel(observable.ErrClosed)
		d.progress.Close()
		if d.window > 0 && !d.whole.Load() {
			d.client.tell(d.ctx, d.owner, "emit-abort", map[string]string{"streamId": d.id})
		}
	})
	return nil
}
