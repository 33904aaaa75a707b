package axon

import (
	"slices"
	"sync"

	"github.com/xcraft-go/xbus/wire"
)

// A backlog holds the frames that wait to be written, in batches that are
// written at once. Its zero value is empty.
type backlog struct {
	batches []batch // the last one grows
	size    int     // bytes in all of them
	recent  int     // bytes in the one that was taken last
	spare   []byte  // a buffer for the next batch
	encoder wire.Encoder
}

// A batch is some frames behind headRoom free bytes.
type batch struct {
	frames []byte
	chunk  []byte // the end of the last frame, where its sender has given it away
	last   uint64 // the number of the last message in it
}

const (
	// headRoom is left free before the frames for what stands in front of
	// them: the head of the gzip member, once, and of a stored block.
	headRoom  = len(endlessHead) + blockHead
	blockHead = 5
	maxBlock  = 65535

	// batchSize is where the next batch may begin: enough for the cost of a write
	// to vanish, and little enough for buffers to be used again.
	batchSize = 128 << 10
	// A link keeps a small buffer of its own; large ones are shared by all links.
	smallBuffer = 16 << 10
	largeBuffer = batchSize + 64<<10
	// envelopeSize is about what a message takes beside its fields.
	envelopeSize = 320
)

// memberHead begins a gzip member: no name, no time, unknown system.
const memberHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// endlessHead begins the one member of a link (protocol §2.3). In an extra field,
// which others pass over, it promises stored blocks only, and not to ask for a
// checksum at the end: its reader need keep neither a window nor a sum.
const (
	endlessHead = "\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x04\x00" + promise
	promise     = "XB\x00\x00"
)

// append encodes the message with this number behind the others.
func (b *backlog) append(m *wire.Message, number uint64) error {
	last := b.next(m.Size() + envelopeSize)
	frames, err := b.encoder.Append(last.frames, m)
	return b.came(last, frames, number, err)
}

// give is append for a message whose chunk is not copied but taken over.
func (b *backlog) give(m *wire.Message, number uint64) error {
	last := b.next(m.Size() - len(m.Chunk) + envelopeSize)
	frames, err := wire.AppendBeforeChunk(last.frames, m)
	if err == nil {
		last.chunk = m.Chunk
		b.size += len(m.Chunk)
	}
	return b.came(last, frames, number, err)
}

// next returns the batch for another message of this size.
func (b *backlog) next(size int) *batch {
	if n := len(b.batches); n == 0 || b.batches[n-1].isFull(size) {
		b.batches = append(b.batches, batch{frames: b.buffer()})
	}
	last := &b.batches[len(b.batches)-1]
	if want := len(last.frames) + size; want > cap(last.frames) {
		last.frames = b.grow(last.frames, want)
	}
	return last
}

// came notes what was appended to a batch, or that nothing was.
func (b *backlog) came(to *batch, frames []byte, number uint64, err error) error {
	length := len(to.frames)
	if err != nil {
		to.frames = frames[:length]
		return err
	}
	to.frames, to.last = frames, number
	b.size += len(frames) - length
	return nil
}

// isFull reports whether another message of this size begins the next batch: a
// buffer that is there is used up, since a peer that does not read has many.
func (b batch) isFull(size int) bool {
	return b.chunk != nil || len(b.frames) >= batchSize && len(b.frames)+size > cap(b.frames)
}

// empty reports whether nothing waits.
func (b *backlog) empty() bool { return b.size == 0 }

// pop removes the batch that has waited longest.
func (b *backlog) pop() batch {
	first := b.batches[0]
	b.batches = slices.Delete(b.batches, 0, 1)
	b.recent = len(first.frames)
	b.size -= b.recent - headRoom + len(first.chunk)
	return first
}

// shared holds large buffers between two bursts, until the collector wants them.
var shared = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// buffer returns headRoom bytes with room behind them: much of it when there is
// much traffic.
func (b *backlog) buffer() []byte {
	if b.recent > smallBuffer || len(b.batches) > 0 {
		return shared.Get().(*[largeBuffer]byte)[:headRoom]
	}
	buffer := slices.Grow(b.spare[:0], headRoom)
	b.spare = nil
	return buffer[:headRoom]
}

// grow makes room for a batch of this size, by one of the two kinds of buffers as
// long as they hold it: what has grown by itself would be used once.
func (b *backlog) grow(frames []byte, want int) []byte {
	switch {
	case want <= smallBuffer/4:
		return slices.Grow(frames, want-len(frames))
	case want <= smallBuffer:
		return append(make([]byte, 0, smallBuffer), frames...)
	case want <= largeBuffer && cap(frames) <= smallBuffer:
		b.spare = frames
		return append(shared.Get().(*[largeBuffer]byte)[:0], frames...)
	}
	return frames // the encoder makes the room
}

// giveBack takes a buffer for later. One that has grown beyond its kind is left
// to the collector.
func (b *backlog) giveBack(buffer []byte) {
	switch c := cap(buffer); {
	case c <= smallBuffer:
		b.spare = buffer
	case c == largeBuffer:
		shared.Put((*[largeBuffer]byte)(buffer[:c]))
	}
}
