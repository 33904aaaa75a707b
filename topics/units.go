package topics

import (
	"io"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// The reference matches UTF-16 units: its dot takes half of a character beyond
// U+FFFF, and none of \n, \r, U+2028 and U+2029 (protocol §6.1). What follows
// counts in the same way over UTF-8. A byte that is not UTF-8 counts as one
// unit, equal to nothing that a pattern can hold.

// hasLineBreak reports whether s holds a unit that the dot does not match.
func hasLineBreak(s string) bool {
	return !ordinary(s) && strings.ContainsAny(s, "\n\r\u2028\u2029")
}

// skipUnits returns what is left of s after at least n units, cut between two
// characters, and false when s is shorter.
func skipUnits(s string, n int) (rest string, ok bool) {
	if n == 1 && len(s) > 0 && s[0] < utf8.RuneSelf {
		return s[1:], true
	}
	return skipCharacters(s, n)
}

func skipCharacters(s string, n int) (rest string, ok bool) {
	for n > 0 && len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		n -= utf16.RuneLen(r)
		s = s[size:]
	}
	return s, n <= 0
}

// A unitReader gives a string to package regexp unit by unit. The widths add
// up to the bytes of the string, so that the indexes regexp returns are those
// of the string; an index between two halves lies inside a character.
type unitReader struct {
	text string
	low  rune // second half that is due, or 0
}

var unitReaders = sync.Pool{New: func() any { return new(unitReader) }}

func (u *unitReader) ReadRune() (r rune, width int, err error) {
	if low := u.low; low != 0 {
		u.low = 0
		return low, 2, nil
	}
	if u.text == "" {
		return 0, 0, io.EOF
	}
	r, width = utf8.DecodeRuneInString(u.text)
	broken := r == utf8.RuneError && width == 1
	first := u.text[0]
	u.text = u.text[width:]
	switch {
	case broken:
		return 0xDC00 + rune(first), width, nil // a half alone
	case r >= 0x10000:
		high, low := utf16.EncodeRune(r)
		u.low = low
		return high, 2, nil
	}
	return r, width, nil
}
