package wire

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"github.com/google/uuid"
)

// IDLen is the length of a message id.
const IDLen = 36

// NewID returns a random UUID (version 4) in text form. Ids tell messages
// apart, they protect nothing: they come from the fast generator.
func NewID() string {
	var b [IDLen]byte
	PutID(&b)
	return string(b[:])
}

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
