package wire

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync"

	"github.com/google/uuid"
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
	var u uuid.UUID
	binary.LittleEndian.PutUint64(u[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(u[8:], rand.Uint64())
	u[6] = u[6]&0x0f | 0x40 // version 4
	u[8] = u[8]&0x3f | 0x80 // variant of RFC 9562
	hex.Encode(b[0:8], u[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], u[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], u[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], u[8:10])
	b[23] = '-'
	hex.Encode(b[24:], u[10:])
}
