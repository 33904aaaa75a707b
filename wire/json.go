package wire

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
)

// A text is JSON that is walked once, without building anything. It accepts
// exactly what encoding/json accepts, up to maxDepth; each method takes the
// position where a value begins and returns the one behind it.
type text []byte

// maxDepth is how deep a message may nest (field experience: real ones stay
// under 20).
const maxDepth = 1000

// envelopeDepth is where an envelope begins: it does not count, so that what
// [Valid] accepts always fits into one.
const envelopeDepth = -1

// A SyntaxError says where a JSON text is wrong.
type SyntaxError struct {
	Offset int    // bytes from the beginning of the argument
	Reason string // what is wrong there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

func syntax(at int, reason string) (int, error) { return at, &SyntaxError{at, reason} }

// Valid reports whether b is one JSON value that may be sent: what JSON is for
// encoding/json, nested at most 1,000 deep.
func Valid(b []byte) bool {
	_, err := checkJSON(b)
	return err == nil
}

// checkJSON returns the end of the one value that b is.
func checkJSON(b []byte) (int, error) {
	t := text(b)
	i, err := t.value(t.space(0), 0)
	if err != nil {
		return i, err
	}
	if i = t.space(i); i != len(t) {
		return syntax(i, "something follows the value")
	}
	return i, nil
}

// space passes white space; what machines write has none, so this is short.
func (t text) space(i int) int {
	for i < len(t) && t[i] <= ' ' && (t[i] == ' ' || t[i] == '\n' || t[i] == '\r' || t[i] == '\t') {
		i++
	}
	return i
}

func (t text) value(i, depth int) (int, error) {
	if i >= len(t) {
		return syntax(i, "the text ends early")
	}
	switch c := t[i]; c {
	case '"':
		return t.str(i)
	case '{':
		return t.object(i, depth, nil)
	case '[':
		return t.array(i, depth)
	case 't':
		return t.literal(i, "true")
	case 'f':
		return t.literal(i, "false")
	case 'n':
		return t.literal(i, "null")
	default:
		if c == '-' || isDigit(c) {
			return t.number(i)
		}
		return syntax(i, "a value was expected")
	}
}

func (t text) literal(i int, word string) (int, error) {
	if len(t)-i < len(word) || string(t[i:i+len(word)]) != word {
		return syntax(i, "true, false or null was expected")
	}
	return i + len(word), nil
}

// object walks an object and shows each member, if member is not nil: the key
// with its quotes, and the value. Neither can be appended to: what stands
// behind them belongs to somebody else.
func (t text) object(i, depth int, member func(key, value text)) (int, error) {
	if depth >= maxDepth {
		return syntax(i, "nested too deep")
	}
	i = t.space(i + 1)
	if i < len(t) && t[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(t) || t[i] != '"' {
			return syntax(i, "the name of a member was expected")
		}
		key := i
		var err error
		if i, err = t.str(i); err != nil {
			return i, err
		}
		name := t[key:i:i]
		if i = t.space(i); i >= len(t) || t[i] != ':' {
			return syntax(i, "a colon was expected")
		}
		begin := t.space(i + 1)
		if i, err = t.value(begin, depth+1); err != nil {
			return i, err
		}
		if member != nil {
			member(name, t[begin:i:i])
		}
		i = t.space(i)
		switch {
		case i < len(t) && t[i] == ',':
			i = t.space(i + 1)
		case i < len(t) && t[i] == '}':
			return i + 1, nil
		default:
			return syntax(i, "a comma or a closing brace was expected")
		}
	}
}

func (t text) array(i, depth int) (int, error) {
	if depth >= maxDepth {
		return syntax(i, "nested too deep")
	}
	i = t.space(i + 1)
	if i < len(t) && t[i] == ']' {
		return i + 1, nil
	}
	for {
		var err error
		if i, err = t.value(i, depth+1); err != nil {
			return i, err
		}
		i = t.space(i)
		switch {
		case i < len(t) && t[i] == ',':
			i = t.space(i + 1)
		case i < len(t) && t[i] == ']':
			return i + 1, nil
		default:
			return syntax(i, "a comma or a closing bracket was expected")
		}
	}
}

func (t text) str(i int) (int, error) {
	i++
	for {
		if i = t.special(i); i == len(t) {
			return syntax(i, "a string does not end")
		}
		switch t[i] {
		case '"':
			return i + 1, nil
		case '\\':
			var err error
			if i, err = t.escape(i); err != nil {
				return i, err
			}
		default:
			return syntax(i, "a control character in a string")
		}
	}
}

// special finds the next quote, backslash or control character, or the end of
// the text, eight bytes at a time.
func (t text) special(i int) int {
	for ; i+8 <= len(t); i += 8 {
		if marks := specials(binary.LittleEndian.Uint64(t[i:])); marks != 0 {
			return i + bits.TrailingZeros64(marks)>>3
		}
	}
	for ; i < len(t); i++ {
		if c := t[i]; c == '"' || c == '\\' || c < 0x20 {
			return i
		}
	}
	return i
}

// specials marks the bytes of w that are a quote, a backslash or a control
// character. Marks above the lowest one may be wrong.
func specials(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, slash := w^(ones*'"'), w^(ones*'\\')
	return ((quote - ones) &^ quote & highs) | ((slash - ones) &^ slash & highs) | ((w - ones*0x20) &^ w & highs)
}

func (t text) escape(i int) (int, error) {
	if i+1 >= len(t) {
		return syntax(i, "a string does not end")
	}
	switch t[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
		if i+6 <= len(t) && isHex(t[i+2]) && isHex(t[i+3]) && isHex(t[i+4]) && isHex(t[i+5]) {
			return i + 6, nil
		}
	}
	return syntax(i, "an unknown escape in a string")
}

func (t text) number(i int) (int, error) {
	if t[i] == '-' {
		i++
	}
	switch {
	case i >= len(t) || !isDigit(t[i]):
		return syntax(i, "a digit was expected")
	case t[i] == '0':
		i++
	default:
		i = t.digits(i)
	}
	if i < len(t) && t[i] == '.' {
		if i++; i >= len(t) || !isDigit(t[i]) {
			return syntax(i, "a digit was expected")
		}
		i = t.digits(i)
	}
	if i < len(t) && (t[i] == 'e' || t[i] == 'E') {
		if i++; i < len(t) && (t[i] == '+' || t[i] == '-') {
			i++
		}
		if i >= len(t) || !isDigit(t[i]) {
			return syntax(i, "a digit was expected")
		}
		i = t.digits(i)
	}
	return i, nil
}

func (t text) digits(i int) int {
	for i < len(t) && isDigit(t[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// truthy is what JavaScript makes of a value in a condition.
func (t text) truthy() bool {
	switch t[0] {
	case 'f', 'n':
		return false
	case '"':
		return len(t) > 2
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		var f float64
		err := json.Unmarshal(t, &f)
		return err != nil || f != 0 // out of range is Infinity in JavaScript
	}
	return true
}

// lookup finds a member of an envelope that was parsed before; the last of two
// equal names counts.
func lookup(envelope []byte, name string) (value json.RawMessage) {
	if len(envelope) == 0 {
		return nil
	}
	_, _ = text(envelope).object(0, envelopeDepth, func(key, v text) {
		if key.unquoted() == name {
			value = json.RawMessage(v)
		}
	})
	return value
}
