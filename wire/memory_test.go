package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"weak"
)

// watched is a source that looks at the memory of its Reader at each read.
type watched struct {
	io.Reader
	r    *Reader
	read int
	peak int // of what exceeds the free allowance
}

func (w *watched) Read(p []byte) (int, error) {
	if part := w.r.part.bytes; cap(part) > freeRoom && cap(part) > 2*len(part) {
		w.peak = max(w.peak, cap(part))
	}
	n, err := w.Reader.Read(p)
	w.read += n
	return n, err
}

// All sizes around those of the pieces, in all ways of cutting: each message is
// right, also when all others have been read.
func TestMessagesAreNeverOverwritten(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var want []*Message
	sizes := []int{10, 250, 2000, 5000, 66_000, 300_000}
	for i := range 300 {
		m := event(fmt.Sprintf("demo::event.%d", i), sizes[min(rng.IntN(len(sizes)*2), rng.IntN(len(sizes)))])
		switch rng.IntN(8) {
		case 0:
			m = Heartbeat()
		case 1:
			m.Chunk = bytes.Repeat([]byte{byte(i)}, 1+rng.IntN(20_000))
		}
		want = append(want, m)
		stream = append(stream, mustAppend(t, m)...)
	}
	ways := map[string]func(io.Reader) io.Reader{
		"at once":         func(r io.Reader) io.Reader { return r },
		"halves":          iotest.HalfReader,
		"error with data": iotest.DataErrReader,
		"segments": func(r io.Reader) io.Reader {
			return readerFunc(func(p []byte) (int, error) { return r.Read(p[:min(len(p), 1460)]) })
		},
		"at random": func(r io.Reader) io.Reader {
			return readerFunc(func(p []byte) (int, error) { return r.Read(p[:min(len(p), rng.IntN(9000))]) })
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			w := &watched{Reader: way(bytes.NewReader(stream))}
			w.r = NewReader(w, Limits{})
			got, err := readAll(w.r)
			if err != io.EOF || len(got) != len(want) {
				t.Fatalf("%d messages, then %v; want %d and EOF", len(got), err, len(want))
			}
			for i, m := range got {
				if !bytes.Equal(mustAppend(t, m), mustAppend(t, want[i])) {
					t.Fatalf("message %d is now %v, want %v", i, m, want[i])
				}
			}
			if w.peak > 0 {
				t.Errorf("a piece of %d bytes for less than half of it", w.peak)
			}
		})
	}
}

// What stands behind a part of a message belongs to others: an append to it
// must copy.
func TestPartsCannotGrowIntoEachOther(t *testing.T) {
	m := &Message{Topic: "demo.echo", Data: []byte(`{"a":1}`), Chunk: []byte("chunk"), Rare: &Rare{ARP: []byte(`{"b":2}`),
		Context: []byte(`{"c":3}`), Immu: []byte(`{}`), Shred: []byte(`{}`), Forwarding: []byte(`{}`), Route: []byte(`[]`)}}
	m = mustRead(t, mustAppend(t, m))
	for name, b := range map[string][]byte{
		"Data": m.Data, "ARP": m.ARP(), "Context": m.Context(), "Immu": m.Immu(), "Shred": m.Shred(),
		"Forwarding": m.Forwarding(), "Route": m.Route(), "Chunk": m.Chunk, "Raw": m.Raw(), "Member": m.Member("data"),
	} {
		if len(b) == 0 || cap(b) != len(b) {
			t.Errorf("%s has %d bytes and room for %d", name, len(b), cap(b))
		}
	}
	made := &Message{Topic: "a::b", Rare: &Rare{Extra: append(make([]byte, 0, 99), `"a":1`...)}}
	one, two := made.Edit(), made.Edit()
	one.Rare.Extra = append(one.Extra(), `,"one":1`...)
	two.Rare.Extra = append(two.Extra(), `,"two":2`...)
	if string(one.Extra()) != `"a":1,"one":1` {
		t.Errorf("an edit of another copy has changed Extra to %s", one.Extra())
	}
}

// Who keeps a small message keeps no large one alive, though they came together.
func TestKeepingOneMessageKeepsOnlyItsPiece(t *testing.T) {
	var stream []byte
	const n = 40
	for range n {
		stream = append(stream, mustAppend(t, event("a::small", 10))...)
		stream = append(stream, mustAppend(t, event("a::large", 400_000))...)
	}
	r := NewReader(bytes.NewReader(stream), Limits{})
	var kept []*Message
	var large []weak.Pointer[byte]
	for range n {
		small, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, small)
		large = append(large, weak.Make(&m.Data[0]))
	}
	runtime.GC()
	alive := 0
	for _, p := range large {
		if p.Value() != nil {
			alive++
		}
	}
	if alive > 2 { // the present piece, and what a register may still hold
		t.Errorf("%d of %d large messages are kept alive by small ones", alive, n)
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(r)
}

func TestAnnouncedSizesAreNotAllocated(t *testing.T) {
	announce := func(length string) []byte { return unhex(t, "2241584f4e00000003733a61"+length) }
	t.Run("beyond the limit", func(t *testing.T) {
		r := NewReader(bytes.NewReader(announce("ffffffff")), Limits{})
		_, err := r.Next()
		if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "4294967295") {
			t.Errorf("%v, want ErrTooLarge", err)
		}
		if size := cap(r.part.bytes) + cap(r.memory.piece); size > 0 {
			t.Errorf("%d bytes taken", size)
		}
	})
	t.Run("without limit", func(t *testing.T) {
		body := bytes.Repeat([]byte(" "), 1_000_000)
		w := &watched{Reader: io.MultiReader(bytes.NewReader(announce("ffffffff")), bytes.NewReader(body))}
		w.r = NewReader(w, Limits{MaxFrame: -1})
		if _, err := w.r.Next(); !errors.Is(err, ErrTruncated) {
			t.Errorf("%v, want ErrTruncated", err)
		}
		if size := cap(w.r.part.bytes); w.peak > 0 || size > 2*w.read {
			t.Errorf("%d bytes of memory for %d that came", size, w.read)
		}
	})
	t.Run("the topic", func(t *testing.T) {
		r := NewReader(bytes.NewReader(unhex(t, "2241584f4e00100000733a61")), Limits{})
		if _, err := r.Next(); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v, want ErrTooLarge before the topic has come", err)
		}
	})
}

// After something large, memory goes back to what small messages need.
func TestMemoryShrinksAgain(t *testing.T) {
	large := mustAppend(t, event("a::large", 3_000_000))
	small := mustAppend(t, event("a::small", 100))
	stream := append(bytes.Clone(large), bytes.Repeat(small, 20_000)...)
	r := NewReader(bytes.NewReader(stream), Limits{})
	if _, err := readAll(r); err != io.EOF {
		t.Fatal(err)
	}
	if size := cap(r.part.bytes) + cap(r.memory.piece); size > maxPiece+maxSmall {
		t.Errorf("%d bytes for small messages, want at most %d", size, maxPiece+maxSmall)
	}

	// A heartbeat may bring arguments that nobody looks at.
	frame, err := AppendFrame(nil, ArgString(TopicHeartbeat), ArgBlob(make([]byte, 3_000_000)))
	if err != nil {
		t.Fatal(err)
	}
	stream = append(frame, mustAppend(t, Heartbeat())...)
	r = NewReader(bytes.NewReader(stream), Limits{})
	if got, err := readAll(r); err != io.EOF || len(got) != 2 {
		t.Fatal(len(got), err)
	}
	if size := cap(r.part.bytes) + cap(r.memory.piece); size > maxSmall {
		t.Errorf("%d bytes kept for heartbeats", size)
	}
}

func TestAllocationsOfASteadyStream(t *testing.T) {
	for _, c := range []struct {
		name string
		m    *Message
		runs int
		most float64
	}{
		{"heartbeat", Heartbeat(), 1000, 0},
		{"300 B", benchEvent(300), 2000, 0.1},
		{"1 KB", benchEvent(1 << 10), 1000, 0.1},
		{"64 KB", benchEvent(64 << 10), 50, 2},
	} {
		r := NewReader(&repeat{data: mustAppend(t, c.m), step: 16 << 10}, Limits{})
		next := func() {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		perRun := testing.AllocsPerRun(1, func() { // once before it counts
			for range c.runs {
				next()
			}
		})
		if got := perRun / float64(c.runs); got > c.most {
			t.Errorf("%s: %.3f allocations a message, want at most %.1f", c.name, got, c.most)
		}
	}
}

// Between messages nothing new is needed for heartbeats.
func TestHeartbeatsUseTheSameMemory(t *testing.T) {
	stream := append(mustAppend(t, event("a::b", 100)), bytes.Repeat(mustAppend(t, Heartbeat()), 50_000)...)
	r := NewReader(&repeat{data: stream, step: 500}, Limits{})
	for range 50_001 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if r.memory.pieces > 2 {
		t.Errorf("%d pieces of memory for heartbeats", r.memory.pieces)
	}
}
