package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/topics"
)

// An inStream is an upload: what has come of it, until it is read. The reader of
// the connection puts pieces in, the handler takes them out.
type inStream struct {
	streams  *streams
	request  *Request
	id       string
	progress *observable.Value[TransferProgress]
	wake     chan struct{} // something has changed

	mu      sync.Mutex
	queue   []piece
	waiting int   // bytes in queue
	counter int64 // of the next piece
	total   int64
	ended   bool
	err     error // why nothing more comes
	over    bool  // nobody reads any more
	timer   *time.Timer

	// The handler's own.
	started bool
	rest    []byte
	read    int64
	sticky  error
}

// A piece waits to be read; its command is answered when it is.
type piece struct {
	bytes   []byte
	command *Request
}

const (
	// ahead is how many pieces the hall wants to have on their way.
	ahead = 16
	// maxAhead and maxAheadBytes are how many a sender may send without an answer.
	maxAhead      = 64
	maxAheadBytes = 16 << 20
)

// receive makes the upload that a command has announced.
func (s *streams) receive(r *Request) (*inStream, error) {
	var data struct {
		Stream *struct {
			StreamID string `json:"streamId"`
			IsUpload bool   `json:"isUpload"`
		} `json:"xcraftStream"`
	}
	_ = json.Unmarshal(r.Message.Data, &data) // another kind of data has none
	if data.Stream == nil || !data.Stream.IsUpload || r.session == nil {
		return nil, Errorf(CodeArguments, "%s: %w: send one (a Go client does by Upload)", r.command.name, ErrNoStream)
	}
	id := data.Stream.StreamID
	if id == "" || len(id) > maxStreamID || strings.ContainsAny(id, "<>*()| \t\r\n:") || topics.CheckTopic(s.topic("started", id)) != nil {
		return nil, Errorf(CodeArguments, "%s: the streamId cannot be part of a topic: it is <orc name>$<uuid>", r.command.name)
	}
	in := &inStream{streams: s, request: r, id: id, wake: make(chan struct{}, 1),
		progress: observable.NewValue(TransferProgress{})}
	key := streamKey{r.session, id}
	s.mu.Lock()
	old := s.in[key]
	if old == nil {
		s.in[key] = in
	}
	s.mu.Unlock()
	if old != nil {
		return nil, Errorf(CodeArguments, "%s: a stream with this streamId is under way", r.command.name)
	}
	if r.peer.left.Load() { // while this went on
		in.fail(ErrCallerGone)
		in.forget()
	}
	return in, nil
}

// push takes a piece from the sender. It runs on the reader of the connection.
func (in *inStream) push(r *Request, m streamMessage) {
	in.mu.Lock()
	err := in.accept(r, m)
	in.mu.Unlock()
	if err != nil {
		r.settle(nil, err)
	}
	in.signal()
}

// accept queues a piece; mu is held.
func (in *inStream) accept(r *Request, m streamMessage) error {
	switch {
	case in.over:
		return Errorf(CodeStreamUnread, "the command does not read its stream any more")
	case in.err != nil:
		return Errorf(CodeStreamBroken, "%w", in.err)
	case in.ended:
		return Errorf(CodeStreamBroken, "%w: a piece came behind the end", ErrStreamBroken)
	case m.Counter != nil && *m.Counter != in.counter:
		in.err = fmt.Errorf("%w: received counter:%d instead of %d", ErrStreamBroken, *m.Counter, in.counter)
	case len(in.queue) >= maxAhead || len(in.queue) > 0 && in.waiting+len(r.Message.Chunk) > maxAheadBytes:
		in.err = fmt.Errorf("%w: the sender does not wait for the answers", ErrStreamBroken)
	case m.Prefix != "" && (len(m.Prefix) != 1 || len(r.Message.Chunk) == 0):
		in.err = fmt.Errorf("%w: a piece with a wrong prefix", ErrStreamBroken)
	}
	if in.err != nil {
		return Errorf(CodeStreamBroken, "%w", in.err)
	}
	bytes := r.Message.Chunk
	if m.Prefix != "" { // messages are shared
		bytes = append([]byte{m.Prefix[0]}, bytes[1:]...)
	}
	in.counter++
	in.total = m.Total
	in.waiting += len(bytes)
	in.queue = append(in.queue, piece{bytes, r})
	return nil
}

// finish takes the end from the sender. It is answered when all was read.
func (in *inStream) finish(r *Request) {
	in.mu.Lock()
	err := in.err
	in.ended = true
	wait := err == nil && !in.over && len(in.queue) > 0
	if wait {
		in.queue = append(in.queue, piece{nil, r})
	}
	over := in.over
	in.mu.Unlock()
	in.signal()
	if over {
		in.forget()
	}
	switch {
	case err != nil:
		r.settle(nil, Errorf(CodeStreamBroken, "%w", err))
	case !wait:
		r.settle(nil, nil)
	}
}

// fail ends the stream: what was not read is not read any more.
func (in *inStream) fail(cause error) {
	in.mu.Lock()
	if in.err == nil && !(in.ended && errors.Is(cause, ErrStreamAborted)) {
		in.err = cause
	}
	in.mu.Unlock()
	in.signal()
}

// unread ends the stream because its command was answered. The sender may still
// say its end.
func (in *inStream) unread() {
	in.mu.Lock()
	in.over = true
	rest, ended := in.queue, in.ended
	in.queue, in.waiting = nil, 0
	if !ended && in.err == nil && in.timer == nil {
		in.timer = time.AfterFunc(in.streams.hall.cfg.StreamTimeout, in.forget)
	}
	keep := in.timer != nil
	in.mu.Unlock()
	in.signal()
	in.progress.Close()
	for _, p := range rest {
		if p.bytes == nil {
			p.command.settle(nil, nil)
			continue
		}
		p.command.settle(nil, Errorf(CodeStreamUnread, "the command does not read its stream any more"))
	}
	if !keep {
		in.forget()
	}
}

func (in *inStream) forget() {
	s := in.streams
	s.mu.Lock()
	delete(s.in, streamKey{in.request.session, in.id})
	s.mu.Unlock()
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.timer != nil {
		in.timer.Stop()
	}
}

func (in *inStream) signal() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// next takes the next piece, or the end.
func (in *inStream) next() {
	err := in.begin()
	for waited := (*time.Timer)(nil); err == nil; {
		var done bool
		if done, err = in.take(); done || err != nil {
			break
		}
		if waited == nil {
			waited = time.NewTimer(in.streams.hall.cfg.StreamTimeout)
			defer waited.Stop()
		}
		select {
		case <-in.wake:
		case <-waited.C:
			err = ErrStreamIdle
		case <-in.request.ctx.Done():
			err = context.Cause(&in.request.ctx)
		}
	}
	if err == nil {
		return
	}
	if err != io.EOF {
		err = &StreamError{in.id, in.read, err}
	}
	in.sticky = err
}

// begin asks the sender for the stream.
func (in *inStream) begin() error {
	if in.started {
		return nil
	}
	in.started = true
	s := in.streams
	if !s.direct(in.request.session, s.topic("started", in.id), streamMessage{RoutingKey: s.key, Ahead: ahead}) {
		return ErrCallerGone
	}
	return nil
}

// take takes the next piece from the queue, and answers its command.
func (in *inStream) take() (done bool, err error) {
	in.mu.Lock()
	if in.err != nil && !errors.Is(in.err, ErrStreamAborted) || len(in.queue) == 0 {
		defer in.mu.Unlock()
		return false, in.last()
	}
	p := in.queue[0]
	in.queue[0] = piece{}
	in.queue = in.queue[1:]
	in.waiting -= len(p.bytes)
	total := in.total
	in.mu.Unlock()
	p.command.settle(nil, nil)
	in.request.extend()
	in.rest = p.bytes
	in.read += int64(len(p.bytes))
	in.progress.Set(TransferProgress{in.read, total})
	return len(p.bytes) > 0, nil
}

// last is how the stream has ended, nil when it has not; mu is held.
func (in *inStream) last() error {
	switch {
	case in.err != nil:
		return in.err
	case in.over:
		return ErrCallerGone
	case !in.ended:
		return nil
	case in.total > 0 && in.read != in.total:
		return fmt.Errorf("%w: it has %d bytes, %d were announced", ErrStreamBroken, in.read, in.total)
	}
	return io.EOF
}

// extend begins the deadline of the handler anew: it goes on as its stream does.
func (r *Request) extend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.deadlines != nil && !r.settled.Load() {
		r.deadlines.set(r)
	}
}
