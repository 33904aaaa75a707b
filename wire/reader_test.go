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

// event is a message for tests, with a payload of that many bytes.
func event(topic string, size int) *Message {
	m := &Message{Topic: topic, ID: NewID(), OrcName: "demo", Token: benchToken}
	m.Data = []byte(`"` + strings.Repeat("x", size) + `"`)
	return m
}

// watched is a source that looks at the memory of its Reader at each read.
type watched struct {
	io.Reader
	r    *Reader
	read int
	peak int // of what exceeds the free allowance
}

func (w *watched) Read(p []byte) (int, error) {
	if size := len(w.r.in.buf); size > largePiece && size > 2*w.r.in.pending() {
		w.peak = max(w.peak, size)
	}
	n, err := w.Reader.Read(p)
	w.read += n
	return n, err
}

func readAll(r *Reader) (messages []*Message, err error) {
	for {
		m, err := r.Next()
		if err != nil {
			return messages, err
		}
		messages = append(messages, m)
	}
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

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// What stands behind a part of a message belongs to others: an append to it
// must copy.
func TestPartsCannotGrowIntoEachOther(t *testing.T) {
	m := &Message{Topic: "demo.echo", Data: []byte(`{"a":1}`), ARP: []byte(`{"b":2}`), Context: []byte(`{"c":3}`),
		Immu: []byte(`{}`), Shred: []byte(`{}`), Forwarding: []byte(`{}`), Route: []byte(`[]`), Chunk: []byte("chunk")}
	m = mustRead(t, mustAppend(t, m))
	for name, b := range map[string][]byte{
		"Data": m.Data, "ARP": m.ARP, "Context": m.Context, "Immu": m.Immu, "Shred": m.Shred,
		"Forwarding": m.Forwarding, "Route": m.Route, "Chunk": m.Chunk, "Raw": m.Raw(), "Member": m.Member("data"),
	} {
		if len(b) == 0 || cap(b) != len(b) {
			t.Errorf("%s has %d bytes and room for %d", name, len(b), cap(b))
		}
	}
	made := &Message{Topic: "a::b", Extra: append(make([]byte, 0, 99), `"a":1`...)}
	one, two := made.Edit(), made.Edit()
	one.Extra = append(one.Extra, `,"one":1`...)
	two.Extra = append(two.Extra, `,"two":2`...)
	if string(one.Extra) != `"a":1,"one":1` {
		t.Errorf("an edit of another copy has changed Extra to %s", one.Extra)
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
		if len(r.in.buf) > firstPiece {
			t.Errorf("%d bytes taken", len(r.in.buf))
		}
	})
	t.Run("without limit", func(t *testing.T) {
		body := bytes.Repeat([]byte(" "), 1_000_000)
		w := &watched{Reader: io.MultiReader(bytes.NewReader(announce("ffffffff")), bytes.NewReader(body))}
		w.r = NewReader(w, Limits{MaxFrame: -1})
		if _, err := w.r.Next(); !errors.Is(err, ErrTruncated) {
			t.Errorf("%v, want ErrTruncated", err)
		}
		if size := len(w.r.in.buf); w.peak > 0 || size > 2*w.read {
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

func TestLimits(t *testing.T) {
	frame := mustAppend(t, event("demo::large", 100))
	topic := len("demo::large")
	for _, c := range []struct {
		name   string
		limits Limits
		fits   bool
	}{
		{"standard", Limits{}, true},
		{"none", Limits{-1, -1}, true},
		{"frame, exactly", Limits{MaxFrame: len(frame)}, true},
		{"frame, one less", Limits{MaxFrame: len(frame) - 1}, false},
		{"topic, exactly", Limits{MaxTopic: topic}, true},
		{"topic, one less", Limits{MaxTopic: topic - 1}, false},
	} {
		_, err := NewReader(bytes.NewReader(frame), c.limits).Next()
		if (err == nil) != c.fits || err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
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
	if len(r.in.buf) > maxPiece {
		t.Errorf("a piece of %d bytes for small messages, want at most %d", len(r.in.buf), maxPiece)
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
	if len(r.in.buf) > largePiece {
		t.Errorf("%d bytes kept for heartbeats", len(r.in.buf))
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
	if r.in.pieces > 2 {
		t.Errorf("%d pieces of memory for heartbeats", r.in.pieces)
	}
}

func TestLoneTopics(t *testing.T) {
	for _, c := range []struct {
		topic  string
		reason error
	}{
		{TopicHeartbeat, nil},
		{TopicGameOver, nil},
		{"demo::a", ErrEnvelope},
		{"", ErrTopic},
	} {
		frame, err := AppendFrame(nil, ArgString(c.topic))
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewReader(bytes.NewReader(frame), Limits{}).Next()
		if !errors.Is(err, c.reason) {
			t.Errorf("%q: %v, want %v", c.topic, err, c.reason)
		}
		if err == nil && (m.Topic != c.topic || !m.Bare || m.Raw() != nil) {
			t.Errorf("%q: read as %#v", c.topic, m)
		}
	}
}

func TestThirdArgument(t *testing.T) {
	envelope := ArgJSON([]byte(`{"data":{"chunk":null}}`))
	for _, chunk := range []string{"", "bytes", "s:text", "j:{}", "j:broken", "b:1"} {
		frame, err := AppendFrame(nil, ArgString("a::b"), envelope, ArgBlob([]byte("")), ArgString("more"))
		if err != nil {
			t.Fatal(err)
		}
		frame = bytes.Replace(frame, []byte("\x00\x00\x00\x00"), append([]byte{0, 0, 0, byte(len(chunk))}, chunk...), 1)
		m := mustRead(t, frame)
		if m.Chunk == nil || string(m.Chunk) != chunk {
			t.Errorf("the chunk %q is read as %q", chunk, m.Chunk)
		}
	}
}

func TestBadMessages(t *testing.T) {
	const token = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		name   string
		args   []Arg
		reason error
		says   string
	}{
		{"topic is JSON", []Arg{ArgJSON([]byte(`"a"`)), ArgJSON([]byte(`{}`))}, ErrTopic, "not a string"},
		{"topic is a blob", []Arg{ArgBlob([]byte("a::b")), ArgJSON([]byte(`{}`))}, ErrTopic, "not a string"},
		{"topic is empty", []Arg{ArgString(""), ArgJSON([]byte(`{}`))}, ErrTopic, "empty"},
		{"message is null", []Arg{ArgString("a::b"), ArgJSON([]byte(`null`))}, ErrEnvelope, "not a JSON object"},
		{"message is a list", []Arg{ArgString("a::b"), ArgJSON([]byte(`[]`))}, ErrEnvelope, "not a JSON object"},
		{"message is empty", []Arg{ArgString("a::b"), ArgJSON(nil)}, ErrEnvelope, "not a JSON object"},
		{"message is a string", []Arg{ArgString("a::b"), ArgString(`{}`)}, ErrEnvelope, "not a JSON object"},
		{"message is a blob", []Arg{ArgString("a::b"), ArgBlob([]byte(`{}`))}, ErrEnvelope, "not a JSON object"},
		{"message is broken", []Arg{ArgString("a::b"), ArgJSON([]byte(`{"a":1,}`))}, ErrEnvelope, "at byte 7"},
		{"message is cut", []Arg{ArgString("a::b"), ArgJSON([]byte(`{"a":`))}, ErrEnvelope, "ends early"},
		{"two messages", []Arg{ArgString("a::b"), ArgJSON([]byte(`{} {}`))}, ErrEnvelope, "follows"},
		{"with a token", []Arg{ArgString("Grom@" + token + "::b"), ArgJSON([]byte(`0`))}, ErrEnvelope, "Grom@0123…::b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			good := mustAppend(t, event("a::good", 10))
			frame, err := AppendFrame(bytes.Clone(good), c.args...)
			if err != nil {
				t.Fatal(err)
			}
			r := NewReader(bytes.NewReader(frame), Limits{})
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			m, err := r.Next()
			f, _ := errors.AsType[*FormatError](err)
			if m != nil || f == nil || !errors.Is(err, c.reason) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, %v; want %v that says %q", m, err, c.reason, c.says)
			}
			where := fmt.Sprintf("at byte %d of the stream", len(good))
			if f.Offset != int64(len(good)) || !strings.Contains(err.Error(), where) {
				t.Errorf("%v does not say %q", err, where)
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("%v shows a token", err)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("then %v, want the same error", again)
			}
			if _, again := r.Frame(); again != err {
				t.Errorf("then %v, want the same error", again)
			}
		})
	}
}

func TestWrongProtocols(t *testing.T) {
	for first, says := range map[string]string{
		"\x1f\x8b\x08\x00\x00\x00": "gzip",
		"\x16\x03\x01\x00\x05\x01": "TLS",
		"\x15\x03\x03\x00\x02\x02": "TLS",
		"HTTP/1.1 400":             "HTTP",
		"GET / HTTP/1.1":           "HTTP",
	} {
		_, err := NewReader(strings.NewReader(first), Limits{}).Next()
		if err == nil || !strings.Contains(err.Error(), "looks like "+says) {
			t.Errorf("%q: %v, want a hint at %s", first, err, says)
		}
	}
}

func TestEndsOfTheStream(t *testing.T) {
	frame := mustAppend(t, event("a::b", 20))
	cut := errors.New("cable cut")
	for n := range len(frame) + 1 {
		r := NewReader(bytes.NewReader(frame[:n]), Limits{})
		_, err := r.Next()
		switch {
		case n == 0 && err != io.EOF,
			n == len(frame) && err != nil,
			n > 0 && n < len(frame) && !errors.Is(err, ErrTruncated):
			t.Errorf("after %d of %d bytes: %v", n, len(frame), err)
		}
		if err == nil && r.Buffered() {
			t.Error("something is buffered behind the only frame")
		}

		r = NewReader(io.MultiReader(bytes.NewReader(frame[:n]), iotest.ErrReader(cut)), Limits{})
		if _, err := r.Next(); n < len(frame) && err != cut {
			t.Errorf("cut after %d bytes: %v, want the error of the source", n, err)
		}
	}

	r := NewReader(bytes.NewReader(append(bytes.Clone(frame), frame[:7]...)), Limits{})
	if _, err := r.Next(); err != nil || !r.Buffered() {
		t.Errorf("%v; want another frame that has begun", err)
	}

	silent := readerFunc(func([]byte) (int, error) { return 0, nil })
	if _, err := NewReader(silent, Limits{}).Next(); err != io.ErrNoProgress {
		t.Errorf("a source that gives nothing: %v, want ErrNoProgress", err)
	}
}

func TestTopicsThatAreNotUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"a\xff":               "a\ufffd",
		"a\xff\xfe":           "a\ufffd\ufffd",
		"\xe2\x82":            "\ufffd",       // the beginning of €
		"\xe2\x82z":           "\ufffdz",      // and something else
		"\xf0\x9f\x98":        "\ufffd",       // three of four bytes
		"\xf0\x9f\xff":        "\ufffd\ufffd", // two of four, and one that is never right
		"\xc0\xaf":            "\ufffd\ufffd", // too long a form
		"\xed\xa0\x80":        "\ufffd\ufffd\ufffd",
		"é\xe2\x82\xac\x80ok": "é€\ufffdok",
	} {
		frame := append(appendHead(nil, 2), 0, 0, 0, byte(2+len(in)), 's', ':')
		frame = append(append(frame, in...), "\x00\x00\x00\x04j:{}"...)
		if m := mustRead(t, frame); m.Topic != want {
			t.Errorf("%q is read as %q, want %q", in, m.Topic, want)
		}
		if a, err := ParseArg([]byte("s:" + in)); err != nil || string(a.Bytes) != want {
			t.Errorf("%q is read as %q, %v, want %q", in, a.Bytes, err, want)
		}
	}
}
