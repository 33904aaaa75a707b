package axon

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// pipe makes a link and the ends that its peer has: events go into one, commands
// come out of the other. Both work in bubbles of synctest.
func pipe(t *testing.T, compressed bool, change ...func(*Config)) (l *link, events, commands net.Conn) {
	t.Helper()
	cfg := Config{}.withDefaults()
	for _, f := range change {
		f(&cfg)
	}
	in, events := net.Pipe()
	out, commands := net.Pipe()
	l = newLink(linkConfig{Config: cfg, in: in, out: out, compressed: compressed})
	l.start()
	t.Cleanup(func() {
		l.Close()
		events.Close()
		commands.Close()
	})
	return l, events, commands
}

// command makes a command whose frame is a little larger than size.
func command(id string, size int) *wire.Message {
	return &wire.Message{Topic: "demo.echo", ID: id, Data: []byte(`"` + strings.Repeat("x", size) + `"`)}
}

// framed is what command looks like on the wire.
func framed(t testing.TB, m *wire.Message) []byte {
	t.Helper()
	b, err := wire.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func send(t *testing.T, l *link, m *wire.Message) uint64 {
	t.Helper()
	n, err := l.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What waits while the writer is at work goes out together.
func TestMessagesFormBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, commands := pipe(t, false)
		var want []byte
		for i := range 100 {
			m := command(fmt.Sprint(i), 10)
			if n := send(t, l, m); n != uint64(i+1) {
				t.Fatalf("message %d has the number %d", i+1, n)
			}
			want = append(want, framed(t, m)...)
			synctest.Wait() // the first one is being written
		}
		if got := l.Info().Written; got != 1 {
			t.Errorf("%d messages were handed over, want the first", got)
		}
		sizes, got := 0, make([]byte, len(want)+1)
		for n := 0; n < len(want); sizes++ {
			k, err := commands.Read(got[n:]) // one write at most
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
		if sizes != 2 || !bytes.Equal(got[:len(want)], want) {
			t.Errorf("%d writes, want 2: one message, and all that came meanwhile", sizes)
		}
		synctest.Wait()
		if got := l.Info().Written; got != 100 {
			t.Errorf("%d messages were handed over", got)
		}
	})
}

// What was sent and not written has larger numbers than Written, for ever.
func TestNumbersOfWhatWasNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, commands := pipe(t, true)
		for i := range 10 {
			send(t, l, command(fmt.Sprint(i), 10))
			synctest.Wait()
		}
		l.Close()
		if got := l.Info().Written; got != 1 {
			t.Errorf("%d messages may have been written", got)
		}
		if got, _ := io.ReadAll(commands); len(got) != 0 {
			t.Errorf("the peer got %d bytes after the end", len(got))
		}
		if n, err := l.Send(t.Context(), command("x", 1)); n != 0 || !errors.Is(err, conn.ErrNotSent) || !errors.Is(err, conn.ErrClosed) {
			t.Errorf("after the end: %d, %v", n, err)
		}
		if got := l.Info().Written; got != 1 {
			t.Errorf("after that %d messages may have been written", got)
		}
	})
}

// What waits behind the batch that is being written does not count as written.
func TestNumbersOfBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, commands := pipe(t, false)
		for i := range 7 {
			send(t, l, command(fmt.Sprint(i), batchSize/2))
			synctest.Wait()
		}
		frames := wire.NewReader(commands, wire.Limits{})
		for _, want := range []uint64{1, 3, 3, 5, 5, 7, 7} { // one, then two in each batch
			if got := l.Info().Written; got != want {
				t.Errorf("%d messages may have been written, want %d", got, want)
			}
			if _, err := frames.Next(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
	})
}

// Whoever sends, the numbers are in the order of the wire.
func TestOrderOfConcurrentSenders(t *testing.T) {
	l, _, commands := pipe(t, true)
	const senders, each = 8, 200
	var mu sync.Mutex
	numbers := make(map[string]uint64)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				m := command(fmt.Sprintf("%d-%d", s, i), i)
				n, err := l.Send(context.Background(), m)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				numbers[m.ID] = n
				mu.Unlock()
			}
		})
	}
	frames := wire.NewReader(newInflater(commands), wire.Limits{})
	var order []string
	for range senders * each {
		m, err := frames.Next()
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, m.ID)
	}
	wg.Wait()
	for i, id := range order {
		if numbers[id] != uint64(i+1) {
			t.Fatalf("message %d on the wire has the number %d", i+1, numbers[id])
		}
	}
}

// finished ends an endless member of stored blocks, so that compress/gzip reads
// it and checks its sum.
func finished(member, plain []byte) []byte {
	member = append(member, 1, 0, 0, 0xff, 0xff)
	member = binary.LittleEndian.AppendUint32(member, crc32.ChecksumIEEE(plain))
	return binary.LittleEndian.AppendUint32(member, uint32(len(plain)))
}

// received reads n bytes of frames from what the link writes, and returns what
// came over the wire for them.
func received(t *testing.T, from io.Reader, n int) (raw []byte) {
	t.Helper()
	var tee bytes.Buffer
	z := newInflater(io.TeeReader(from, &tee))
	if _, err := io.ReadFull(z, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	return tee.Bytes()
}

// sizes of payloads around those of blocks and pieces.
var payloads = []int{0, 1, 1000, maxBlock - 200, maxBlock - 100, maxBlock, 65536, 2 * maxBlock, 4 * maxBlock, 4*maxBlock + 1, 5 << 20}

// What is written is one gzip member for everybody, whatever its size, and by
// whichever way of writing.
func TestStoredBlocks(t *testing.T) {
	for name, connect := range map[string]func(*testing.T) (*link, net.Conn){
		"gathered": func(t *testing.T) (*link, net.Conn) {
			l, _, commands := loopback(t, true)
			return l, commands
		},
		"joined": func(t *testing.T) (*link, net.Conn) {
			l, _, commands := pipe(t, true)
			return l, commands
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, commands := connect(t)
			var want []byte
			var messages []*wire.Message
			for i, size := range payloads {
				m := command(fmt.Sprint(i), size)
				want = append(want, framed(t, m)...)
				messages = append(messages, m)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for _, m := range messages {
					l.Send(context.Background(), m)
				}
			}()
			raw := received(t, commands, len(want))
			<-done
			r, err := gzip.NewReader(bytes.NewReader(finished(raw, want)))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
				t.Errorf("compress/gzip reads %d bytes, %v; want %d", len(got), err, len(want))
			}
			if overhead := len(raw) - len(want); overhead > 10+5*(len(payloads)+len(want)/maxBlock+1) {
				t.Errorf("%d bytes more than the frames", overhead)
			}
		})
	}
}

func TestCompressionOption(t *testing.T) {
	for _, level := range []int{1, 9} {
		l, _, commands := pipe(t, true, func(c *Config) { c.Compression = level })
		go func() {
			for i, size := range payloads[:len(payloads)-1] {
				l.Send(context.Background(), command(fmt.Sprint(i), size))
			}
		}()
		came := &counting{from: commands}
		frames := wire.NewReader(newInflater(came), wire.Limits{})
		plain := 0
		for i, size := range payloads[:len(payloads)-1] {
			m, err := frames.Next()
			if err != nil || m.ID != fmt.Sprint(i) || len(m.Data) != size+2 {
				t.Fatalf("level %d: message %d is %v, %v", level, i, m, err)
			}
			plain += size
		}
		if came.n > plain/20 {
			t.Errorf("level %d makes %d bytes of %d", level, came.n, plain)
		}
	}
}

type counting struct {
	from io.Reader
	n    int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += n
	return n, err
}

func TestAMessageThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, commands := pipe(t, false)
		for _, m := range []*wire.Message{{}, {Topic: "a\xff"}, {Topic: "a", Chunk: []byte{}}, {Topic: "a", Chunk: []byte("s:x")}} {
			if n, err := l.Send(t.Context(), m); n != 0 || !errors.Is(err, conn.ErrNotSent) {
				t.Errorf("%+v was sent: %d, %v", m, n, err)
			}
		}
		m := command("1", 10)
		if n := send(t, l, m); n != 1 {
			t.Errorf("the first message has the number %d", n)
		}
		got := make([]byte, len(framed(t, m)))
		if _, err := io.ReadFull(commands, got); err != nil || !bytes.Equal(got, framed(t, m)) {
			t.Errorf("the peer got %q, %v", got, err)
		}
	})
}
