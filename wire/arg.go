package wire

import (
	"encoding/json"
	"math/big"
	"unicode/utf8"
)

// Kind is the type of one argument of a frame (protocol §2.2).
type Kind uint8

const (
	Blob   Kind = iota // bytes without mark
	String             // s:
	JSON               // j:
	BigInt             // b:
)

// An Arg is one argument of a frame: its kind and its bytes without the mark.
type Arg struct {
	Kind  Kind
	Bytes []byte
}

// ArgString, ArgJSON, ArgBigInt and ArgBlob make arguments.
func ArgString(s string) Arg        { return Arg{String, []byte(s)} }
func ArgJSON(j json.RawMessage) Arg { return Arg{JSON, j} }
func ArgBigInt(n *big.Int) Arg      { return Arg{BigInt, []byte(n.String())} }
func ArgBlob(b []byte) Arg          { return Arg{Blob, b} }

// ParseArg reads the bytes of one argument as the reference does. Invalid
// UTF-8 in a string becomes U+FFFD; the bytes are shared otherwise.
func ParseArg(raw []byte) (Arg, error) {
	a := splitArg(raw)
	switch a.Kind {
	case String:
		if !utf8.Valid(a.Bytes) {
			a.Bytes = replaceInvalid(a.Bytes)
		}
	case JSON:
		if err := checkJSON(a.Bytes); err != nil {
			return a, &FormatError{Reason: ErrArgument, Err: err}
		}
	case BigInt:
		if !validBigInt(a.Bytes) {
			return a, formatError(ErrArgument, "%s is no integer", quote(string(a.Bytes)))
		}
	}
	return a, nil
}

// splitArg tells the kind by the mark, without looking further.
func splitArg(raw []byte) Arg {
	if len(raw) >= 2 && raw[1] == ':' {
		switch raw[0] {
		case 's':
			return Arg{String, raw[2:]}
		case 'j':
			return Arg{JSON, raw[2:]}
		case 'b':
			return Arg{BigInt, raw[2:]}
		}
	}
	return Arg{Blob, raw}
}

// BigInt returns the value of a BigInt argument; an empty one is 0.
func (a Arg) BigInt() (*big.Int, bool) {
	if a.Kind != BigInt || !validBigInt(a.Bytes) {
		return nil, false
	}
	if len(a.Bytes) == 0 {
		return new(big.Int), true
	}
	return new(big.Int).SetString(string(a.Bytes), 10)
}

func validBigInt(b []byte) bool {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		if b = b[1:]; len(b) == 0 {
			return false
		}
	}
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// size is the length of the argument on the wire, mark included.
func (a Arg) size() int {
	if a.Kind == Blob {
		return len(a.Bytes)
	}
	return 2 + len(a.Bytes)
}

func (a Arg) append(dst []byte) []byte {
	switch a.Kind {
	case String:
		dst = append(dst, 's', ':')
	case JSON:
		dst = append(dst, 'j', ':')
	case BigInt:
		dst = append(dst, 'b', ':')
	}
	return append(dst, a.Bytes...)
}

// replaceInvalid returns a copy that is valid UTF-8, as JavaScript decodes it:
// one U+FFFD for each beginning of a character that does not go on.
func replaceInvalid(b []byte) []byte {
	valid := make([]byte, 0, len(b)+8)
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			for size < len(b) && !utf8.FullRune(b[:size+1]) {
				size++
			}
		}
		valid = utf8.AppendRune(valid, r)
		b = b[size:]
	}
	return valid
}
