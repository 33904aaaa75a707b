package axon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// An outbox gathers the frames that are to be written. Whoever puts the first
// one starts the writer, which takes all that is queued in one write and ends
// when nothing is left: batches form by themselves under load, and an idle
// link has no writer.
type outbox struct {
	link   *link
	socket socketWriter

	mu      sync.Mutex
	pending []byte // frames behind headRoom
	spare   []byte // the other of two buffers
	number  uint64 // of the last message in pending
	writing bool
	err     error         // why nothing is written any more
	room    chan struct{} // closed when pending was taken or err was set
	idle    chan struct{} // closed when the writer ends; nil unless flush waits

	written atomic.Uint64
	opened  bool // the gzip member has begun; the writer's own
	deflate *gzip.Writer
}

const (
	// headRoom is left free before the frames for what stands in front of
	// them: the head of the gzip member, once, and of a stored block.
	headRoom  = len(memberHead) + blockHead
	blockHead = 5
	maxBlock  = 65535
	// keepBuffer is the size up to which buffers are used again.
	keepBuffer = 256 << 10
)

// memberHead begins the one endless gzip member of a link (protocol §2.3): no
// name, no time, unknown system.
const memberHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

func newOutbox(l *link) *outbox {
	o := &outbox{link: l, socket: socketWriter{l.cfg.out, l.cfg.WriteTimeout}, room: make(chan struct{})}
	if l.cfg.compressed && l.cfg.Compression > 0 {
		o.deflate, _ = gzip.NewWriterLevel(o.socket, l.cfg.Compression) // the level was checked
	}
	return o
}

// put encodes m behind what waits already.
func (o *outbox) put(ctx context.Context, m *wire.Message) (uint64, error) {
	o.mu.Lock()
	for o.err == nil && len(o.pending) > o.link.cfg.SendQueue {
		if err := o.awaitRoom(ctx); err != nil {
			o.mu.Unlock()
			return 0, err
		}
	}
	if o.err != nil {
		defer o.mu.Unlock()
		return 0, fmt.Errorf("%w: %w", conn.ErrNotSent, o.err)
	}
	if len(o.pending) == 0 {
		o.pending = append(o.pending, make([]byte, headRoom)...)
	}
	length := len(o.pending)
	frames, err := wire.Append(o.pending, m)
	if err != nil {
		o.pending = frames[:length]
		o.mu.Unlock()
		return 0, fmt.Errorf("%w: %w", conn.ErrNotSent, err)
	}
	o.pending = frames
	o.number++
	number, start := o.number, !o.writing
	o.writing = true
	if start {
		o.link.wg.Add(1) // under the lock: not after stop, so not after Close waits
	}
	o.mu.Unlock()
	if start {
		go o.write()
	}
	return number, nil
}

// awaitRoom gives up the lock while it waits.
func (o *outbox) awaitRoom(ctx context.Context) error {
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

// stop lets nothing be written any more. The first reason counts.
func (o *outbox) stop(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
		close(o.room)
		o.tellIdle()
	}
}

// tellIdle wakes who waits in flush; mu is held.
func (o *outbox) tellIdle() {
	if o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
}

// write is the writer: it ends when nothing is left.
func (o *outbox) write() {
	defer o.link.wg.Done()
	var batch []byte
	for {
		batch = o.take(batch)
		if batch == nil {
			return
		}
		if err := o.send(batch); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = fmt.Errorf("%w: nothing was taken for %v", conn.ErrTimeout, o.socket.limit)
			}
			o.stop(o.link.fail(o.link.lost(err), o.link.drain()))
			batch = nil
		}
	}
}

// take returns all that waits, and gives the buffer of the last batch back.
func (o *outbox) take(last []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if last != nil && cap(last) <= keepBuffer {
		o.spare = last[:0]
	}
	if len(o.pending) <= headRoom || o.err != nil {
		o.writing = false
		o.tellIdle()
		return nil
	}
	batch := o.pending
	o.pending, o.spare = o.spare, nil
	o.written.Store(o.number)
	close(o.room)
	o.room = make(chan struct{})
	return batch
}
