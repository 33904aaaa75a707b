package axon

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// seeds gives all gzip vectors and some more to a fuzz test.
func seeds(f *testing.F) {
	text, err := os.ReadFile("testdata/gzip.json")
	if err != nil {
		f.Fatal(err)
	}
	var vectors []struct{ Gzip string }
	if err := json.Unmarshal(text, &vectors); err != nil {
		f.Fatal(err)
	}
	for _, v := range vectors {
		b, _ := hex.DecodeString(v.Gzip)
		f.Add(b)
	}
	f.Add(packed(6, gzip.Header{Name: "n", Comment: "c", Extra: []byte("e")}, []byte("a"), nil, []byte("b")))
	f.Add(withHeadCRC(packed(6, gzip.Header{}, []byte("a")), right))
	f.Add(flushed(6, true, bytes.Repeat([]byte("abcd"), 100), []byte("e")))
	f.Add(flushed(0, true, []byte("abcd"), []byte("e")))
	f.Add([]byte(memberHead))
	f.Add([]byte(endlessHead + "\x00\x01\x00\xfe\xffa"))
	f.Add([]byte{tlsAlert})
}

// reference inflates with compress/gzip. known is false for what the two judge
// differently on purpose.
func reference(b []byte, limit int64) (plain []byte, err error, known bool) {
	if len(b) == 0 {
		return nil, nil, true
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err, err != gzip.ErrHeader || !hasText(b)
	}
	plain, err = io.ReadAll(io.LimitReader(r, limit))
	return plain, err, err != gzip.ErrHeader || !hasText(b)
}

// hasText: compress/gzip refuses names of more than 511 bytes, zlib takes them.
func hasText(b []byte) bool { return len(b) > 512 }

// FuzzInflate compares with compress/gzip: the same bytes, and an error where it
// has one, whether they come at once or one by one.
func FuzzInflate(f *testing.F) {
	seeds(f)
	const limit = 1 << 20
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := io.ReadAll(io.LimitReader(newInflater(bytes.NewReader(b)), limit))
		single, singleErr := io.ReadAll(io.LimitReader(newInflater(iotest.OneByteReader(bytes.NewReader(b))), limit))
		if !bytes.Equal(got, single) || (err == nil) != (singleErr == nil) {
			t.Fatalf("at once: %d bytes, %v; byte by byte: %d bytes, %v", len(got), err, len(single), singleErr)
		}
		if err != nil && !errors.Is(err, errGzip) && err != io.ErrUnexpectedEOF && !errors.Is(err, conn.ErrTLSRequired) {
			t.Fatalf("an error of no kind: %v", err)
		}
		want, wantErr, known := reference(b, limit)
		switch {
		case !known:
		case wantErr == nil && (err != nil || !bytes.Equal(got, want)) && !reserved(err):
			t.Fatalf("%d bytes, %v; compress/gzip: %d bytes", len(got), err, len(want))
		case wantErr != nil && err == nil:
			t.Fatalf("no error; compress/gzip: %v", wantErr)
		}
	})
}

// reserved: zlib, and this package, refuse flags that nobody knows; only this
// package holds those who promise a member without end to it.
func reserved(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "with the flags") || strings.Contains(err.Error(), "without end"))
}

// FuzzBytesOfAHall feeds a reader of messages with what comes out of any bytes:
// messages or a typed error, and never more memory than the limit allows.
func FuzzBytesOfAHall(f *testing.F) {
	seeds(f)
	frame, err := wire.Append(nil, &wire.Message{Topic: "a::b", Token: "t", ID: "1", Data: []byte("1")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed(6, gzip.Header{}, frame, frame))
	f.Add(packed(6, gzip.Header{}, frame[:10], frame[10:]))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := wire.NewReader(newInflater(bytes.NewReader(b)), wire.Limits{MaxFrame: 1 << 16, MaxTopic: 256})
		for {
			_, err := r.Next()
			if err == nil {
				continue
			}
			l := &link{}
			if reason := conn.ReasonOf(l.lost(err)); reason == nil {
				t.Fatalf("an error without a reason: %v", err)
			}
			return
		}
	})
}
