package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: true, `[]`: true, `""`: true, `0`: true, `-0`: true, `true`: true, `null`: true,
		" \t\r\n{ \"a\" : [ 1 , 2 ] } ":  true,
		`"\u00e9\ud83d\"\\\/\b\f\n\r\t"`: true,
		`"é😀"`:                           true,
		`"` + "\x7f" + `"`:               true,
		`1.5e+21`:                        true,
		`-1E-9`:                          true,
		`{"a":1,"a":2}`:                  true,
		``:                               false,
		` `:                              false,
		`{`:                              false,
		`{"a"}`:                          false,
		`{"a":}`:                         false,
		`{"a":1,}`:                       false,
		`{a:1}`:                          false,
		`[1,]`:                           false,
		`[1 2]`:                          false,
		`[}`:                             false,
		`{]`:                             false,
		`01`:                             false,
		`-`:                              false,
		`+1`:                             false,
		`1.`:                             false,
		`.5`:                             false,
		`1e`:                             false,
		`NaN`:                            false,
		`tru`:                            false,
		`nulll`:                          false,
		`True`:                           false,
		`"\x"`:                           false,
		`"\u12g4"`:                       false,
		`"\u123"`:                        false,
		`"a`:                             false,
		`"a\`:                            false,
		"\"a\nb\"":                       false,
		"\"\x00\"":                       false,
		`'a'`:                            false,
		`1 2`:                            false,
		"\u00a01":                        false,
		"\f1":                            false,
		`/**/1`:                          false,
	} {
		if got := Valid([]byte(text)); got != want || json.Valid([]byte(text)) != want {
			t.Errorf("Valid(%q) = %v, want %v", text, got, want)
		}
	}
}

// Each byte at each place of a word of eight is looked at.
func TestStringsOfAllLengths(t *testing.T) {
	for length := range 40 {
		for at := range length {
			for c := range 256 {
				b := []byte(`"` + strings.Repeat("x", length) + `"`)
				b[1+at] = byte(c)
				if got, want := Valid(b), json.Valid(b); got != want {
					t.Fatalf("Valid(%q) = %v, want %v", b, got, want)
				}
			}
		}
	}
}

// The same in long strings, which are passed a stretch at a time.
func TestLongStrings(t *testing.T) {
	const length = 1500
	for at := range length {
		for _, c := range []byte{0, 0x1f, '"', '\\', 0x20, 0x7f, 0x80, 0xff} {
			b := []byte(`"` + strings.Repeat("x", length) + `"`)
			b[1+at] = c
			if got, want := Valid(b), json.Valid(b); got != want {
				t.Fatalf("%#x at %d: Valid is %v, want %v", c, at, got, want)
			}
		}
	}
}

func TestDepth(t *testing.T) {
	if maxDepth != 1000 {
		t.Error("the documentation says 1,000")
	}
	nest := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	objects := strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth)
	if !Valid(nest(maxDepth)) || !Valid([]byte(objects)) {
		t.Error("the greatest depth is refused")
	}
	if Valid(nest(maxDepth+1)) || Valid([]byte(`{"a":`+objects+`}`)) {
		t.Error("more than the greatest depth is accepted")
	}
	if Valid([]byte(strings.Repeat("[", 10_000_000))) {
		t.Error("only opening brackets are accepted")
	}

	// What is valid can be sent, received, looked at and edited.
	m := &Message{Topic: "a::b", Data: nest(maxDepth), Rare: &Rare{Extra: []byte(`"rest":` + string(nest(maxDepth)))}}
	m = mustRead(t, mustAppend(t, m))
	if string(m.Data) != string(nest(maxDepth)) || m.Member("rest") == nil || len(m.Edit().Extra()) == 0 {
		t.Error("payloads of the greatest depth do not come through")
	}
	m.Data = nest(maxDepth + 1)
	_, err := NewReader(strings.NewReader(string(mustAppend(t, m.Edit()))), Limits{}).Next()
	if s, ok := errors.AsType[*SyntaxError](err); !ok || !strings.Contains(s.Reason, "deep") {
		t.Errorf("%v, want a SyntaxError about the depth", err)
	}
}

func TestSyntaxErrors(t *testing.T) {
	for text, want := range map[string]struct {
		at   int
		says string
	}{
		``:              {0, "ends early"},
		`{"a" 1}`:       {5, "colon"},
		`{"a":1 "b":2}`: {7, "comma"},
		`[1,2`:          {4, "comma"},
		`{1:2}`:         {1, "name"},
		`{"a":1,`:       {7, "name"},
		`[tru]`:         {1, "true"},
		`["ab`:          {4, "does not end"},
		"[\"a\x01\"]":   {3, "control"},
		`["a\q"]`:       {3, "escape"},
		`["a\`:          {3, "does not end"},
		`[-]`:           {2, "digit"},
		`[1.x]`:         {3, "digit"},
		`[1e+]`:         {4, "digit"},
		`[?]`:           {1, "value"},
		` 1 2`:          {3, "follows"},
	} {
		_, err := ParseArg([]byte("j:" + text))
		s, ok := errors.AsType[*SyntaxError](err)
		if !ok || s.Offset != want.at || !strings.Contains(s.Error(), want.says) || !errors.Is(err, ErrArgument) {
			t.Errorf("%q: %v, want %q at %d", text, err, want.says, want.at)
		}
	}
}

func TestTruthy(t *testing.T) {
	for in, want := range map[string]bool{
		``:     false, // no value
		`true`: true, `1`: true, `-1`: true, `"a"`: true, `"false"`: true, `{}`: true, `[]`: true, `1e999`: true, `0.1`: true,
		`false`: false, `null`: false, `0`: false, `-0`: false, `0.0e5`: false, `""`: false, `1e-999`: false,
	} {
		if got := Truthy(json.RawMessage(in)); got != want {
			t.Errorf("%s is %v, want %v", in, got, want)
		}
	}
}

// TestSpecial puts each byte at each place of a text, among bytes that differ
// from the special ones in one bit.
func TestSpecial(t *testing.T) {
	ends := func(c byte) bool { return c == '"' || c == '\\' || c < 0x20 }
	for _, around := range []byte{'!', '#', ' ', '}', 'L', 0xa2, 0xdc, 0x80, 0xff, 'x'} {
		for length := range 90 {
			b := bytes.Repeat([]byte{around}, length)
			for at := range b {
				for _, c := range []byte{'"', '\\', 0, 1, 0x1f, 0x20, '!', 0x7f, 0xa2, 0xff} {
					b[at] = c
					want := length
					if ends(c) {
						want = at
					}
					if got := text(b).special(0); got != want {
						t.Fatalf("%q: special is %d, want %d", b, got, want)
					}
				}
				b[at] = around
			}
		}
	}
	for c := range 256 {
		if marked := specials(uint64(c)*ones)&0x80 != 0; marked != ends(byte(c)) {
			t.Errorf("%#02x is marked: %v", c, marked)
		}
	}
}
