package axon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// An outbox gathers the frames that are to be written. Whoever puts the first
// one starts the writer, which takes what is queued batch by batch and ends
// when nothing is left: batches form by themselves under load, and an idle
// link has no writer.
type outbox struct {
	link   *link
	socket socketWriter

	mu      sync.Mutex
	backlog backlog
	number  uint64 // of the last message in the backlog
	writing bool
	writer  func()        // the method write: a goroutine that begins with it costs no memory
	err     error         // why nothing is written any more
	room    chan struct{} // closed when there may be room or err was set; nil unless somebody waits
	idle    chan struct{} // closed when the writer ends; nil unless flush waits

	written atomic.Uint64
	deflate *gzip.Writer

	// The writer's own, and of stop when there is no writer.
	opened bool   // the gzip member has begun
	sum    uint32 // of what is in it, for its end
	size   uint32
	prompt *promptWriter // nil where a write may wait
	rest   []byte        // what writeNow has left of restOf
	restOf []byte
}

func newOutbox(l *link) *outbox {
	o := &outbox{link: l, socket: socketWriter{l.cfg.out, l.cfg.WriteTimeout}}
	o.writer = o.write
	if l.cfg.compressed && l.cfg.Compression > 0 {
		o.deflate, _ = gzip.NewWriterLevel(&o.socket, l.cfg.Compression) // the level was checked
	} else {
		o.prompt = newPromptWriter(l.cfg.out)
	}
	return o
}

// A manner is how a message goes into an outbox.
type manner uint8

const (
	queued manner = iota // to be written with what others queue
	prompt               // a first one is written at once
	given                // its chunk is taken over, not copied
)

// put encodes m behind what waits already.
func (o *outbox) put(ctx context.Context, m *wire.Message, how manner) (uint64, error) {
	o.mu.Lock()
	for o.err == nil && o.backlog.size > o.link.cfg.SendQueue {
		if err := o.awaitRoom(ctx); err != nil {
			o.mu.Unlock()
			return 0, err
		}
	}
	err := o.err
	switch {
	case err != nil:
	case how == given:
		err = o.backlog.give(m, o.number+1)
	default:
		err = o.backlog.append(m, o.number+1)
	}
	if err != nil {
		o.mu.Unlock()
		return 0, fmt.Errorf("%w: %w", conn.ErrNotSent, err)
	}
	o.number++
	number, start := o.number, !o.writing
	o.writing = true
	if start {
		o.link.wg.Add(1) // under the lock: not after stop, so not after Close waits
	}
	now := how == prompt && start && o.backlog.size <= maxNow
	o.mu.Unlock()
	switch {
	case now:
		o.writeNow()
	case start:
		go o.writer()
	}
	return number, nil
}

// awaitRoom gives up the lock while it waits.
func (o *outbox) awaitRoom(ctx context.Context) error {
	if o.room == nil {
		o.room = make(chan struct{})
	}
	room := o.room
	o.mu.Unlock()
	defer o.mu.Lock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return &conn.Error{Op: "send", Addr: o.link.info.Remote, Reason: conn.ErrOverflow,
			Err: fmt.Errorf("%w: %w", conn.ErrNotSent, context.Cause(ctx)), Hint: "the peer takes messages more slowly than they come"}
	}
}

// flush waits until all that was put has been handed to the system.
func (o *outbox) flush(ctx context.Context) error {
	o.mu.Lock()
	if !o.writing {
		defer o.mu.Unlock()
		return o.err
	}
	if o.idle == nil {
		o.idle = make(chan struct{})
	}
	idle := o.idle
	o.mu.Unlock()
	select {
	case <-idle:
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stop lets nothing be written any more, but the end of what was. The first
// reason counts.
func (o *outbox) stop(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
		if !o.writing {
			o.endMember()
		}
		tell(&o.room)
		tell(&o.idle)
	}
}

// tell wakes all who wait on a channel that was made for them.
func tell(waiting *chan struct{}) {
	if *waiting != nil {
		close(*waiting)
		*waiting = nil
	}
}

// write is the writer: it ends when nothing is left. Before it takes a batch it
// lets those run who are about to put something: that makes batches larger and
// costs next to nothing where nobody is.
func (o *outbox) write() {
	defer o.link.wg.Done()
	if o.restOf != nil {
		_, err := o.socket.Write(o.rest)
		o.sent(o.restOf, err)
		o.rest, o.restOf = nil, nil
	}
	for {
		runtime.Gosched()
		batch, ok := o.take()
		if !ok {
			return
		}
		o.sent(batch.frames, o.send(batch))
		wire.FreeChunk(batch.chunk)
	}
}

// sent ends a batch: its buffer is used again, an error ends the link.
func (o *outbox) sent(frames []byte, err error) {
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("%w: nothing was taken for %v", conn.ErrTimeout, o.socket.limit)
		}
		o.stop(o.link.fail(o.link.lost(err), o.link.drain()))
	}
	o.giveBack(frames)
}

// take returns the next batch, or ends the writer.
func (o *outbox) take() (next batch, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over() {
		return next, false
	}
	next = o.backlog.pop()
	o.written.Store(next.last)
	tell(&o.room)
	return next, true
}

// over reports whether nothing is left to write, which ends the writer; mu is
// held.
func (o *outbox) over() bool {
	if o.err == nil && !o.backlog.empty() {
		return false
	}
	o.writing = false
	tell(&o.idle)
	return true
}

func (o *outbox) giveBack(frames []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.backlog.giveBack(frames)
}
