package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
)

// chunked is a message with a chunk of this length.
func chunked(i, length int) *Message {
	m := event(fmt.Sprintf("demo::chunk.%d", i), 100)
	m.Chunk = bytes.Repeat([]byte{byte(i), byte(i >> 8), 0xff}, length/3+1)[:length]
	return m
}

// Chunks of all sizes, whose memory is given back at once or kept, among other
// messages and cut in all ways.
func TestChunksWithMemoryOfTheirOwn(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	sizes := []int{1, 500, ChunkSize / 2, ChunkSize/2 + 1, ChunkSize - 1, ChunkSize, ChunkSize, ChunkSize, chunkRoom, 2 * ChunkSize}
	var stream []byte
	var want []*Message
	for i := range 120 {
		m := chunked(i, sizes[rng.IntN(len(sizes))])
		switch rng.IntN(6) {
		case 0:
			m = event("demo::event", rng.IntN(5000))
		case 1:
			m = Heartbeat()
		}
		want = append(want, m)
		stream = append(stream, mustAppend(t, m)...)
	}
	for name, cut := range map[string]func(io.Reader) io.Reader{
		"at once":         func(r io.Reader) io.Reader { return r },
		"halves":          iotest.HalfReader,
		"error with data": iotest.DataErrReader,
		"at random": func(r io.Reader) io.Reader {
			return readerFunc(func(p []byte) (int, error) { return r.Read(p[:min(len(p), rng.IntN(90_000))]) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(cut(bytes.NewReader(stream)), Limits{})
			kept := make(map[int][]byte)
			apart := 0
			for i, m := range want {
				got, err := r.Next()
				if err != nil || got.Topic != m.Topic || !bytes.Equal(got.Data, m.Data) || !bytes.Equal(got.Chunk, m.Chunk) {
					t.Fatalf("message %d: %v, or not what was sent", i, err)
				}
				if cap(got.Chunk) == chunkRoom && len(got.Chunk) <= ChunkSize {
					apart++
				}
				if i%3 == 0 {
					kept[i] = got.Chunk
				} else {
					FreeChunk(got.Chunk)
				}
			}
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
			for i, chunk := range kept {
				if !bytes.Equal(chunk, want[i].Chunk) {
					t.Errorf("the chunk of message %d was written to", i)
				}
			}
			if apart < 20 {
				t.Errorf("%d chunks had memory of their own", apart)
			}
		})
	}
}

// A steady stream of chunks that are given back needs no new memory.
func TestChunksUseTheSameMemory(t *testing.T) {
	r := NewReader(&repeat{data: mustAppend(t, chunked(1, ChunkSize)), step: 64 << 10}, Limits{})
	var seen []*byte
	for range 50 {
		m, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if first := &m.Chunk[0]; !slices.Contains(seen, first) {
			seen = append(seen, first)
		}
		FreeChunk(m.Chunk)
	}
	if len(seen) > 40 { // a pool may lose some; without one there are 50
		t.Errorf("%d chunks for 50 messages", len(seen))
	}
	if r.memory.pieces > 12 {
		t.Errorf("%d pieces for what stands before 50 chunks", r.memory.pieces)
	}
}

// Who announces a large chunk and sends nothing of it gets no memory for it.
func TestAChunkThatIsAnnouncedOnly(t *testing.T) {
	frame := mustAppend(t, chunked(1, ChunkSize))
	r := NewReader(bytes.NewReader(frame[:len(frame)-ChunkSize]), Limits{})
	if _, err := r.Next(); !errors.Is(err, ErrTruncated) {
		t.Errorf("got %v", err)
	}
	if room := cap(r.part.bytes); room > 2*firstPiece {
		t.Errorf("%d bytes for it", room)
	}
}

// An end inside of a chunk that has memory of its own is an end inside of a frame.
func TestAnEndInsideOfAChunk(t *testing.T) {
	frame := mustAppend(t, chunked(1, ChunkSize))
	stream := slices.Concat(frame, frame, frame[:len(frame)-1000])
	r := NewReader(bytes.NewReader(stream), Limits{})
	for range 2 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.Next()
	var format *FormatError
	if !errors.As(err, &format) || format.Reason != ErrTruncated || format.Offset != int64(2*len(frame)) {
		t.Errorf("got %v", err)
	}
	broken := errors.New("the socket is broken")
	r = NewReader(io.MultiReader(bytes.NewReader(stream), iotest.ErrReader(broken)), Limits{})
	for range 2 {
		_, _ = r.Next()
	}
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestFreeChunkTakesOnlyItsOwn(t *testing.T) {
	own := NewChunk()
	for name, chunk := range map[string][]byte{
		"nothing":            nil,
		"small":              make([]byte, 10),
		"of the same length": make([]byte, ChunkSize),
		"a little longer":    make([]byte, chunkRoom),
		"a shared one":       ShareChunk(own),
		"a part":             own[1:],
	} {
		for i := range chunk {
			chunk[i] = 1
		}
		FreeChunk(chunk)
		for range 20 {
			if got := NewChunk(); len(chunk) > 0 && (&got[0] == &chunk[0] || &got[len(got)-1] == &chunk[len(chunk)-1]) {
				t.Errorf("%s: it is used again", name)
			}
		}
	}
}

func TestAppendBeforeChunk(t *testing.T) {
	m := chunked(1, 1000)
	before, err := AppendBeforeChunk(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	if want := mustAppend(t, m); !bytes.Equal(append(before, m.Chunk...), want) {
		t.Error("it is not the beginning of the frame")
	}
	m.Chunk = []byte("s:taken for a string")
	if got, err := AppendBeforeChunk([]byte("x"), m); !errors.Is(err, ErrChunk) || string(got) != "x" {
		t.Errorf("got %q, %v", got, err)
	}
}
