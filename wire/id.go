package wire

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
)

// IDLen is the length of a message id.
const IDLen = 36

// NewID returns a random UUID (version 4) in text form. Ids tell messages
// apart, they protect nothing: they come from the fast generator.
func NewID() string {
	s := slabs.Get().(*idSlab)
	if len(s.free) == 0 {
		s.free = make([]byte, idsTogether*IDLen)
	}
	id := s.free[:IDLen:IDLen]
	s.free = s.free[IDLen:]
	slabs.Put(s)
	PutID((*[IDLen]byte)(id))
	return alias(id) // nobody writes there any more
}

// An idSlab is memory for the next ids: one allocation for many. Who keeps an id
// for long keeps a KiB.
type idSlab struct{ free []byte }

const idsTogether = 28

var slabs = sync.Pool{New: func() any { return new(idSlab) }}

// PutID writes a new id into b.
func PutID(b *[IDLen]byte) {
	const version, variant = 0x4000, 1 << 63 // 4; that of RFC 9562
	high, low := rand.Uint64()&^0xf000|version, rand.Uint64()&^(3<<62)|variant
	middle, end := digits(uint32(high)), digits(uint32(low>>32))
	binary.BigEndian.PutUint64(b[0:], digits(uint32(high>>32)))
	b[8] = '-'
	binary.BigEndian.PutUint32(b[9:], uint32(middle>>32))
	b[13] = '-'
	binary.BigEndian.PutUint32(b[14:], uint32(middle))
	b[18] = '-'
	binary.BigEndian.PutUint32(b[19:], uint32(end>>32))
	b[23] = '-'
	binary.BigEndian.PutUint32(b[24:], uint32(end))
	binary.BigEndian.PutUint64(b[28:], digits(uint32(low)))
}

// digits are the eight hexadecimal digits of n, the first one in the highest byte.
func digits(n uint32) uint64 {
	w := uint64(n)
	w = (w | w<<16) & 0x0000ffff0000ffff
	w = (w | w<<8) & 0x00ff00ff00ff00ff
	w = (w | w<<4) & (ones * 0x0f)
	letters := (w + ones*6) >> 4 & ones // 1 where a digit is above 9
	return w + ones*'0' + letters*('a'-'0'-10)
}
