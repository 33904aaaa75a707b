package payload

import (
	"math"
	"strconv"
)

// num reads a number. literal is its text when it is an integer of a size at
// which float64 skips some, else empty.
func (p *scanner) num() (f float64, literal string, err error) {
	start, s := p.i, p.s
	i := start
	if i < len(s) && s[i] == '-' {
		i++
	}
	digits, n := i, uint64(0)
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		n = n*10 + uint64(s[i]-'0')
	}
	count := i - digits
	if count == 0 || count > 1 && s[digits] == '0' {
		return 0, "", p.fail("expected a value")
	}
	if count <= 15 && (i == len(s) || s[i] != '.' && s[i]|0x20 != 'e') {
		p.i = i
		if digits > start {
			return -float64(n), "", nil
		}
		return float64(n), "", nil
	}
	if f, ok := p.decimal(start, digits, i, n); ok {
		return f, "", nil
	}
	return p.slowNum(start, i)
}

// decimal reads a number of at most 15 digits with a point and no exponent: both
// the digits and the power of ten are exact, so their quotient is the nearest.
func (p *scanner) decimal(start, digits, point int, n uint64) (f float64, ok bool) {
	s := p.s
	i := point + 1
	if point == len(s) || s[point] != '.' {
		return 0, false
	}
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		n = n*10 + uint64(s[i]-'0')
	}
	if i == point+1 || i-digits > 16 || i < len(s) && s[i]|0x20 == 'e' {
		return 0, false
	}
	f = float64(n) / powers[i-point-1]
	if digits > start {
		f = -f
	}
	p.i = i
	return f, true
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// slowNum reads what is behind the digits of an integer that end at i.
func (p *scanner) slowNum(start, i int) (f float64, literal string, err error) {
	s, integer := p.s, true
	digits := func() bool {
		from := i
		for i < len(s) && s[i]-'0' <= 9 {
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '.' {
		i, integer = i+1, false
		if !digits() {
			return 0, "", p.fail("expected a digit behind the point")
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i, integer = i+1, false
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return 0, "", p.fail("expected a digit in the exponent")
		}
	}
	f, _ = strconv.ParseFloat(s[start:i], 64) // out of range is ±Inf, as in JavaScript
	p.i = i
	if integer && math.Abs(f) >= maxExact {
		literal = s[start:i]
	}
	return f, literal, nil
}

// appendNumber writes a finite number as JavaScript does: the shortest digits
// that give it back, an exponent from 1e21 and below 1e-6. −0 is written 0.
func appendNumber(dst []byte, f float64) []byte {
	if i := int64(f); float64(i) == f && -maxExact < i && i < maxExact {
		return strconv.AppendInt(dst, i, 10)
	}
	if abs := math.Abs(f); abs >= 1e21 || abs < 1e-6 {
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		// e-07 is e-7 in JavaScript
		if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
			dst[n-2] = dst[n-1]
			dst = dst[:n-1]
		}
		return dst
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

var (
	nan              = math.NaN()
	infinity         = math.Inf(1)
	negativeInfinity = math.Inf(-1)
	negativeZero     = math.Copysign(0, -1)
)

// numberText is the number as JavaScript makes a string of it.
func numberText(f float64) string {
	switch {
	case f != f:
		return "NaN"
	case f > math.MaxFloat64:
		return "Infinity"
	case f < -math.MaxFloat64:
		return "-Infinity"
	}
	return string(appendNumber(nil, f))
}
