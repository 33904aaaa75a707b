package xbus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/xcraft-go/xbus/observable"
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
	client   *Client
	id       string
	result   *wire.Message
	sub      *observable.Subscription[Event]
	opts     transferOptions
	progress *observable.Value[Progress]

	rest    []byte // of the present chunk
	counter int64
	read    int64
	err     error // sticky
	once    sync.Once
}

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
		Stream *handle `json:"xcraftStream"`
	}
	if err := json.Unmarshal(announced.Data, &data); err != nil || data.Stream == nil || data.Stream.StreamID == "" || data.Stream.IsUpload {
		return nil, fmt.Errorf("xbus: %q has no stream: the payload is %.80s", wire.Redact(announced.Topic), announced.Data)
	}
	owner, err := c.owner(o)
	if err != nil {
		return nil, err
	}
	d := &Download{ctx: ctx, client: c, id: data.Stream.StreamID, result: announced, opts: o,
		progress: observable.NewValue(Progress{})}
	// Join first, then ask: no chunk is missed.
	d.sub, err = c.Topic("*::stream.(chunked|ended)."+d.id+".orcished",
		observable.WithPolicy(observable.FailOnOverflow), observable.WithLimit(1<<20), observable.WithByteLimit(o.limit)).Subscribe()
	if err != nil {
		return nil, err
	}
	start := map[string]string{"streamId": d.id, "routingKey": "xbus-client"}
	if err := c.Send(ctx, "transport."+owner+".start-emit", start); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
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

// next takes the next chunk, or the end, from the subscription.
func (d *Download) next() {
	ev, err := nextEvent(d.ctx, d.sub, d.opts.idle)
	if err == nil {
		err = d.take(ev)
	}
	if err == nil {
		return
	}
	if err != io.EOF {
		err = &StreamError{d.id, d.read, err}
	}
	d.err = err
	d.Close()
}

func (d *Download) take(ev Event) error {
	total := d.progress.Load().Total
	if strings.Contains(ev.Topic, "::stream.ended.") {
		if total > 0 && d.read != total {
			return fmt.Errorf("%w: it has %d bytes, %d were announced", ErrBroken, d.read, total)
		}
		return io.EOF
	}
	var c chunk
	if err := json.Unmarshal(ev.Data, &c); err != nil {
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
	d.rest = piece
	d.progress.Set(Progress{d.read, c.Total})
	return nil
}

// Close ends the reading. The hall cannot be told: it sends what it has left,
// which is then dropped. Close returns nil.
func (d *Download) Close() error {
	d.once.Do(func() {
		d.sub.Close()
		d.progress.Close()
	})
	return nil
}
