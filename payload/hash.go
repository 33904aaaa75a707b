package payload

import (
	"hash/maphash"
	"math"
	"math/bits"
)

var seed = maphash.MakeSeed()

// hash gives equal scalars the same number, 0 and −0 counting as equal, and each
// container a number of its own.
func (v Value) hash() uint64 {
	switch v.Kind() {
	case KindString, KindFunc:
		return hashString(v.str())
	case KindBytes:
		return maphash.Bytes(seed, v.bytes())
	case KindNumber:
		f := v.float()
		if f != f {
			f = math.NaN()
		}
		return mix(math.Float64bits(f+0) ^ uint64(v.Kind())) // −0 + 0 is 0
	case KindBool:
		return mix(v.num)
	case KindUndefined, KindNull, kindHole:
		return mix(v.num)
	}
	if v.emptyImmutable() {
		return mix(v.num)
	}
	return maphash.Comparable(seed, v.ptr)
}

// emptyImmutable values of a kind are one and the same in Immutable.js.
func (v Value) emptyImmutable() bool {
	return v.Kind().Immutable() && len(v.node().slots) == 0
}

var secret = [2]uint64{maphash.String(seed, "first"), maphash.String(seed, "second")}

// hashString is maphash.String, but for the short strings that keys are: those
// it folds with two secret numbers.
func hashString(s string) uint64 {
	n := len(s)
	if n > 16 || n < 4 {
		return maphash.String(seed, s)
	}
	var a, b uint64
	if n >= 8 {
		a, b = load8(s), load8(s[n-8:])
	} else {
		a, b = load4(s), load4(s[n-4:])
	}
	high, low := bits.Mul64(a^secret[0], b^secret[1]^uint64(n))
	return high ^ low
}

func load8(s string) uint64 {
	s = s[:8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func load4(s string) uint64 {
	s = s[:4]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// sameLiteral tells integers apart that have the same float64. One that is
// written as JavaScript writes this float64 is no other number.
func sameLiteral(a, b Value) bool {
	if !a.isLiteral() && !b.isLiteral() {
		return true
	}
	return a.digits() == b.digits()
}

func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}

// same is the SameValueZero of JavaScript: scalars by value, containers by
// identity.
func same(a, b Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case KindString, KindFunc:
		return a.str() == b.str()
	case KindBytes:
		return string(a.bytes()) == string(b.bytes())
	case KindNumber:
		x, y := a.float(), b.float()
		return (x == y || x != x && y != y) && sameLiteral(a, b)
	case KindBool:
		return a.num == b.num
	case KindUndefined, KindNull, kindHole:
		return true
	}
	return a.ptr == b.ptr || a.emptyImmutable() && b.emptyImmutable()
}
