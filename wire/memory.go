package wire

import (
	"strings"
	"unsafe"
)

// A memory keeps the bytes of small messages, many of them in one piece. Bytes
// that it has returned are never written to again; a piece that is full is left
// to those who look at it.
type memory struct {
	piece  []byte // as much of it as is in use
	size   int    // of the next piece
	pieces int    // how many there have been
}

const (
	firstPiece = 512
	maxPiece   = 28 << 10 // the largest one that does not take the allocator more work
	maxSmall   = 4 << 10  // what is larger has memory of its own
)

// reserve makes sure that n bytes fit into the present piece.
func (p *memory) reserve(n int) {
	if p.piece != nil && cap(p.piece)-len(p.piece) >= n {
		return
	}
	p.size = max(p.size, firstPiece)
	p.piece = fresh(max(p.size, n))
	p.size = min(2*p.size, maxPiece)
	p.pieces++
}

// keep returns a copy of b, which cannot grow into what stands behind it.
func (p *memory) keep(b []byte) []byte {
	if len(b) > maxSmall {
		return append([]byte(nil), b...)[:len(b):len(b)]
	}
	p.reserve(len(b))
	begin := len(p.piece)
	p.piece = append(p.piece, b...)
	return p.piece[begin:len(p.piece):len(p.piece)]
}

// A gathered frame is one of which not all has come in one place. Small ones use
// the same memory again.
type gathered struct {
	bytes  []byte // what has come
	recent int    // about the size of recent ones
}

// freeRoom is how much of a frame may be taken before it has come, where recent
// ones were as large.
const freeRoom = 256 << 10

// add appends what has come of a frame of this size. It makes room by what has
// come, whatever was announced: at most the double.
func (g *gathered) add(b []byte, size int) {
	if there := len(g.bytes) + len(b); there > cap(g.bytes) {
		room := min(size, max(2*there, min(g.recent, freeRoom)))
		g.bytes = append(fresh(max(there, room)), g.bytes...)
	}
	g.bytes = append(g.bytes, b...)
}

// take returns the frame and forgets it. Its memory is its own unless it is small.
func (g *gathered) take() (frame []byte, own bool) {
	frame, g.bytes = g.bytes, nil
	g.recent = max(len(frame), g.recent-g.recent/8)
	if cap(frame) <= maxSmall {
		g.bytes = frame[:0]
		return frame, false
	}
	return frame, true
}

// fresh returns no bytes with room for n. The room is not cleared, as that of make
// is: who takes it writes it first.
func fresh(n int) []byte {
	var b strings.Builder
	b.Grow(max(n, 1))
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), b.Cap())[:0:n]
}
