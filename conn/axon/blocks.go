package axon

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net"
	"os"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// send writes one batch.
func (o *outbox) send(b batch) error {
	frames := b.frames[headRoom:]
	var err error
	switch {
	case !o.link.cfg.compressed && b.chunk != nil:
		err = o.socket.writeBuffers(net.Buffers{frames, b.chunk})
	case !o.link.cfg.compressed:
		_, err = o.socket.Write(frames)
	case o.deflate != nil:
		_, err = o.deflate.Write(frames)
		if err == nil && b.chunk != nil {
			_, err = o.deflate.Write(b.chunk)
		}
		if err == nil {
			err = o.deflate.Flush()
		}
	case len(frames) <= maxBlock && b.chunk == nil:
		_, err = o.socket.Write(o.storedInPlace(b.frames))
		o.note(frames)
	default:
		err = o.writeBlocks(frames, b.chunk)
		o.note(frames)
		o.note(b.chunk)
	}
	return err
}

// note keeps what the end of the member says of it.
func (o *outbox) note(frames []byte) {
	if !o.link.promised.Load() {
		o.sum, o.size = crc32.Update(o.sum, crc32.IEEETable, frames), o.size+uint32(len(frames))
	}
}

// endMember ends the gzip member. A peer of the reference that finds the end of
// the socket right behind the last frames, because it was busy, would take them
// for a part of a broken member and throw them away. A peer of xbus takes what
// has come, and needs no end.
func (o *outbox) endMember() {
	o.socket.limit = endTime
	switch {
	case !o.link.cfg.compressed || o.link.promised.Load():
	case o.deflate != nil && o.written.Load() > 0:
		o.deflate.Close() // who is gone gets nothing
	case o.opened:
		tail := append(make([]byte, 0, blockHead+8), 1, 0, 0, 0xff, 0xff)
		tail = binary.LittleEndian.AppendUint32(tail, o.sum)
		o.socket.Write(binary.LittleEndian.AppendUint32(tail, o.size))
	}
}

// endTime is how long the end of a member may take to be written: a few bytes,
// behind what the system has taken already.
const endTime = 5 * time.Millisecond

// storedInPlace makes one stored block of a batch, in the room before it.
func (o *outbox) storedInPlace(batch []byte) []byte {
	begin := headRoom - blockHead
	putBlockHead(batch[begin:], len(batch)-headRoom)
	if !o.opened {
		o.opened = true
		begin -= len(endlessHead)
		copy(batch[begin:], endlessHead)
	}
	return batch[begin:]
}

// writeBlocks cuts what stands in several places into stored blocks and writes
// many at a time, without copying where the system can gather them.
func (o *outbox) writeBlocks(places ...[]byte) error {
	const together = 8
	heads := make([]byte, 0, together*blockHead)
	buffers := make(net.Buffers, 0, 2*together+1)
	if !o.opened {
		o.opened = true
		buffers = append(buffers, []byte(endlessHead))
	}
	for _, rest := range places {
		for len(rest) > 0 {
			if len(heads) == cap(heads) {
				if err := o.socket.writeBuffers(buffers); err != nil {
					return err
				}
				heads, buffers = heads[:0], buffers[:0]
			}
			n := min(len(rest), maxBlock)
			heads = heads[:len(heads)+blockHead]
			head := heads[len(heads)-blockHead:]
			putBlockHead(head, n)
			buffers = append(buffers, head, rest[:n])
			rest = rest[n:]
		}
	}
	return o.socket.writeBuffers(buffers)
}

// putBlockHead writes the head of a stored block that is not the last one: the
// type, the length and its complement.
func putBlockHead(b []byte, n int) {
	b[0] = 0
	binary.LittleEndian.PutUint16(b[1:], uint16(n))
	binary.LittleEndian.PutUint16(b[3:], ^uint16(n))
}

// A socketWriter gives up when the peer takes nothing within limit. It is about
// progress, not about size: a slow peer may take as long as it wants.
type socketWriter struct {
	socket net.Conn
	limit  time.Duration
}

// Write implements [io.Writer].
func (w socketWriter) Write(b []byte) (written int, err error) {
	const piece = 64 << 10 // of what is to be taken at once where nothing less is seen
	for err == nil && written < len(b) {
		rest := b[written:]
		if isTLS(w.socket) {
			rest = rest[:min(piece, len(rest))]
		}
		var n int
		w.socket.SetWriteDeadline(time.Now().Add(w.limit))
		n, err = w.socket.Write(rest)
		err = w.progress(int64(n), err)
		written += n
	}
	return written, err
}

// progress forgives a time-out during which something was taken. TLS does not
// go on after one.
func (w socketWriter) progress(n int64, err error) error {
	if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) && !isTLS(w.socket) {
		return nil
	}
	return err
}

// writeBuffers writes what stands in several places.
func (w socketWriter) writeBuffers(buffers net.Buffers) (err error) {
	if isTLS(w.socket) {
		return w.writeJoined(buffers)
	}
	for err == nil && len(buffers) > 0 {
		var n int64
		w.socket.SetWriteDeadline(time.Now().Add(w.limit))
		n, err = buffers.WriteTo(w.socket) // takes off what was written
		err = w.progress(n, err)
	}
	return err
}

// writeJoined copies, so that one record of TLS holds more than a head.
func (w socketWriter) writeJoined(buffers net.Buffers) error {
	joined := wire.NewChunk()
	defer wire.FreeChunk(joined)
	n := 0
	for _, rest := range buffers {
		for len(rest) > 0 {
			if n == len(joined) {
				if _, err := w.Write(joined); err != nil {
					return err
				}
				n = 0
			}
			took := copy(joined[n:], rest)
			n, rest = n+took, rest[took:]
		}
	}
	_, err := w.Write(joined[:n])
	return err
}
