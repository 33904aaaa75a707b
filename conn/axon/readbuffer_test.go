package axon

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

// chunks gives these bytes, one chunk for each read.
type chunks [][]byte

func (c *chunks) Read(p []byte) (int, error) {
	if len(*c) == 0 {
		return 0, errDry
	}
	n := copy(p, (*c)[0])
	if (*c)[0] = (*c)[0][n:]; len((*c)[0]) == 0 {
		*c = (*c)[1:]
	}
	return n, nil
}

// TestReadBufferFits follows the buffer through silence, a burst and silence.
func TestReadBufferFits(t *testing.T) {
	b := readBuffer{src: &chunks{make([]byte, 10), make([]byte, 3*largeRead), make([]byte, 10), make([]byte, 10)}}
	for i, want := range []struct{ take, size int }{
		{10, smallRead}, {smallRead, smallRead}, {largeRead, largeRead}, {largeRead, largeRead},
		{largeRead - smallRead, largeRead}, {10, largeRead}, {10, smallRead},
	} {
		for left := want.take; left > 0; {
			n := min(left, smallRead)
			if _, err := b.take(n); err != nil {
				t.Fatal(i, err)
			}
			left -= n
		}
		if len(b.buf) != want.size {
			t.Errorf("step %d: a buffer of %d bytes, want %d", i, len(b.buf), want.size)
		}
	}
	if _, err := b.Peek(1); err != errDry {
		t.Errorf("at the end: %v", err)
	}
}

func TestReadBufferReads(t *testing.T) {
	want := make([]byte, 3*largeRead+5)
	for i := range want {
		want[i] = byte(i * i >> 8)
	}
	for name, src := range map[string]io.Reader{
		"all at once": bytes.NewReader(want), "in halves": iotest.HalfReader(bytes.NewReader(want)),
		"with the end": iotest.DataErrReader(bytes.NewReader(want)),
	} {
		b := readBuffer{src: src}
		got := make([]byte, 0, 2*len(want))
		for _, room := range []int{1, 100, largeRead, 2 * largeRead, largeRead} {
			first, err := b.ReadByte()
			if err != nil {
				break
			}
			got = append(got, first)
			n, err := io.ReadAtLeast(&b, got[len(got):len(got)+room], 1)
			if got = got[:len(got)+n]; err != nil {
				break
			}
			ahead, _ := b.Peek(3)
			got = append(got, ahead...)
			b.start += len(ahead)
		}
		rest, err := io.ReadAll(&b)
		if got = append(got, rest...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
		}
	}
	if _, err := (&readBuffer{src: empty{}}).ReadByte(); err != io.ErrNoProgress {
		t.Errorf("a source that gives nothing: %v", err)
	}
}

// An empty source gives nothing and does not end.
type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, nil }
