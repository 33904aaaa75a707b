package axon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"

	"github.com/xcraft-go/xbus/conn"
)

// errGzip: what a peer sent is no concatenation of gzip members.
var errGzip = errors.New("invalid gzip stream")

// An inflater turns the concatenation of gzip members that comes by a socket
// into bytes (protocol §2.3). Unlike a reader in multistream mode it hands out
// what it has before it asks for the head of the next member. Stored blocks are
// passed on without the window and the tables of an inflate, which are only
// made for a peer that really deflates.
type inflater struct {
	src  readBuffer
	next func(z *inflater) error // the present step; sets run when it has some
	run  []byte                  // lent, and not skipped yet
	err  error

	headCRC  uint32
	promised func() // called for a member that is endless; nil for nobody
	endless  bool   // the member has promised stored blocks whose sum is not needed
	size     uint32 // of the member, so far; not of an endless one
	crc      uint32

	block   int  // bytes left of a stored block; 0 where a block is compressed
	last    bool // it is the last one of the member
	window  window
	deflate io.ReadCloser // for members with compressed blocks
	plain   []byte        // what comes out of it
}

func newInflater(src io.Reader) *inflater {
	z := &inflater{src: readBuffer{src: src}}
	z.next = (*inflater).memberHead
	return z
}

// Lend implements [wire.Lender]: what stands in a stored block is lent where it
// was read. Errors other than those of the source wrap errGzip.
func (z *inflater) Lend() ([]byte, error) {
	for len(z.run) == 0 {
		if z.err != nil {
			return nil, z.err
		}
		z.err = z.next(z)
	}
	return z.run, nil
}

// Skip implements [wire.Lender].
func (z *inflater) Skip(n int) {
	z.account(z.run[:n])
	if z.block > 0 {
		z.src.Skip(n)
		z.block -= n
	}
	z.run = z.run[n:]
}

// Read implements [io.Reader].
func (z *inflater) Read(p []byte) (int, error) { return readLent(z, p) }

// account keeps what the rest of a member may ask for. A member that has promised
// to be endless asks for nothing.
func (z *inflater) account(p []byte) {
	if z.endless {
		return
	}
	z.crc = crc32.Update(z.crc, crc32.IEEETable, p)
	z.size += uint32(len(p))
	if z.block > 0 {
		z.window.keep(p)
	}
}

func (z *inflater) fail(detail string) error { return fmt.Errorf("%w: %s", errGzip, detail) }

// truncated makes an end inside of a member what it is.
func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

const (
	flagCRC = 1 << (iota + 1)
	flagExtra
	flagName
	flagComment
	flagReserved = 0xe0
)

// memberHead reads the head of the next member. Between two members the end of
// the stream is a proper end. What is no head is found at its first byte.
func (z *inflater) memberHead() error {
	const magic = "\x1f\x8b\x08"
	for i := range magic {
		start, err := z.src.Peek(i + 1)
		switch {
		case err != nil && i == 0:
			return err
		case err != nil:
			return truncated(err)
		case start[0] == tlsAlert && i == 0:
			return fmt.Errorf("%w (first byte 0x15)", conn.ErrTLSRequired)
		case start[i] != magic[i]:
			return z.fail(fmt.Sprintf("a member begins with % x", start))
		}
	}
	if err := z.readHead(); err != nil {
		return truncated(err)
	}
	z.size, z.crc = 0, 0
	z.window.reset()
	z.next = (*inflater).blockHead
	return nil
}

// readHead reads ten bytes and the options that they announce.
func (z *inflater) readHead() error {
	z.headCRC, z.endless = 0, false
	fixed, err := z.headBytes(10)
	if err != nil {
		return err
	}
	flags := fixed[3]
	if flags&flagReserved != 0 {
		return z.fail(fmt.Sprintf("a member with the flags %#02x", flags))
	}
	if flags&flagExtra != 0 {
		length, err := z.headBytes(2)
		if err != nil {
			return err
		}
		if err := z.skipExtra(int(binary.LittleEndian.Uint16(length))); err != nil {
			return err
		}
	}
	for _, flag := range []byte{flagName, flagComment} {
		if flags&flag != 0 {
			if err := z.skipText(); err != nil {
				return err
			}
		}
	}
	if z.endless && z.promised != nil {
		z.promised()
	}
	if flags&flagCRC == 0 {
		return nil
	}
	want := uint16(z.headCRC)
	sum, err := z.headBytes(2)
	if err == nil && binary.LittleEndian.Uint16(sum) != want {
		err = z.fail("the head of a member has a wrong checksum")
	}
	return err
}

// headBytes reads a few bytes of a head, which stay valid until the next read.
func (z *inflater) headBytes(n int) ([]byte, error) {
	b, err := z.src.take(n)
	if err == nil {
		z.headCRC = crc32.Update(z.headCRC, crc32.IEEETable, b)
	}
	return b, err
}

// skipExtra passes the extra fields of a head, of which one has a meaning.
func (z *inflater) skipExtra(length int) error {
	z.endless = length == len(promise)
	for length > 0 {
		n := min(length, 512)
		b, err := z.headBytes(n)
		if err != nil {
			return err
		}
		z.endless = z.endless && string(b) == promise
		length -= n
	}
	return nil
}

// skipText passes a name or a comment, which ends with a zero.
func (z *inflater) skipText() error {
	const maxText = 64 << 10
	for range maxText {
		b, err := z.headBytes(1)
		if err != nil {
			return err
		}
		if b[0] == 0 {
			return nil
		}
	}
	return z.fail("a name or comment without end")
}

// blockHead looks at the next block, which begins on a byte. A stored one is
// read here; with any other the rest of the member goes to a real inflate.
func (z *inflater) blockHead() error {
	head, err := z.src.Peek(1)
	if err != nil {
		return truncated(err)
	}
	if z.endless && head[0] > 1 {
		return z.fail("a member that has promised stored blocks compresses")
	}
	if head[0]>>1&3 != 0 {
		z.startDeflate()
		return nil
	}
	b, err := z.src.take(blockHead)
	if err != nil {
		return truncated(err)
	}
	length := binary.LittleEndian.Uint16(b[1:])
	if length != ^binary.LittleEndian.Uint16(b[3:]) {
		return z.fail("a stored block with a wrong length")
	}
	z.block, z.last = int(length), b[0]&1 != 0
	z.next = (*inflater).stored
	return nil
}

func (z *inflater) stored() error {
	if z.block == 0 {
		z.next = (*inflater).blockHead
		if z.last {
			z.next = (*inflater).memberTail
		}
		return nil
	}
	there, err := z.src.Lend()
	z.run = there[:min(len(there), z.block)]
	return truncated(err)
}

// plainSize is how much of a compressed block is inflated at once.
const plainSize = 16 << 10

func (z *inflater) startDeflate() {
	if z.deflate == nil {
		z.deflate = flate.NewReaderDict(&z.src, z.window.bytes())
		z.plain = make([]byte, plainSize)
	} else {
		z.deflate.(flate.Resetter).Reset(&z.src, z.window.bytes())
	}
	z.next = (*inflater).deflated
}

func (z *inflater) deflated() error {
	n, err := z.deflate.Read(z.plain)
	z.run = z.plain[:n]
	var corrupt flate.CorruptInputError
	switch {
	case err == io.EOF:
		z.next, err = (*inflater).memberTail, nil
	case errors.As(err, &corrupt):
		err = z.fail(err.Error())
	}
	return err
}

// memberTail checks the sum and the size of a member. The end of a member is
// no reason to wait for the next one: see Read.
func (z *inflater) memberTail() error {
	tail, err := z.src.take(8)
	if err != nil {
		return truncated(err)
	}
	if !z.endless && (binary.LittleEndian.Uint32(tail[:4]) != z.crc || binary.LittleEndian.Uint32(tail[4:]) != z.size) {
		return z.fail("a wrong checksum or size")
	}
	z.next = (*inflater).memberHead
	return nil
}

// A window keeps the last bytes of the stored blocks of a member, for a
// compressed block that may refer to them. It grows with what comes.
type window struct {
	buf []byte
	pos int // the oldest byte, once buf is full
}

const windowSize = 32 << 10

func (w *window) reset() { w.buf, w.pos = w.buf[:0], 0 }

func (w *window) keep(p []byte) {
	if len(p) > windowSize {
		p = p[len(p)-windowSize:]
	}
	room := min(windowSize-len(w.buf), len(p))
	w.buf = append(w.buf, p[:room]...)
	for p = p[room:]; len(p) > 0; {
		n := copy(w.buf[w.pos:], p)
		w.pos = (w.pos + n) % windowSize
		p = p[n:]
	}
}

// bytes returns the content, oldest first.
func (w *window) bytes() []byte {
	if w.pos == 0 {
		return w.buf
	}
	return append(append(make([]byte, 0, windowSize), w.buf[w.pos:]...), w.buf[:w.pos]...)
}
