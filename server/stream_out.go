package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// An outStream is a download: announced by the answer of a command, then sent
// when the caller asks for it.
type outStream struct {
	streams *streams
	request *Request // that has announced it
	id      string
	src     Stream
	ctx     context.Context
	cancel  context.CancelCauseFunc
	acked   chan struct{} // something was acknowledged
	mark    *Request      // its place among the running

	mu     sync.Mutex
	phase  outPhase
	timer  *time.Timer // ends it when nobody asks for it
	window int64       // bytes that may be on their way; 0: what the link takes
	taken  int64       // bytes that were acknowledged
	pieces int64       // pieces that were

	closing sync.Once

	// Of the goroutine that sends.
	sent    int64
	counter int64
	chunked string       // topic
	event   wire.Message // that a piece goes out in
}

// maxPieces is how many pieces may be on their way to a receiver that says how
// far it is, however small they are.
const maxPieces = 1024

type outPhase uint8

const (
	outWaits outPhase = iota
	outRuns
	outOver
)

// open makes the stream of a result. It is one of those that Drain and Close
// wait for.
func (s *streams) open(r *Request, src Stream) *outStream {
	o := &outStream{streams: s, request: r, id: r.OrcName + "$" + wire.NewID(), src: src,
		acked: make(chan struct{}, 1), mark: &Request{command: r.command}}
	o.ctx, o.cancel = context.WithCancelCause(r.peer.ctx)
	s.hall.busy.add()
	s.hall.counts.inFlight.Add(1)
	s.mu.Lock()
	s.out[streamKey{r.session, o.id}] = o
	s.mu.Unlock()
	o.mu.Lock()
	if o.phase == outWaits {
		o.timer = time.AfterFunc(s.hall.cfg.StreamTimeout, func() { o.end(ErrStreamIdle) })
	}
	o.mu.Unlock()
	if r.peer.left.Load() || s.hall.ctx.Err() != nil { // while this went on
		o.end(ErrCallerGone)
	}
	return o
}

// start begins to send; false when it is too late, or has been done.
func (o *outStream) start(window int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.phase != outWaits {
		return false
	}
	o.phase, o.window = outRuns, max(0, window)
	o.timer.Stop()
	go o.run() // busy counts it
	return true
}

// acknowledge notes how far the receiver is.
func (o *outStream) acknowledge(m streamMessage) {
	o.mu.Lock()
	o.taken = max(o.taken, m.Bytes)
	if m.Counter != nil {
		o.pieces = max(o.pieces, *m.Counter)
	}
	o.mu.Unlock()
	select {
	case o.acked <- struct{}{}:
	default:
	}
}

// end ends the stream from outside. It does not wait: closing the reader is
// the user's code.
func (o *outStream) end(cause error) {
	o.cancel(cause)
	o.mu.Lock()
	defer o.mu.Unlock()
	busy := &o.streams.hall.busy
	switch o.phase {
	case outWaits:
		o.phase = outOver
		if o.timer != nil {
			o.timer.Stop()
		}
		go o.over() // instead of run
	case outRuns:
		busy.outlived(o.mark)
		busy.add()
		go func() {
			defer busy.done(nil)
			o.close()
		}()
	}
}

// close closes the reader, which ends its Read.
func (o *outStream) close() { o.closing.Do(o.src.close) }

// over takes the stream out of all that waits for it.
func (o *outStream) over() {
	s := o.streams
	o.close()
	s.mu.Lock()
	delete(s.out, streamKey{o.request.session, o.id})
	s.mu.Unlock()
	s.hall.counts.inFlight.Add(-1)
	s.hall.busy.done(o.mark)
}

// run sends the stream and says how it has ended.
func (o *outStream) run() {
	h := o.streams.hall
	err := o.guarded(o.send)
	o.mu.Lock()
	o.phase = outOver
	o.mu.Unlock()
	if err != nil {
		h.cfg.Logger.Info("stream ended early", "command", o.request.command.name, "bytes", o.sent, "error", err)
		o.tell("failed", streamMessage{StreamID: o.id, Bytes: o.sent, Message: err.Error()})
	}
	o.cancel(context.Canceled)
	o.over()
}

// guarded keeps a reader that panics from ending the program.
func (o *outStream) guarded(f func() error) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v, h := recover(), o.streams.hall
		h.counts.panics.Add(1)
		h.cfg.Logger.Error("stream panicked", "command", o.request.command.name, "panic", v, "stack", string(debug.Stack()))
		err = errors.New("the reader panicked")
	}()
	err = f()
	returned = true
	return err
}

// send reads to the end, piece by piece.
func (o *outStream) send() error {
	pace := pacer{link: o.request.peer.link}
	buf, empty := o.buffer(), 0
	defer func() { wire.FreeChunk(buf) }()
	for {
		n, err := o.src.Reader.Read(buf)
		if o.ctx.Err() != nil {
			return context.Cause(o.ctx)
		}
		if n > 0 {
			given, err := o.emit(buf[:n], &pace)
			if given {
				buf = o.buffer()
			}
			if err != nil {
				return err
			}
			empty = 0
		} else if empty++; err == nil && empty == 100 {
			return io.ErrNoProgress
		}
		switch {
		case err == io.EOF:
			return o.complete()
		case err != nil:
			return fmt.Errorf("reading it: %w", err)
		}
	}
}

// buffer is the memory for a piece: a large one for a receiver of xbus that has
// room for many of them.
func (o *outStream) buffer() []byte {
	if o.window < 16*wire.ChunkSize || o.src.Size > 0 && o.src.Size <= wire.ChunkSize {
		return make([]byte, chunkSize)
	}
	return wire.NewChunk()
}

func (o *outStream) complete() error {
	if o.src.Size > 0 && o.sent != o.src.Size {
		return fmt.Errorf("%w: it has %d bytes, %d were announced", ErrStreamBroken, o.sent, o.src.Size)
	}
	if !o.tell("ended", streamMessage{}) {
		return ErrCallerGone
	}
	return nil
}

// emit sends one piece, when there is room for it. It may change the piece, and
// give it away when it is a large one.
func (o *outStream) emit(piece []byte, pace *pacer) (given bool, err error) {
	size := int64(len(piece))
	if err := o.await(size); err != nil {
		return false, err
	}
	if err := pace.await(o.ctx, len(piece), o.streams.hall.cfg.StreamTimeout); err != nil {
		return false, err
	}
	given = size > wire.ChunkSize/2
	shared := pace.shares()
	if shared && !given {
		piece = bytes.Clone(piece)
	}
	o.sent += size
	counter := o.counter
	o.counter++
	prefix, escaped := escape(piece)
	if !o.chunk(prefix, escaped, counter, shared, given) {
		return given, ErrCallerGone
	}
	return given, nil
}

// chunk sends a piece as stream.chunked. What a link shares is made anew for each.
func (o *outStream) chunk(prefix string, piece []byte, counter int64, shared, given bool) bool {
	h, e := o.streams.hall, &o.event
	if o.chunked == "" {
		o.chunked = o.streams.topic("chunked", o.id)
	}
	h.address(e, o.chunked)
	text := e.Data[:0]
	if shared {
		text = nil
	}
	e.Data, e.Chunk = o.appendChunk(text, prefix, counter), piece
	sent := false
	if given {
		sent = o.request.session.give(e)
	} else {
		sent = o.request.session.deliver(e, keepNever)
	}
	if sent {
		h.counts.delivered.Add(1)
	}
	return sent
}

// appendChunk appends the data of stream.chunked, in the order of the reference.
// The chunk is null: the piece is beside the message.
func (o *outStream) appendChunk(dst []byte, prefix string, counter int64) []byte {
	dst = wire.AppendString(append(dst, `{"streamId":`...), o.id)
	dst = strconv.AppendInt(append(dst, `,"chunk":null,"current":`...), o.sent, 10)
	dst = strconv.AppendInt(append(dst, `,"total":`...), o.src.Size, 10)
	if prefix != "" {
		dst = wire.AppendString(append(dst, `,"prefix":`...), prefix)
	}
	return append(strconv.AppendInt(append(dst, `,"counter":`...), counter, 10), '}')
}

func (o *outStream) tell(name string, m streamMessage) bool {
	return o.streams.direct(o.request.session, o.streams.topic(name, o.id), m)
}

// await waits until the receiver has room, if it says so.
func (o *outStream) await(size int64) error {
	if o.room(size) {
		return nil
	}
	idle := time.NewTimer(o.streams.hall.cfg.StreamTimeout)
	defer idle.Stop()
	for !o.room(size) {
		select {
		case <-o.acked:
		case <-idle.C:
			return ErrStreamIdle
		case <-o.ctx.Done():
			return context.Cause(o.ctx)
		}
	}
	return nil
}

func (o *outStream) room(size int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	flying := o.sent - o.taken
	return o.window == 0 || flying <= 0 || flying+size <= o.window && o.counter-o.pieces < maxPieces
}
