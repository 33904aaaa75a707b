package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// The files of testdata were recorded from the reference. Values that JSON
// cannot say are written as objects: {"hex"}, {"bigint"}, {"undefined"},
// {"number"}.

func load(tb testing.TB, name string, into any) {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// compact removes the layout of a recorded value and keeps all else, so that
// the text is the one JavaScript wrote.
func compact(tb testing.TB, raw json.RawMessage) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// notation is the reading of a recorded argument.
func notation(tb testing.TB, raw json.RawMessage) Arg {
	tb.Helper()
	text := compact(tb, raw)
	switch text[0] {
	case '"':
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			tb.Fatal(err)
		}
		return ArgString(s)
	case '{':
		var special struct {
			Hex, BigInt, Number *string
			Undefined           bool
			Bytes               int
		}
		_ = json.Unmarshal(text, &special)
		switch {
		case special.Hex != nil:
			return ArgBlob(blob(tb, *special.Hex, special.Bytes))
		case special.BigInt != nil:
			n, ok := new(big.Int).SetString(*special.BigInt, 10)
			if !ok {
				tb.Fatalf("no integer: %s", *special.BigInt)
			}
			return ArgBigInt(n)
		case special.Undefined, special.Number != nil:
			return ArgJSON([]byte("null")) // so it is sent
		}
	}
	return ArgJSON(text)
}

// blob makes a recorded blob; of long ones only the beginning is kept, and what
// follows repeats its last byte.
func blob(tb testing.TB, digits string, size int) []byte {
	digits, cut := strings.CutSuffix(digits, "...")
	b := unhex(tb, digits)
	if cut {
		b = append(b, bytes.Repeat(b[len(b)-1:], size-len(b))...)
	}
	return b
}

func notations(tb testing.TB, raw []json.RawMessage) []Arg {
	args := make([]Arg, 0, len(raw))
	for _, r := range raw {
		args = append(args, notation(tb, r))
	}
	return args
}

func sameArgs(a, b []Arg) bool {
	return slices.EqualFunc(a, b, func(x, y Arg) bool { return x.Kind == y.Kind && bytes.Equal(x.Bytes, y.Bytes) })
}

func TestFramesOfTheReference(t *testing.T) {
	var frames []struct {
		Name    string
		Args    []json.RawMessage
		Hex     string
		Decoded json.RawMessage
	}
	load(t, "frames.json", &frames)
	if len(frames) != 27 {
		t.Fatalf("%d frames, want all 27", len(frames))
	}

	// The reference writes these, and it or its peer does not get back what
	// was sent: xbus refuses to write them.
	refused := map[string]bool{
		"blob that looks like a string":                              true,
		"blob that looks like json":                                  true,
		"blob that looks like a bigint":                              true,
		"blob that looks like broken json":                           true,
		"blob that looks like a broken bigint":                       true,
		"blob that looks like an empty bigint":                       true,
		"blob that looks like broken utf-8":                          true,
		"empty blob at the end (not delivered before the next byte)": true,
	}
	// The reader of the reference throws here.
	broken := map[string]bool{
		"blob that looks like broken json":     true,
		"blob that looks like a broken bigint": true,
	}

	for _, f := range frames {
		t.Run(f.Name, func(t *testing.T) {
			args, want := notations(t, f.Args), unhex(t, f.Hex)

			got, err := AppendFrame([]byte("before"), args...)
			switch {
			case refused[f.Name]:
				if !errors.Is(err, ErrChunk) || string(got) != "before" {
					t.Errorf("written as %x, %v; want ErrChunk and nothing written", got, err)
				}
			case err != nil:
				t.Error("write:", err)
			case !bytes.Equal(got, append([]byte("before"), want...)):
				t.Errorf("written\n%x, want\n%x", got[6:], want)
			}

			for name, src := range map[string]io.Reader{
				"at once":      bytes.NewReader(want),
				"byte by byte": iotest.OneByteReader(bytes.NewReader(want)),
			} {
				r := NewReader(src, Limits{})
				read, err := r.Frame()
				if broken[f.Name] {
					if !errors.Is(err, ErrArgument) {
						t.Errorf("%s: read as %v, %v; want ErrArgument", name, read, err)
					}
					continue
				}
				decoded := args // null: the reference waits for one more byte
				if string(f.Decoded) != "null" {
					var raw []json.RawMessage
					if err := json.Unmarshal(f.Decoded, &raw); err != nil {
						t.Fatal(err)
					}
					decoded = notations(t, raw)
				}
				for i, a := range read { // "b:" alone is zero
					if a.Kind == BigInt {
						n, _ := a.BigInt()
						read[i] = ArgBigInt(n)
					}
				}
				if err != nil || !sameArgs(read, decoded) {
					t.Errorf("%s: read %v, %v; want %v", name, read, err, decoded)
				}
				if _, err := r.Frame(); err != io.EOF {
					t.Errorf("%s: then %v, want EOF", name, err)
				}
			}
		})
	}
}

// pieces gives a stream in the pieces in which it was written.
type pieces [][]byte

func (p *pieces) Read(b []byte) (int, error) {
	for len(*p) > 0 && len((*p)[0]) == 0 {
		*p = (*p)[1:]
	}
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*p)[0])
	(*p)[0] = (*p)[0][n:]
	return n, nil
}

// Where the reader of the reference reports an error, swallows frames or waits
// for ever, xbus ends with an error that can be told apart.
func TestInvalidFrames(t *testing.T) {
	var vectors []struct {
		Name   string
		Chunks []string
		Frames [][]json.RawMessage
		Error  string
	}
	load(t, "invalid-frames.json", &vectors)

	ends := map[string]error{
		"version 0":               ErrVersion,
		"version 1 without magic": ErrVersion,
		"version 3":               ErrVersion,
		"bad magic":               ErrMagic,
		"no argument: it swallows the next frame":             ErrArguments,
		"empty blob at the end, then a frame":                 io.EOF,
		"16 arguments (the count overflows into the version)": ErrVersion,
		"17 arguments":                 ErrVersion,
		"32 arguments":                 ErrArguments,
		"truncated":                    ErrTruncated,
		"two frames in one chunk":      io.EOF,
		"a frame byte by byte":         io.EOF,
		"huge length, nothing follows": ErrTooLarge,
	}
	if len(vectors) != len(ends) {
		t.Fatalf("%d vectors, want %d", len(vectors), len(ends))
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			want, ok := ends[v.Name]
			if !ok {
				t.Fatal("what is expected?")
			}
			if v.Error != "" && !errors.Is(want, ErrVersion) && !errors.Is(want, ErrMagic) {
				t.Fatalf("the reference reports %q", v.Error)
			}
			source := func() *pieces {
				p := make(pieces, len(v.Chunks))
				for i, c := range v.Chunks {
					p[i] = unhex(t, c)
				}
				return &p
			}

			r := NewReader(source(), Limits{})
			var frames [][]Arg
			var err error
			for err == nil {
				var args []Arg
				if args, err = r.Frame(); err == nil {
					frames = append(frames, args)
				}
			}
			if !errors.Is(err, want) {
				t.Errorf("ends with %v, want %v", err, want)
			}
			if want == io.EOF {
				if len(frames) != len(v.Frames) {
					t.Fatalf("%d frames, want %d", len(frames), len(v.Frames))
				}
				for i, f := range frames {
					if w := notations(t, v.Frames[i]); !sameArgs(f, w) {
						t.Errorf("frame %d: %v, want %v", i, f, w)
					}
				}
				return
			}

			// And as messages: the same end, again and again, and typed.
			r = NewReader(source(), Limits{})
			for range 3 {
				_, err := r.Next()
				if _, typed := errors.AsType[*FormatError](err); !typed || !errors.Is(err, want) {
					t.Errorf("Next: %v, want %v in a FormatError", err, want)
				}
			}
		})
	}
}
