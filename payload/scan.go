package payload

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A scanner reads JSON as strictly as JSON.parse does. Its text is valid UTF-8;
// strings without escapes are parts of the text, not copies.
type scanner struct {
	s string
	i int
}

func (p *scanner) fail(reason string) error {
	return &SyntaxError{Offset: p.i, Reason: reason}
}

// valid checks what all scanning relies on.
func (p *scanner) valid() error {
	if utf8.ValidString(p.s) {
		return nil
	}
	for p.i = 0; ; {
		r, n := utf8.DecodeRuneInString(p.s[p.i:])
		if r == utf8.RuneError && n <= 1 {
			return p.fail("the text is not UTF-8")
		}
		p.i += n
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (p *scanner) peek() byte {
	for p.i < len(p.s) {
		switch c := p.s[p.i]; c {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return c
		}
	}
	return 0
}

// expect skips white space and c, or fails.
func (p *scanner) expect(c byte) error {
	if p.peek() != c {
		return p.fail("expected " + strconv.QuoteRune(rune(c)))
	}
	p.i++
	return nil
}

// more is called after an element: it skips a comma and reports true, or skips
// the closing bracket and reports false.
func (p *scanner) more(closing byte) (bool, error) {
	switch p.peek() {
	case ',':
		p.i++
		return true, nil
	case closing:
		p.i++
		return false, nil
	}
	return false, p.fail("expected ',' or " + strconv.QuoteRune(rune(closing)))
}

// opens skips an opening bracket, and reports false when it closes at once.
func (p *scanner) opens(closing byte) bool {
	p.i++
	if p.peek() == closing {
		p.i++
		return false
	}
	return true
}

// end fails when something stands behind the value.
func (p *scanner) end() error {
	if p.peek() != 0 || p.i < len(p.s) {
		return p.fail("unexpected text behind the value")
	}
	return nil
}

func (p *scanner) word(w string) error {
	if !strings.HasPrefix(p.s[p.i:], w) {
		return p.fail("expected a value")
	}
	p.i += len(w)
	return nil
}

// name reads the name of a member and its colon.
func (p *scanner) name() (string, error) {
	if p.peek() != '"' {
		return "", p.fail("expected the name of a member")
	}
	name, err := p.str()
	if err != nil {
		return "", err
	}
	return name, p.expect(':')
}

// str reads the string at the quote where the scanner stands.
func (p *scanner) str() (string, error) {
	start := p.i + 1
	end := start + special(p.s[start:])
	if end < len(p.s) && p.s[end] == '"' {
		p.i = end + 1
		return p.s[start:end], nil
	}
	out, err := p.appendStr(make([]byte, 0, end-start+32))
	return string(out), err
}

// appendStr is str for who collects strings elsewhere.
func (p *scanner) appendStr(out []byte) (_ []byte, err error) {
	for start := p.i + 1; ; {
		end := start + special(p.s[start:])
		out = append(out, p.s[start:end]...)
		p.i = end
		if end == len(p.s) {
			return out, p.fail("the string has no end")
		}
		switch p.s[end] {
		case '"':
			p.i++
			return out, nil
		case '\\':
			if out, err = p.escape(out); err != nil {
				return out, err
			}
		default:
			return out, p.fail("a control character must be escaped")
		}
		start = p.i
	}
}

// Eight bytes are looked at as one number, of which the first is the lowest.
const ones, tops = 0x0101010101010101, 0x8080808080808080

// firstSpecial returns the position of the first quote, backslash or control
// character of eight bytes, or 8.
func firstSpecial(x uint64) int {
	quote, slash := x^ones*'"', x^ones*'\\'
	return bits.TrailingZeros64(((x-ones*' ')&^x|(quote-ones)&^quote|(slash-ones)&^slash)&tops) / 8
}

// special returns the position of the first quote, backslash or control
// character, eight bytes at a time.
func special(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if at := firstSpecial(load8(s[i:])); at < 8 {
			return i + at
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return i
}

// simple reports whether s is ASCII and needs no escapes.
func simple(s string) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := load8(s[i:])
		quote, slash := x^ones*'"', x^ones*'\\'
		if (x|(x-ones*' ')|(quote-ones)&^quote|(slash-ones)&^slash)&tops != 0 {
			return false
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c == '"' || c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape appends what the escape at the scanner stands for. A surrogate without
// its other half becomes the three bytes that UTF-8 would give it.
func (p *scanner) escape(out []byte) ([]byte, error) {
	if p.i+1 < len(p.s) {
		if c := escapes[p.s[p.i+1]]; c != 0 {
			p.i += 2
			return append(out, c), nil
		}
	}
	r, ok := hex4(p.s[p.i:])
	if !ok {
		return out, p.fail("unknown escape")
	}
	p.i += 6
	if r&^0x3ff == highSurrogate {
		if low, ok := hex4(p.s[p.i:]); ok && low&^0x3ff == lowSurrogate {
			p.i += 6
			r = join(r, low)
		}
	}
	return appendRune(out, r), nil
}

const highSurrogate, lowSurrogate = 0xd800, 0xdc00

func join(high, low rune) rune {
	return (high-highSurrogate)<<10 | (low - lowSurrogate) + 0x10000
}

// appendRune is utf8.AppendRune for surrogates too.
func appendRune(out []byte, r rune) []byte {
	if r&^0x7ff == highSurrogate {
		return append(out, 0xed, byte(0x80|r>>6&0x3f), byte(0x80|r&0x3f))
	}
	return utf8.AppendRune(out, r)
}

// hex4 reads \uXXXX at the beginning of s.
func hex4(s string) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(s[2:6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
