package wire

import (
	"encoding/hex"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
)

// A Token is the session token of a great hall. It is in each event, so it is
// no secret for who is connected (protocol §1); it does not belong into logs
// all the same, so it prints as its first four digits, by every verb of fmt, in
// slog and in JSON. Convert it to a string to have it whole.
//
// Two places cannot be reached: fmt shows unexported fields of other types as
// they are, encoding/json the keys of maps.
type Token string

// NewToken returns a token for a great hall, or the throw-away one of an
// autoconnect: as with the reference the 32 digits of a random UUID (version 4),
// which comes from crypto/rand.
func NewToken() Token {
	u := uuid.New() // never fails: crypto/rand ends the process instead
	return Token(hex.EncodeToString(u[:]))
}

const (
	tokenLen = 32
	shownLen = 4 // digits that people see
	shortLen = 8 // what is not longer is no real token, and shown whole
)

// String returns the token shortened.
func (t Token) String() string {
	if len(t) <= shortLen {
		return string(t)
	}
	return string(t[:shownLen]) + "…"
}

// GoString returns what %#v shows.
func (t Token) GoString() string { return fmt.Sprintf("wire.Token(%q)", t.String()) }

// Format implements [fmt.Formatter]: some verbs do not ask for String.
func (t Token) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') {
		fmt.Fprint(f, t.GoString())
		return
	}
	fmt.Fprintf(f, fmt.FormatString(f, verb), t.String())
}

// LogValue implements [slog.LogValuer].
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps JSON dumps of states and configurations clean.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Redact shortens the tokens in an orc name, a topic or a text, for messages to
// people: "Grom@0123456789abcdef0123456789abcdef::a" becomes "Grom@0123…::a".
// Tokens are 32 or more hexadecimal digits in a row, and more than 8 behind an @.
func Redact(s string) string {
	var out []byte // nil while nothing was shortened
	kept := 0      // s[:kept] is in out
	for i := 0; i < len(s); {
		end := i
		for end < len(s) && isHex(s[end]) {
			end++
		}
		if end-i >= tokenLen || end-i > shortLen && i > 0 && s[i-1] == '@' {
			out = append(append(out, s[kept:i+shownLen]...), "…"...)
			kept = end
		}
		i = max(end, i+1)
	}
	if out == nil {
		return s
	}
	return string(append(out, s[kept:]...))
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
