package wire

import (
	crypto "crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"
)

// A Token is the session token of a great hall. It is in each event, so it is
// no secret for who is connected (protocol §1); it does not belong into logs
// all the same, so it prints as its first four digits. Convert it to a string
// to have it whole.
type Token string

// NewToken returns a token for a great hall, or the throw-away one of an
// autoconnect: 32 hexadecimal digits from crypto/rand.
func NewToken() Token {
	var b [16]byte
	crypto.Read(b[:]) // never fails: it ends the process instead
	return Token(hex.EncodeToString(b[:]))
}

// String returns the token shortened.
func (t Token) String() string { return shorten(string(t)) }

// GoString keeps %#v from showing the token.
func (t Token) GoString() string { return fmt.Sprintf("wire.Token(%q)", t.String()) }

// LogValue implements [slog.LogValuer].
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps JSON dumps of states and configurations clean.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

func shorten(s string) string {
	if len(s) <= 8 {
		return s
	}
	return s[:4] + "…"
}

// Redact shortens the token inside an orc name or a topic that holds one, for
// messages to people: "Grom@0123456789abcdef…::a" becomes "Grom@0123…::a".
func Redact(s string) string {
	at := strings.IndexByte(s, '@')
	if at < 0 {
		return s
	}
	end := at + 1
	for end < len(s) && isHex(s[end]) {
		end++
	}
	if end-at-1 <= 8 {
		return s[:end] + Redact(s[end:])
	}
	return s[:at+5] + "…" + Redact(s[end:])
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// IDLen is the length of a message id.
const IDLen = 36

// NewID returns a random UUID (version 4) in text form. Ids tell messages
// apart, they protect nothing: they come from the fast generator.
func NewID() string {
	var b [IDLen]byte
	PutID(&b)
	return string(b[:])
}

// PutID writes a new id into b.
func PutID(b *[IDLen]byte) {
	var u uuid.UUID
	binary.LittleEndian.PutUint64(u[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(u[8:], rand.Uint64())
	u[6] = u[6]&0x0f | 0x40 // version 4
	u[8] = u[8]&0x3f | 0x80 // variant of RFC 9562
	hex.Encode(b[0:8], u[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], u[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], u[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], u[8:10])
	b[23] = '-'
	hex.Encode(b[24:], u[10:])
}
