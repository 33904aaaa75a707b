package wire

import (
	"encoding/binary"
	"math/bits"
)

// Each method of a text that walks takes the position where something begins
// and returns the one behind it, or what wrong returns: an error on the way of
// each value would double the time.

// A fault is what is wrong with a text.
type fault int

const (
	noValue fault = iota
	noEnd
	noWord
	noName
	noColon
	noBrace
	noBracket
	noQuote
	noEscape
	noDigit
	control
	tooNested
	faults // how many there are
)

var faultNames = [faults]string{
	noValue:   "a value was expected",
	noEnd:     "the text ends early",
	noWord:    "true, false or null was expected",
	noName:    "the name of a member was expected",
	noColon:   "a colon was expected",
	noBrace:   "a comma or a closing brace was expected",
	noBracket: "a comma or a closing bracket was expected",
	noQuote:   "a string does not end",
	noEscape:  "an unknown escape in a string",
	noDigit:   "a digit was expected",
	control:   "a control character in a string",
	tooNested: "nested too deep",
}

// wrong is a negative number that tells what is wrong and where.
func wrong(at int, what fault) int { return -1 - at*int(faults) - int(what) }

// syntaxError is what wrong has told.
func syntaxError(code int) *SyntaxError {
	code = -1 - code
	return &SyntaxError{code / int(faults), faultNames[code%int(faults)]}
}

// space passes white space; what machines write has none, so this is short.
func (t text) space(i int) int {
	for i < len(t) && t[i] <= ' ' && (t[i] == ' ' || t[i] == '\n' || t[i] == '\r' || t[i] == '\t') {
		i++
	}
	return i
}

func (t text) value(i, depth int) int {
	if i >= len(t) {
		return wrong(i, noEnd)
	}
	switch t[i] {
	case '"':
		return t.str(i)
	case '{':
		return t.object(i, depth)
	case '[':
		return t.array(i, depth)
	case 't':
		return t.word(i, "true")
	case 'f':
		return t.word(i, "false")
	case 'n':
		return t.word(i, "null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return t.number(i)
	}
	return wrong(i, noValue)
}

func (t text) word(i int, word string) int {
	if len(t)-i < len(word) || string(t[i:i+len(word)]) != word {
		return wrong(i, noWord)
	}
	return i + len(word)
}

func (t text) object(i, depth int) int {
	if depth >= maxDepth {
		return wrong(i, tooNested)
	}
	i = t.space(i + 1)
	if i < len(t) && t[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(t) || t[i] != '"' {
			return wrong(i, noName)
		}
		if i = t.str(i); i < 0 {
			return i
		}
		if i = t.space(i); i >= len(t) || t[i] != ':' {
			return wrong(i, noColon)
		}
		if i = t.value(t.space(i+1), depth+1); i < 0 {
			return i
		}
		if i = t.space(i); i >= len(t) {
			return wrong(i, noBrace)
		}
		switch t[i] {
		case ',':
			i = t.space(i + 1)
		case '}':
			return i + 1
		default:
			return wrong(i, noBrace)
		}
	}
}

func (t text) array(i, depth int) int {
	if depth >= maxDepth {
		return wrong(i, tooNested)
	}
	i = t.space(i + 1)
	if i < len(t) && t[i] == ']' {
		return i + 1
	}
	for {
		if i = t.value(i, depth+1); i < 0 {
			return i
		}
		if i = t.space(i); i >= len(t) {
			return wrong(i, noBracket)
		}
		switch t[i] {
		case ',':
			i = t.space(i + 1)
		case ']':
			return i + 1
		default:
			return wrong(i, noBracket)
		}
	}
}

// str walks a string. Most are short, and as long as the one in the same place
// of the message before: a branch for each of their bytes is foreseen, where the
// next step would have to wait for what a word of eight tells.
func (t text) str(i int) int {
	const short = 16
	i++
	for end := min(i+short, len(t)); i < end; i++ {
		if c := t[i]; endsRun[c] {
			if c == '"' {
				return i + 1
			}
			break
		}
	}
	return t.strEnd(i)
}

// endsRun are the bytes at which special stops.
var endsRun = func() (ends [256]bool) {
	for c := range ends {
		ends[c] = c == '"' || c == '\\' || c < 0x20
	}
	return ends
}()

// strEnd walks the rest of a string with all that can be in one.
func (t text) strEnd(i int) int {
	for i = t.special(i); i < len(t); i = t.special(i) {
		switch t[i] {
		case '"':
			return i + 1
		case '\\':
			if i = t.escape(i); i < 0 {
				return i
			}
		default:
			return wrong(i, control)
		}
	}
	return wrong(i, noQuote)
}

// special finds the next quote, backslash or control character, or the end of
// the text: eight bytes, where it often is, then thirty-two at a time.
func (t text) special(i int) int {
	if i+8 <= len(t) {
		if found := specials(binary.LittleEndian.Uint64(t[i:])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	for ; i+32 <= len(t); i += 32 {
		b := t[i : i+32]
		first := marks(binary.LittleEndian.Uint64(b)) | marks(binary.LittleEndian.Uint64(b[8:]))
		if (first|marks(binary.LittleEndian.Uint64(b[16:]))|marks(binary.LittleEndian.Uint64(b[24:])))&highs != 0 {
			break
		}
	}
	for ; i+8 <= len(t); i += 8 {
		if found := specials(binary.LittleEndian.Uint64(t[i:])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(t) && !endsRun[t[i]] {
		i++
	}
	return i
}

const ones, highs = 0x0101010101010101, 0x8080808080808080

// specials marks the bytes of w that are a quote, a backslash or a control
// character. Marks above the lowest one may be wrong.
func specials(w uint64) uint64 { return marks(w) & highs }

// marks is specials with further bits. A byte is a quote or a control character
// when it is below 0x21 once its second bit is turned around.
func marks(w uint64) uint64 {
	return (((w ^ ones*0x02) - ones*0x21) | ((w ^ ones*'\\') - ones)) &^ w
}

func (t text) escape(i int) int {
	if i+1 >= len(t) {
		return wrong(i, noQuote)
	}
	switch t[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 <= len(t) && isHex(t[i+2]) && isHex(t[i+3]) && isHex(t[i+4]) && isHex(t[i+5]) {
			return i + 6
		}
	}
	return wrong(i, noEscape)
}

func (t text) number(i int) int {
	if t[i] == '-' {
		i++
	}
	switch {
	case i >= len(t) || !isDigit(t[i]):
		return wrong(i, noDigit)
	case t[i] == '0':
		i++
	default:
		i = t.digits(i)
	}
	if i < len(t) && t[i] == '.' {
		if i++; i >= len(t) || !isDigit(t[i]) {
			return wrong(i, noDigit)
		}
		i = t.digits(i)
	}
	if i < len(t) && (t[i] == 'e' || t[i] == 'E') {
		if i++; i < len(t) && (t[i] == '+' || t[i] == '-') {
			i++
		}
		if i >= len(t) || !isDigit(t[i]) {
			return wrong(i, noDigit)
		}
		i = t.digits(i)
	}
	return i
}

func (t text) digits(i int) int {
	for i < len(t) && isDigit(t[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c-'0' <= 9 }
