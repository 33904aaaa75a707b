package wire

import "sync"

// ChunkSize is how large a chunk of NewChunk is.
const ChunkSize = 256 << 10

// chunkRoom is the capacity of the memory of NewChunk, which no other chunk of at
// most ChunkSize has: it marks what may be given back.
const chunkRoom = ChunkSize + 1

var chunks = sync.Pool{New: func() any { return new([chunkRoom]byte) }}

// NewChunk returns memory for the chunk of a message, with anything in it. A
// Reader puts large chunks into such memory.
//
// It has one owner. Who hands it on to one other who takes it over, as the chunk
// of a message, gives it away; who lets several look at it marks it by
// [ShareChunk]. It need not be given back.
func NewChunk() []byte { return chunks.Get().(*[chunkRoom]byte)[:ChunkSize] }

// FreeChunk gives the memory of a chunk back, at which nobody looks any more. It
// leaves all others alone than those of NewChunk that are not shared.
func FreeChunk(chunk []byte) {
	if cap(chunk) == chunkRoom && len(chunk) <= ChunkSize {
		chunks.Put((*[chunkRoom]byte)(chunk[:chunkRoom]))
	}
}

// ShareChunk returns a chunk that FreeChunk leaves alone.
func ShareChunk(chunk []byte) []byte { return chunk[:len(chunk):len(chunk)] }
