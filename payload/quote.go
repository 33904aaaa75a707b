package payload

import (
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// short are the escapes of one letter.
var short = [256]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

// appendString writes a string as JSON.stringify does. ok is false when the
// string is not UTF-8, lone surrogates (as this package keeps them) excepted.
func appendString(dst []byte, s string) (_ []byte, ok bool) {
	if simple(s) {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"'), true
	}
	if !utf8.ValidString(s) {
		return appendSurrogates(dst, s)
	}
	dst = append(dst, '"')
	dst = appendEscaped(dst, s, special(s))
	return append(dst, '"'), true
}

// appendEscaped writes s, of which the byte at n is the first to be escaped.
func appendEscaped(dst []byte, s string, n int) []byte {
	for {
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return dst
		}
		if e := short[s[n]]; e != 0 {
			dst = append(dst, '\\', e)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[s[n]>>4], hexDigits[s[n]&15])
		}
		s = s[n+1:]
		n = special(s)
	}
}

// appendSurrogates writes a string that is not UTF-8: surrogates as escapes, a
// pair of them as the character it is, anything else is refused.
func appendSurrogates(dst []byte, s string) (_ []byte, ok bool) {
	dst = append(dst, '"')
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r != utf8.RuneError || n > 1 {
			dst = appendEscaped(dst, s[:n], special(s[:n]))
			s = s[n:]
			continue
		}
		r, ok := surrogate(s)
		if !ok {
			return dst, false
		}
		s = s[3:]
		if low, ok := surrogate(s); ok && r < lowSurrogate && low >= lowSurrogate {
			dst = utf8.AppendRune(dst, join(r, low))
			s = s[3:]
			continue
		}
		dst = append(dst, '\\', 'u', 'd', hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
	}
	return append(dst, '"'), true
}

// surrogate reads the three bytes of a lone surrogate.
func surrogate(s string) (r rune, ok bool) {
	if len(s) < 3 || s[0] != 0xed || s[1]&^0x1f != 0xa0 || s[2]&^0x3f != 0x80 {
		return 0, false
	}
	return rune(s[0]&0xf)<<12 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), true
}

// writable reports whether appendString takes the string.
func writable(s string) bool {
	if utf8.ValidString(s) {
		return true
	}
	_, ok := appendSurrogates(nil, s)
	return ok
}

// appendInt writes the small numbers that a text is full of.
func appendInt(dst []byte, i int) []byte {
	u := uint(i)
	switch {
	case u < 10:
		return append(dst, byte('0'+u))
	case u < 100:
		return append(dst, byte('0'+u/10), byte('0'+u%10))
	case u < 1000:
		return append(dst, byte('0'+u/100), byte('0'+u/10%10), byte('0'+u%10))
	case u < 10000:
		return append(dst, byte('0'+u/1000), byte('0'+u/100%10), byte('0'+u/10%10), byte('0'+u%10))
	case u < 100000:
		return append(dst, byte('0'+u/10000), byte('0'+u/1000%10), byte('0'+u/100%10), byte('0'+u/10%10), byte('0'+u%10))
	}
	return strconv.AppendInt(dst, int64(i), 10)
}
