package topics

import "math/bits"

// What is done for each event looks at eight bytes at a time.

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// load returns the eight bytes of s from i on, the first one lowest.
func load(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// below sets the high bit of each byte of x that is less than n, and maybe of
// bytes above one that is. n is at most 128.
func below(x uint64, n uint64) uint64 { return (x - n*ones) &^ x & highs }

// nextBorder returns the index of the first border in s from i on, or len(s).
func nextBorder(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		x := load(s, i)
		found := below(x^'.'*ones, 1) | below(x^':'*ones, 1) | below((x|0x02*ones)^'>'*ones, 1) // < is > without 0x02
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && !isBorder(s[i]) {
		i++
	}
	return i
}

// ordinary reports whether all bytes of s are ASCII from 0x0E on: no character
// of more bytes and no line break.
func ordinary(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if s[i] < 0x0E || s[i] >= 0x80 {
				return false
			}
		}
		return true
	}
	last := load(s, len(s)-8)
	found := last&highs | below(last, 0x0E)
	for i := 0; i+8 < len(s); i += 8 {
		x := load(s, i)
		found |= x&highs | below(x, 0x0E)
	}
	return found == 0
}
