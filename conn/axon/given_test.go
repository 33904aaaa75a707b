package axon

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// withChunk is a message with a chunk of its own memory.
func withChunk(id string, fill byte, length int) *wire.Message {
	m := command(id, 10)
	m.Chunk = wire.NewChunk()[:length]
	for i := range m.Chunk {
		m.Chunk[i] = fill
	}
	return m
}

// Chunks that are given away arrive in their place, whatever a link makes of its
// frames, though their memory is used again at once.
func TestGivenChunks(t *testing.T) {
	for name, c := range map[string]struct {
		compressed bool
		level      int
	}{"plain": {}, "stored": {true, 0}, "deflated": {true, 6}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, _, commands := pipe(t, c.compressed, func(cfg *Config) { cfg.Compression = c.level })
				came := whatCame(commands)
				var want []byte
				for i := range 40 {
					m := withChunk(fmt.Sprint(i), byte(i), []int{1, maxBlock, wire.ChunkSize - 1, wire.ChunkSize}[i%4])
					want = append(want, framed(t, m)...)
					if _, err := l.SendChunk(t.Context(), m); err != nil {
						t.Fatal(err)
					}
					for range i % 3 {
						m := command("between", 10_000*(i%13))
						want = append(want, framed(t, m)...)
						send(t, l, m)
					}
					if i%5 == 0 { // or it goes into the queue
						synctest.Wait()
					}
				}
				if err := l.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if size := l.out.backlog.size; size != 0 {
					t.Errorf("%d bytes are left", size)
				}
				l.Close()
				got := <-came
				if c.compressed {
					z, err := gzip.NewReader(bytes.NewReader(got))
					if err != nil {
						t.Fatal(err)
					}
					if got, err = io.ReadAll(z); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%d bytes came that are not the %d that were sent", len(got), len(want))
				}
			})
		})
	}
}

// What waits of given chunks counts, and what cannot be sent leaves nothing.
func TestGivenChunksInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, _ := pipe(t, false, func(c *Config) { c.SendQueue = 2 * wire.ChunkSize })
		bad := withChunk("bad", ':', 10)
		bad.Chunk[0] = 's'
		if _, err := l.SendChunk(t.Context(), bad); !errors.Is(err, conn.ErrNotSent) || !errors.Is(err, wire.ErrChunk) {
			t.Errorf("a chunk that looks like a string: %v", err)
		}
		if n, err := l.SendChunk(t.Context(), withChunk("1", 1, 10)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		synctest.Wait() // the first one is being written, for ever
		for range 2 {
			if _, err := l.SendChunk(t.Context(), withChunk("2", 2, wire.ChunkSize)); err != nil {
				t.Fatal(err)
			}
		}
		if size := l.out.backlog.size; size < 2*wire.ChunkSize {
			t.Errorf("%d bytes in the queue, want those of the chunks too", size)
		}
	})
}
