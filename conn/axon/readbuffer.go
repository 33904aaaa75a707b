package axon

import (
	"io"
	"sync"

	"github.com/xcraft-go/xbus/wire"
)

// A readBuffer holds what has been read from a socket and was not used yet. It
// is small while little comes, so that a thousand idle links cost little, and
// large while much comes, so that a read brings many frames.
type readBuffer struct {
	src        io.Reader
	buf        []byte
	start, end int   // what is there
	recent     int   // bytes that the last read has brought
	err        error // of the source; told when nothing is there any more
}

const (
	smallRead = 1 << 10
	largeRead = 64 << 10
	maxEmpty  = 100 // reads without bytes before giving up
)

// largeReads are buffers that no link has at present.
var largeReads = sync.Pool{New: func() any { return new([largeRead]byte) }}

// Lend implements [wire.Lender].
func (b *readBuffer) Lend() ([]byte, error) {
	if b.start == b.end {
		if err := b.fill(); err != nil {
			return nil, err
		}
	}
	return b.buf[b.start:b.end], nil
}

// Skip implements [wire.Lender].
func (b *readBuffer) Skip(n int) { b.start += n }

// Read implements [io.Reader].
func (b *readBuffer) Read(p []byte) (int, error) { return readLent(b, p) }

// readLent reads from what lends.
func readLent(l wire.Lender, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := l.Lend()
	n := copy(p, b)
	l.Skip(n)
	return n, err
}

// ReadByte implements [io.ByteReader], which an inflate needs in order to read no
// further than its own end.
func (b *readBuffer) ReadByte() (byte, error) {
	if b.start == b.end {
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	b.start++
	return b.buf[b.start-1], nil
}

// Peek returns the next n bytes, which stay valid until the next read. There are
// fewer only with an error. n is at most smallRead.
func (b *readBuffer) Peek(n int) ([]byte, error) {
	for b.end-b.start < n {
		if err := b.fill(); err != nil {
			return b.buf[b.start:b.end], err
		}
	}
	return b.buf[b.start : b.start+n], nil
}

// take is Peek, and moves on.
func (b *readBuffer) take(n int) ([]byte, error) {
	bytes, err := b.Peek(n)
	if err == nil {
		b.start += n
	}
	return bytes, err
}

// fill reads more behind what is there.
func (b *readBuffer) fill() error {
	if b.start == b.end {
		b.fit()
	} else if b.start > 0 {
		copy(b.buf, b.buf[b.start:b.end])
	}
	b.start, b.end = 0, b.end-b.start
	for range maxEmpty {
		if b.err != nil {
			return b.err
		}
		b.recent, b.err = b.src.Read(b.buf[b.end:])
		if b.end += b.recent; b.recent > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}

// fit chooses the buffer for the next read by what the last one has brought;
// nothing is in it.
func (b *readBuffer) fit() {
	large := b.recent >= smallRead
	switch {
	case large && len(b.buf) < largeRead:
		b.buf = largeReads.Get().(*[largeRead]byte)[:]
	case !large && len(b.buf) == largeRead:
		b.release()
		fallthrough
	case b.buf == nil:
		b.buf = make([]byte, smallRead)
	}
}

// release gives a large buffer back. What is in it is lost.
func (b *readBuffer) release() {
	if len(b.buf) == largeRead {
		largeReads.Put((*[largeRead]byte)(b.buf))
	}
	b.buf, b.start, b.end = nil, 0, 0
}
