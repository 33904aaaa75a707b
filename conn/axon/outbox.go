package axon

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// An outbox gathers the frames that are to be written. Whoever puts the first
// one starts the writer, which takes all that is queued in one write and ends
// when nothing is left: batches form by themselves under load, and an idle
// link has no writer.
type outbox struct {
	link *link

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
	o := &outbox{link: l, room: make(chan struct{})}
	if l.cfg.compressed && l.cfg.Compression > 0 {
		o.deflate, _ = gzip.NewWriterLevel(l.cfg.out, l.cfg.Compression) // the level was checked
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
		return 0, errors.Join(conn.ErrNotSent, o.err)
	}
	if len(o.pending) == 0 {
		o.pending = append(o.pending, make([]byte, headRoom)...)
	}
	length := len(o.pending)
	frames, err := wire.Append(o.pending, m)
	if err != nil {
		o.pending = frames[:length]
		o.mu.Unlock()
		return 0, errors.Join(conn.ErrNotSent, err)
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
		return errors.Join(&conn.Error{Op: "send", Addr: o.link.info.Remote, Reason: conn.ErrOverflow,
			Hint: "the hall takes commands more slowly than they come"}, conn.ErrNotSent, context.Cause(ctx))
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
		return nil
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
			err = o.link.lost(err)
			o.stop(err)
			o.link.fail(err, o.link.drain())
			return
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

// send writes one batch: headRoom bytes of room, then frames.
func (o *outbox) send(batch []byte) error {
	out := o.link.cfg.out
	out.SetWriteDeadline(time.Now().Add(o.link.cfg.WriteTimeout))
	frames := batch[headRoom:]
	switch {
	case !o.link.cfg.compressed:
		return writeAll(o.link, frames)
	case o.deflate != nil:
		if _, err := o.deflate.Write(frames); err != nil {
			return err
		}
		return o.deflate.Flush()
	case len(frames) <= maxBlock:
		return writeAll(o.link, o.storedInPlace(batch))
	}
	buffers := o.storedBlocks(frames)
	_, err := buffers.WriteTo(out)
	return err
}

// writeAll writes in pieces, so that the time-out is about progress and not
// about size.
func writeAll(l *link, b []byte) error {
	const piece = 1 << 20
	for len(b) > piece {
		if _, err := l.cfg.out.Write(b[:piece]); err != nil {
			return err
		}
		b = b[piece:]
		l.cfg.out.SetWriteDeadline(time.Now().Add(l.cfg.WriteTimeout))
	}
	_, err := l.cfg.out.Write(b)
	return err
}

// storedInPlace makes one stored block of a batch, in the room before it.
func (o *outbox) storedInPlace(batch []byte) []byte {
	begin := headRoom - blockHead
	putBlockHead(batch[begin:], len(batch)-headRoom)
	if !o.opened {
		o.opened = true
		begin -= len(memberHead)
		copy(batch[begin:], memberHead)
	}
	return batch[begin:]
}

// storedBlocks cuts frames into stored blocks, without copying them.
func (o *outbox) storedBlocks(frames []byte) net.Buffers {
	count := (len(frames) + maxBlock - 1) / maxBlock
	heads := make([]byte, count*blockHead)
	buffers := make(net.Buffers, 0, 2*count+1)
	if !o.opened {
		o.opened = true
		buffers = append(buffers, []byte(memberHead))
	}
	for len(frames) > 0 {
		n := min(len(frames), maxBlock)
		putBlockHead(heads, n)
		buffers = append(buffers, heads[:blockHead], frames[:n])
		heads, frames = heads[blockHead:], frames[n:]
	}
	return buffers
}

// putBlockHead writes the head of a stored block that is not the last one: the
// type, the length and its complement.
func putBlockHead(b []byte, n int) {
	b[0] = 0
	binary.LittleEndian.PutUint16(b[1:], uint16(n))
	binary.LittleEndian.PutUint16(b[3:], ^uint16(n))
}
