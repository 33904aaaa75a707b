package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// errNotObject: the second argument of a frame is no JSON object.
var errNotObject = errors.New("the message is not a JSON object")

// parseEnvelope reads the members of the second argument of a frame into m,
// without copying: m points into b. Unknown members are left in the raw text,
// members of the wrong type count as absent (protocol §3, §9.1).
func (u *usual) parseEnvelope(m *Message, b []byte) error {
	t := text(b)
	begin := t.space(0)
	if begin >= len(t) || t[begin] != '{' {
		return errNotObject
	}
	m.Bare, m.Nested = true, true
	walk := u.begin(m, t, begin)
	for key, value, ok := walk.next(); ok; key, value, ok = walk.next() {
		m.member(key, value)
	}
	if walk.wrong < 0 {
		return syntaxError(walk.wrong)
	}
	m.raw = json.RawMessage(t[begin:walk.at:walk.at])
	if i := t.space(walk.at); i != len(t) {
		return &SyntaxError{i, "something follows the message"}
	}
	u.learn(m, t, walk.whole)
	return nil
}

// member gives m one member and reports whether it has a field for it.
func (m *Message) member(key, value text) (known bool) {
	name := key[1 : len(key)-1]
	if m.set(alias(name), value) {
		return true
	}
	return bytes.IndexByte(name, '\\') >= 0 && m.set(key.unquoted(), value)
}

// set is member for a name without escapes.
func (m *Message) set(name string, value text) (known bool) {
	switch name {
	case "_xcraftMessage":
		m.Bare = !value.truthy()
	case "token":
		m.Token = Token(value.textOf())
	case "orcName":
		m.OrcName = value.textOf()
	case "id":
		m.ID = value.textOf()
	case "data":
		m.Data = json.RawMessage(value)
	case "isNested":
		m.Nested = string(value) != "false" // protocol §5.3
	case "isError":
		m.IsError = value.truthy()
	case "router":
		m.Router = parseRouter(value)
	case "originRouter":
		m.OriginRouter = parseRouter(value)
	case "serialized":
		m.Serialized = value.truthy()
	case "_xcraftStream":
		m.Stream = value.truthy()
	case "_xcraftBroadcasted":
		m.Broadcasted = value.truthy()
	case "_xbusSeq":
		m.Seq = value.uintOf()
	case "topic": // the first argument counts
	default:
		return m.setRare(name, value)
	}
	return true
}

// setRare is set for the members that few messages have.
func (m *Message) setRare(name string, value text) (known bool) {
	switch name {
	case "arp":
		m.MakeRare().ARP = value.objectOf()
	case "context":
		m.MakeRare().Context = json.RawMessage(value)
	case "_xImmu":
		m.MakeRare().Immu = value.objectOf()
	case "_xShred":
		m.MakeRare().Shred = value.objectOf()
	case "forwarding":
		m.MakeRare().Forwarding = value.objectOf()
	case "route":
		m.MakeRare().Route = json.RawMessage(value)
	case "_xcraftHorde":
		m.MakeRare().Horde = value.textOf()
	default:
		return false
	}
	return true
}

func parseRouter(value text) Router {
	switch value.textOf() {
	case "":
		return NoRouter
	case "axon":
		return Axon
	case "ee":
		return EE
	}
	return OtherRouter
}

// unquoted returns the content of a string that was walked before. Without
// escapes it points into the text, which nobody writes to any more.
func (t text) unquoted() string {
	inner := t[1 : len(t)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return alias(inner)
	}
	var s string
	if json.Unmarshal(t, &s) != nil {
		return ""
	}
	return s
}

// textOf is unquoted for a value of any kind: "" for what is no string.
func (t text) textOf() string {
	if t[0] != '"' {
		return ""
	}
	return t.unquoted()
}

// objectOf returns an object as it is, and nil for other values.
func (t text) objectOf() json.RawMessage {
	if t[0] != '{' {
		return nil
	}
	return json.RawMessage(t)
}

// uintOf returns an integer, and 0 for other values.
func (t text) uintOf() uint64 {
	n, err := strconv.ParseUint(string(t), 10, 64)
	if err != nil {
		return 0 // not what is left of a number that is too large
	}
	return n
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// rawBytes is what alias undoes: nobody writes to it.
func rawBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
