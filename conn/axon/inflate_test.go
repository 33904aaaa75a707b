package axon

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/xcraft-go/xbus/conn"
)

// errDry ends a source that has no more to give for the time being: a reader
// that sees it has asked for more than it needed.
var errDry = errors.New("asked for more than has come")

// dry gives b, then errDry instead of an end.
func dry(b []byte) io.Reader { return io.MultiReader(bytes.NewReader(b), iotest.ErrReader(errDry)) }

// inflated returns what comes out of b, all at once and byte by byte, and how it
// ends, which must be the same.
func inflated(t *testing.T, b []byte, source func([]byte) io.Reader) ([]byte, error) {
	t.Helper()
	whole, err := io.ReadAll(newInflater(source(b)))
	single, singleErr := io.ReadAll(newInflater(iotest.OneByteReader(source(b))))
	if !bytes.Equal(whole, single) || errors.Is(err, errGzip) != errors.Is(singleErr, errGzip) || (err == nil) != (singleErr == nil) {
		t.Errorf("at once: %d bytes, %v; byte by byte: %d bytes, %v", len(whole), err, len(single), singleErr)
	}
	return whole, err
}

func TestGzipVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/gzip.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Name, Gzip, Plain, Error string }
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			packed, _ := hex.DecodeString(v.Gzip)
			plain, _ := hex.DecodeString(v.Plain)
			got, err := inflated(t, packed, dry)
			switch {
			case strings.HasPrefix(v.Name, "other bytes"):
				// The frame before them comes out here; the connection ends all the same.
				if !errors.Is(err, errGzip) || len(got) == 0 {
					t.Errorf("%d bytes, then %v", len(got), err)
				}
			case v.Error != "", strings.HasPrefix(v.Name, "zero bytes"):
				if !errors.Is(err, errGzip) || !bytes.Equal(got, plain) {
					t.Errorf("% x, then %v", got, err)
				}
			default:
				if err != errDry || !bytes.Equal(got, plain) {
					t.Errorf("% x, then %v", got, err)
				}
			}
		})
	}
}

// packed returns frames as gzip members.
func packed(level int, head gzip.Header, frames ...[]byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		panic(err)
	}
	for _, f := range frames {
		w.Reset(&out)
		w.Header = head
		w.Write(f)
		w.Close()
	}
	return out.Bytes()
}

// flushed returns frames as one member with a flush after each, closed or not.
func flushed(level int, closed bool, frames ...[]byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, level)
	for _, f := range frames {
		w.Write(f)
		w.Flush()
	}
	if closed {
		w.Close()
	}
	return out.Bytes()
}

// withHeadCRC gives a member without options a checksum of its head.
func withHeadCRC(member []byte, sum func(uint32) uint32) []byte {
	out := slices.Clone(member[:10])
	out[3] |= flagCRC
	out = binary.LittleEndian.AppendUint16(out, uint16(sum(crc32.ChecksumIEEE(out))))
	return append(out, member[10:]...)
}

func right(sum uint32) uint32 { return sum }
func wrong(sum uint32) uint32 { return sum + 1 }

// TestWhatPeersSend goes through the table of protocol §2.3.
func TestWhatPeersSend(t *testing.T) {
	a, b := []byte("!AXON first frame "), []byte(strings.Repeat("!AXON second frame ", 5000))
	both := slices.Concat(a, b)
	var bytewise [][]byte
	for i := range a {
		bytewise = append(bytewise, a[i:i+1])
	}
	options := gzip.Header{Name: "a name", Comment: "a comment", Extra: []byte("extra"), ModTime: time.Unix(1e9, 0), OS: 3}
	for _, test := range []struct {
		name string
		sent []byte
		want []byte
	}{
		{"a member for each frame", packed(6, gzip.Header{}, a, b), both},
		{"several frames in one member", packed(6, gzip.Header{}, both), both},
		{"a frame across two members", packed(6, gzip.Header{}, b[:777], b[777:]), b},
		{"one byte by member", packed(6, gzip.Header{}, bytewise...), a},
		{"level 0", packed(0, gzip.Header{}, a, b), both},
		{"level 1", packed(1, gzip.Header{}, a, b), both},
		{"level 9", packed(9, gzip.Header{}, a, b), both},
		{"Huffman only", packed(gzip.HuffmanOnly, gzip.Header{}, a, b), both},
		{"one endless member, flushed", flushed(6, false, a, b), both},
		{"one endless member, stored and flushed", flushed(0, false, a, b), both},
		{"a long member that ends, then others", append(flushed(6, true, a, b), packed(6, gzip.Header{}, a)...), slices.Concat(a, b, a)},
		{"empty members", slices.Concat(packed(6, gzip.Header{}, nil, nil, a), packed(0, gzip.Header{}, nil), packed(6, gzip.Header{}, b, nil)), both},
		{"name, extra, comment and time", packed(6, options, a, b), both},
		{"a checksum of the head", withHeadCRC(packed(6, gzip.Header{}, a), right), a},
		{"nothing", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := inflated(t, test.sent, dry); err != errDry || !bytes.Equal(got, test.want) {
				t.Errorf("%d bytes, then %v; want %d", len(got), err, len(test.want))
			}
			if strings.Contains(test.name, "endless") {
				return
			}
			if got, err := inflated(t, test.sent, func(b []byte) io.Reader { return bytes.NewReader(b) }); err != nil || !bytes.Equal(got, test.want) {
				t.Errorf("with an end: %d bytes, then %v", len(got), err)
			}
		})
	}
}

func TestWhatNoPeerSends(t *testing.T) {
	a := []byte("!AXON first frame")
	member := packed(6, gzip.Header{}, a)
	changed := func(at int, by byte) []byte {
		m := slices.Clone(member)
		if at < 0 {
			at += len(m)
		}
		m[at] += by
		return m
	}
	var z bytes.Buffer
	raw, _ := flate.NewWriter(&z, 6)
	raw.Write(a)
	raw.Close()
	for _, test := range []struct {
		name string
		sent []byte
		want []byte // comes out before
	}{
		{"zero bytes after a member", append(slices.Clone(member), 0), a},
		{"other bytes after a member", append(slices.Clone(member), "garbage"...), a},
		{"a wrong checksum", changed(-8, 1), a},
		{"a wrong length", changed(-4, 1), a},
		{"raw deflate", z.Bytes(), nil},
		{"zlib", append([]byte{0x78, 0x9c}, z.Bytes()...), nil},
		{"no gzip", []byte("!AXON..."), nil},
		{"another method", changed(2, 1), nil},
		{"reserved flags", changed(3, 0x20), nil},
		{"a wrong checksum of the head", withHeadCRC(member, wrong), nil},
		{"a name without end", append([]byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff"), bytes.Repeat([]byte("a"), 1<<17)...), nil},
		{"a stored block with a wrong length", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x00\x05\x00\xfb\xffabcde"), nil},
		{"a block of no type", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x07abcdefgh"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := inflated(t, test.sent, dry)
			if !errors.Is(err, errGzip) || !bytes.Equal(got, test.want) {
				t.Errorf("%q, then %v", got, err)
			}
		})
	}
}

// A wrong first byte is enough, whatever follows or does not.
func TestGarbageIsFoundAtItsFirstByte(t *testing.T) {
	for _, sent := range []string{"\x00", "!", "\x1f\x00", "\x1f\x8b\x00", string(packed(6, gzip.Header{}, []byte("a"))) + "\x00"} {
		if _, err := inflated(t, []byte(sent), dry); !errors.Is(err, errGzip) {
			t.Errorf("after %q: %v", sent, err)
		}
	}
	if _, err := io.ReadAll(newInflater(dry([]byte("\x15\x03")))); !errors.Is(err, conn.ErrTLSRequired) {
		t.Errorf("after an alert of TLS: %v", err)
	}
}

// An end inside of a member is never taken for the end of the stream.
func TestTruncatedMembers(t *testing.T) {
	options := gzip.Header{Name: "a name", Comment: "a comment", Extra: []byte("extra")}
	for _, member := range [][]byte{
		withHeadCRC(packed(6, gzip.Header{}, []byte("!AXON frame")), right), packed(6, options, []byte("!AXON frame")), packed(0, gzip.Header{}, []byte("!AXON frame")),
	} {
		for n := 1; n < len(member); n++ {
			if _, err := inflated(t, member[:n], func(b []byte) io.Reader { return bytes.NewReader(b) }); err != io.ErrUnexpectedEOF {
				t.Errorf("after %d of %d bytes: %v", n, len(member), err)
			}
		}
	}
}

// Compressed blocks may refer to what stored ones have brought, 32 KiB back.
func TestCompressedBlocksAfterStoredOnes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, sizes := range [][]int{{0}, {1}, {100, 200}, {windowSize}, {windowSize - 1, 2}, {65535, 65535, 10}, {40000, 40000, 40000}, {20000, 20000}} {
		var stored []byte
		sent := []byte(memberHead)
		for _, n := range sizes {
			block := make([]byte, n)
			for i := range block {
				block[i] = byte(random.Uint32())
			}
			head := make([]byte, blockHead)
			putBlockHead(head, n)
			sent = append(append(sent, head...), block...)
			stored = append(stored, block...)
		}
		tail := stored[max(0, len(stored)-windowSize):]
		var rest bytes.Buffer
		w, err := flate.NewWriterDict(&rest, 9, tail)
		if err != nil {
			t.Fatal(err)
		}
		again := slices.Concat(tail, []byte("and something new"))
		w.Write(again)
		w.Close()
		all := slices.Concat(stored, again)
		sent = append(sent, rest.Bytes()...)
		sent = binary.LittleEndian.AppendUint32(sent, crc32.ChecksumIEEE(all))
		sent = binary.LittleEndian.AppendUint32(sent, uint32(len(all)))
		if len(tail) > 1000 && rest.Len() > len(tail)/2 {
			t.Fatalf("the compressed block of %d bytes does not refer to what stood before", rest.Len())
		}
		if got, err := inflated(t, sent, dry); err != errDry || !bytes.Equal(got, all) {
			t.Errorf("after blocks of %v: %d bytes, then %v; want %d", sizes, len(got), err, len(all))
		}
	}
}

// endlessMember makes the one member of a link of these blocks.
func endlessMember(blocks ...string) []byte {
	sent := []byte(endlessHead)
	for _, b := range blocks {
		head := make([]byte, blockHead)
		putBlockHead(head, len(b))
		sent = append(append(sent, head...), b...)
	}
	return sent
}

// Who promises stored blocks has to keep to it. It may end its member, and the sum
// is not looked at.
func TestEndlessMember(t *testing.T) {
	blocks := []string{"some", "", strings.Repeat("more", 1000)}
	text, sent := strings.Join(blocks, ""), endlessMember(blocks...)
	if got, err := inflated(t, sent, dry); err != errDry || string(got) != text {
		t.Errorf("%d bytes, then %v; want %d", len(got), err, len(text))
	}
	for name, rest := range map[string][]byte{
		"a compressed block": flushed(6, false, []byte(text))[len(memberHead):],
		"a wrong length":     {0, 1, 0, 1, 0},
	} {
		if got, err := inflated(t, slices.Concat(sent, rest), dry); !errors.Is(err, errGzip) || string(got) != text {
			t.Errorf("%s: %d bytes, then %v", name, len(got), err)
		}
	}
	ended := slices.Concat(sent, []byte("\x01\x00\x00\xff\xff12345678"))
	if got, err := inflated(t, slices.Concat(ended, ended), dry); err != errDry || string(got) != text+text {
		t.Errorf("two members that end: %d bytes, then %v", len(got), err)
	}
	z := newInflater(bytes.NewReader(sent))
	if _, err := io.ReadAll(z); err != io.ErrUnexpectedEOF {
		t.Errorf("the end inside of a member: %v", err)
	}
	if z.window.buf != nil || z.crc != 0 {
		t.Error("a window or a sum is kept for nothing")
	}
}

// Another extra field promises nothing.
func TestOtherExtraFields(t *testing.T) {
	text := []byte("abcabcabc")
	for _, extra := range []string{promise[:3], promise + "x", "YB\x00\x00", promise + promise} {
		sent := packed(6, gzip.Header{Extra: []byte(extra)}, text)
		if got, err := inflated(t, sent, dry); err != errDry || !bytes.Equal(got, text) {
			t.Errorf("%q: %q, then %v", extra, got, err)
		}
	}
}

// A member does not refer to the one before.
func TestMembersAreApart(t *testing.T) {
	text := []byte("something that is worth to be repeated")
	var rest bytes.Buffer
	w, err := flate.NewWriterDict(&rest, 9, text)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(text)
	w.Close()
	sent := slices.Concat(packed(0, gzip.Header{}, text), []byte(memberHead), rest.Bytes(), make([]byte, 8))
	if got, err := inflated(t, sent, dry); !errors.Is(err, errGzip) || !bytes.Equal(got, text) {
		t.Errorf("%q, then %v", got, err)
	}
}

// A reader with no room gets nothing and takes nothing.
func TestReadWithoutRoom(t *testing.T) {
	z := newInflater(dry(packed(0, gzip.Header{}, []byte("abc"))))
	for range 3 {
		if n, err := z.Read(nil); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	if got, err := io.ReadAll(z); string(got) != "abc" || err != errDry {
		t.Errorf("%q, %v", got, err)
	}
}

// An inflater costs little until a peer deflates, and then a fixed amount: a
// bomb is a stream like any other, and who reads it decides how far.
func TestMemoryOfAnInflater(t *testing.T) {
	bomb := packed(1, gzip.Header{}, make([]byte, 2<<20))
	p := make([]byte, 32<<10)
	if n := allocated(func() {
		z := newInflater(bytes.NewReader(bomb))
		for range 32 {
			if _, err := io.ReadFull(z, p); err != nil {
				t.Error(err)
			}
		}
	}); n > 128<<10 {
		t.Errorf("the first MiB of a bomb costs %d bytes of memory", n)
	}
	frame := append([]byte(memberHead), make([]byte, blockHead+1000)...)
	putBlockHead(frame[len(memberHead):], 1000)
	if n := allocated(func() {
		if _, err := io.ReadFull(newInflater(bytes.NewReader(frame)), p[:1000]); err != nil {
			t.Error(err)
		}
	}); n > 8<<10 {
		t.Errorf("a stored block costs %d bytes of memory", n)
	}
}

// allocated returns how many bytes f takes from the heap, at least in one of
// several runs.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}
