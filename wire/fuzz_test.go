package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"
)

// seedEnvelopes adds the recorded messages to the corpus, and some odd ones.
func seedEnvelopes(f *testing.F) {
	var vectors []struct{ Args []json.RawMessage }
	load(f, "envelopes.json", &vectors)
	for _, v := range vectors {
		if len(v.Args) > 1 {
			f.Add(compact(f, v.Args[1]))
		}
	}
	for _, s := range []string{
		`{}`, ` { "a" : 1 } `, `{"id":"\u00e9\ud83d","\u0069d":1}`, `{"isError":1e999,"serialized":-0}`, `{"router":"\u0061xon"}`,
		`{"id":"` + "\xff" + `"}`, `{"arp":[],"arp":{}}`, `null`, `[]`, `{"a":`, `{"a":1}x`, strings.Repeat(`{"a":[`, 600),
	} {
		f.Add([]byte(s))
	}
}

// tooDeep: the only texts that encoding/json accepts and this package does not.
func tooDeep(err error) bool {
	s, ok := errors.AsType[*SyntaxError](err)
	return ok && s.Reason == "nested too deep"
}

// The scan accepts what encoding/json accepts, and finds the same.
func FuzzParseEnvelope(f *testing.F) {
	seedEnvelopes(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var m Message
		err := new(usual).parseEnvelope(&m, b)
		if tooDeep(err) {
			return
		}
		trimmed := bytes.Trim(b, " \t\r\n")
		want := json.Valid(b) && trimmed[0] == '{'
		if (err == nil) != want {
			t.Fatalf("%q: %v; encoding/json accepts it: %v", b, err, want)
		}
		if err != nil {
			return
		}
		if string(m.raw) != string(trimmed) {
			t.Fatalf("Raw is %q, want %q", m.raw, trimmed)
		}
		checkFields(t, &m, b)
		edited := AppendEnvelope(nil, m.Edit())
		var again Message
		if err := new(usual).parseEnvelope(&again, edited); err != nil {
			t.Fatalf("%q is written anew as %q: %v", b, edited, err)
		}
		m.Router, m.OriginRouter = again.Router, again.OriginRouter // other texts are not written
		if g, w := dumpFields(&again), dumpFields(&m); g != w {
			t.Fatalf("%q is written anew as %q:\n%s, want\n%s", b, edited, g, w)
		}
		if !bytes.Equal(b, before) {
			t.Fatal("the text was written to")
		}
	})
}

func FuzzValid(f *testing.F) {
	seedEnvelopes(f)
	for _, s := range []string{`-0.5e+7`, `"\u12ab"`, `[true,false,null]`, "\"\x00\"", `1.`, `"`, ` `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := checkJSON(b); tooDeep(err) {
			return
		}
		if got, want := Valid(b), json.Valid(b); got != want {
			t.Errorf("Valid(%q) = %v, encoding/json says %v", b, got, want)
		}
	})
}

// What was written from fields is read as the same fields.
func FuzzAppendEnvelope(f *testing.F) {
	f.Add("demo.echo", "1", benchOrc, benchToken, "thrall", []byte(`{"x":1}`), []byte(`{"a":{}}`), uint16(0xffff))
	f.Add("", "\x00", "é", "\xff", "", []byte(``), []byte(` [] `), uint16(0))
	f.Fuzz(func(t *testing.T, topic, id, orc, token, horde string, data, arp []byte, flags uint16) {
		flag := func(bit int) bool { return flags>>bit&1 != 0 }
		m := &Message{
			Topic: topic, ID: id, OrcName: orc, Token: Token(token), Rare: &Rare{Horde: horde},
			Nested: flag(0), IsError: flag(1), Serialized: flag(2), Stream: flag(3), Broadcasted: flag(4),
			Router: Router(flags >> 5 % 3), OriginRouter: Router(flags >> 7 % 3), Seq: uint64(flags >> 9),
		}
		if Valid(data) {
			m.Data, m.Rare.Context = data, data
		}
		if Valid(arp) && arp[0] == '{' {
			m.Rare.ARP, m.Rare.Immu = arp, arp
		}
		text := AppendEnvelope(nil, m)
		if !json.Valid(text) {
			t.Fatalf("no JSON: %q", text)
		}
		got := &Message{Topic: topic}
		if err := new(usual).parseEnvelope(got, text); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, s := range []*string{&m.ID, &m.OrcName, &m.Rare.Horde, (*string)(&m.Token)} {
			*s = string([]rune(*s)) // invalid UTF-8 is replaced
		}
		if g, w := dumpFields(got), dumpFields(&Message{
			Topic: topic, ID: m.ID, OrcName: m.OrcName, Token: m.Token, Data: m.Data,
			Nested: m.Nested, IsError: m.IsError, Serialized: m.Serialized, Stream: m.Stream, Broadcasted: m.Broadcasted,
			Router: m.Router, OriginRouter: m.OriginRouter, Seq: m.Seq,
			Rare: &Rare{Horde: m.Horde(), Context: m.Context(), ARP: bytes.TrimSpace(m.ARP()), Immu: bytes.TrimSpace(m.Immu())},
		}); g != w {
			t.Fatalf("%q is read as\n%s, want\n%s", text, g, w)
		}
	})
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "é😀\u2028", "a\"\\\n\x00\x1f\x7f", "a\xff\xe2\x82", "0123456\n89abcdef\"", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := AppendString(nil, s)
		reference, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got, want string
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if err := json.Unmarshal(reference, &want); err != nil {
			t.Fatal(err)
		}
		if got != want || !utf8.Valid(text) {
			t.Errorf("%q is written as %q", s, text)
		}
		if len(text) > len(reference) {
			t.Errorf("%q is written as %q, longer than %q", s, text, reference)
		}
	})
}

func FuzzParseArg(f *testing.F) {
	for _, s := range []string{"", "s:", "s:é\xff", "j:", "j:{}", "j: 1 ", "j:{", "b:", "b:-5", "b:+7", "b:1x", "S:a", "ab", "s"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := ParseArg(raw)
		if err != nil && !errors.Is(err, ErrArgument) {
			t.Fatalf("%q: %v, want ErrArgument", raw, err)
		}
		again := a.append(nil)
		if len(again) != a.size() {
			t.Errorf("%q has a size of %d, and %d bytes", raw, a.size(), len(again))
		}
		switch a.Kind {
		case Blob:
			if !bytes.Equal(a.Bytes, raw) || err != nil {
				t.Errorf("%q is read as the blob %q, %v", raw, a.Bytes, err)
			}
		case String:
			if !utf8.Valid(a.Bytes) || err != nil || utf8.Valid(raw) && !bytes.Equal(again, raw) {
				t.Errorf("%q is read as the string %q, %v", raw, a.Bytes, err)
			}
		case JSON:
			if !tooDeep(err) && (err == nil) != json.Valid(raw[2:]) || !bytes.Equal(again, raw) {
				t.Errorf("%q is read as the JSON %q, %v", raw, a.Bytes, err)
			}
		case BigInt:
			n, ok := a.BigInt()
			text := string(a.Bytes)
			if text == "" {
				text = "0"
			}
			want, valid := new(big.Int).SetString(text, 10)
			if ok != (err == nil) || ok != valid || ok && n.Cmp(want) != 0 {
				t.Errorf("%q is read as %v, %v, want %v, %v", raw, n, err, want, valid)
			}
		}
	})
}

// What AppendFrame writes, Frame reads.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("sdemo.echo"), []byte(`j{"a":1}`), []byte("xbytes"))
	f.Add([]byte("b12"), []byte("xs:no"), []byte("x"))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		var args []Arg
		for _, raw := range [][]byte{a, b, c} {
			if len(raw) == 0 {
				continue
			}
			kind := map[byte]Kind{'s': String, 'j': JSON, 'b': BigInt}[raw[0]]
			args = append(args, Arg{kind, raw[1:]})
		}
		frame, err := AppendFrame([]byte("x"), args...)
		if err != nil {
			if string(frame) != "x" || !errors.Is(err, ErrArguments) && !errors.Is(err, ErrChunk) {
				t.Fatalf("%q, %v", frame, err)
			}
			return
		}
		r := NewReader(bytes.NewReader(frame[1:]), Limits{})
		got, err := r.Frame()
		if errors.Is(err, ErrArgument) {
			return // the caller gave no JSON or no integer
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range args {
			if args[i].Kind == String && !utf8.Valid(args[i].Bytes) {
				args[i].Bytes = replaceInvalid(args[i].Bytes)
			}
		}
		if !sameArgs(got, args) {
			t.Errorf("%v is read as %v", args, got)
		}
		if _, err := r.Frame(); err != io.EOF {
			t.Errorf("behind it: %v", err)
		}
	})
}

// Any bytes, in any pieces: the same messages and the same end as at once, and
// no more memory than twice what has come.
func FuzzReader(f *testing.F) {
	var frames []struct{ Hex string }
	load(f, "frames.json", &frames)
	for _, v := range frames {
		f.Add(unhex(f, v.Hex), uint16(3))
	}
	var invalid []struct{ Chunks []string }
	load(f, "invalid-frames.json", &invalid)
	for _, v := range invalid {
		f.Add(unhex(f, strings.Join(v.Chunks, "")), uint16(1))
	}
	stream := mustAppend(f, benchEvent(3000))
	for _, m := range []*Message{Heartbeat(), benchCommand(), {Topic: "a::b", Chunk: []byte("chunk")}, benchEvent(70_000)} {
		stream = append(stream, mustAppend(f, m)...)
	}
	f.Add(stream, uint16(1000))
	f.Add(stream[:len(stream)-1], uint16(0))

	f.Fuzz(func(t *testing.T, b []byte, step uint16) {
		whole := readEach(t, bytes.NewReader(b))
		piecewise := readEach(t, readerFunc(func(p []byte) (int, error) {
			n := copy(p[:min(len(p), int(step)+1)], b)
			b = b[n:]
			if n == 0 {
				return 0, io.EOF
			}
			return n, nil
		}))
		if whole != piecewise {
			t.Errorf("in pieces of %d:\n%s\nat once:\n%s", step+1, piecewise, whole)
		}
	})
}

// readEach describes all messages of a stream and its end.
func readEach(t *testing.T, src io.Reader) string {
	w := &watched{Reader: src}
	w.r = NewReader(w, Limits{MaxFrame: -1})
	messages, err := readAll(w.r)
	var s strings.Builder
	for _, m := range messages { // when all have been read
		fmt.Fprintf(&s, "%s %s\n", dumpFields(m), m.Raw())
	}
	if _, typed := errors.AsType[*FormatError](err); !typed && err != io.EOF {
		t.Errorf("ends with %v", err)
	}
	if size := cap(w.r.part.bytes); w.peak > 0 || size > max(freeRoom, 2*w.read) {
		t.Errorf("%d bytes of memory for %d that came", max(w.peak, size), w.read)
	}
	fmt.Fprint(&s, err)
	return s.String()
}
