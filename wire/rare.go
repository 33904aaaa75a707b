package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Rare holds the members of a [Message] that few messages have. Most have none
// of them, and then no memory for them either. The members are JSON text, nil
// when absent.
type Rare struct {
	ARP        json.RawMessage // routes of the caller (protocol §2.9), in commands
	Context    json.RawMessage // opaque, follows a command (§5.7)
	Immu       json.RawMessage // _xImmu: immutable values (§7.2)
	Shred      json.RawMessage // _xShred: Shredder values (§7.2)
	Forwarding json.RawMessage // between great halls (§8)
	Route      json.RawMessage // routing keys already crossed (§8)

	// Horde names the horde that an event comes from; "" for the hall's own.
	Horde string

	// Extra holds further members to write, as the inside of a JSON object
	// without braces, e.g. `"a":1,"b":2`. Peers ignore members they do not
	// know. Received messages leave it nil: see Member and Edit.
	Extra []byte
}

// none is what a message without rare members has. Nobody writes to it.
var none Rare

// rare returns what m has, to be read only.
func (m *Message) rare() *Rare {
	if m.Rare == nil {
		return &none
	}
	return m.Rare
}

// MakeRare returns the rare members of m for writing. Copies of a Message share
// them: who has copied one takes the methods that set, or Edit.
func (m *Message) MakeRare() *Rare {
	if m.Rare == nil {
		m.Rare = new(Rare)
	}
	return m.Rare
}

// SetPayload gives m a payload: its Data, Immu, Shred and Chunk.
func (m *Message) SetPayload(data, immu, shred json.RawMessage, chunk []byte) {
	m.Data, m.Chunk = data, chunk
	if immu != nil || shred != nil || m.Immu() != nil || m.Shred() != nil {
		m.Rare = m.Rare.edit()
		m.Rare.Immu, m.Rare.Shred = immu, shred
	}
}

// SetContext gives m a context; nil takes it away.
func (m *Message) SetContext(context json.RawMessage) {
	if context != nil || m.Context() != nil {
		m.Rare = m.Rare.edit()
		m.Rare.Context = context
	}
}

// SetARP gives m the routes of its sender; nil takes them away.
func (m *Message) SetARP(routes json.RawMessage) {
	if routes != nil || m.ARP() != nil {
		m.Rare = m.Rare.edit()
		m.Rare.ARP = routes
	}
}

// ARP returns the routes of the caller of a command (protocol §2.9), as JSON
// text; nil when there are none.
func (m *Message) ARP() json.RawMessage { return m.rare().ARP }

// Context returns what follows a command through all that it causes (protocol
// §5.7), as JSON text; nil when there is none.
func (m *Message) Context() json.RawMessage { return m.rare().Context }

// Immu returns which parts of the payload are immutable values (protocol §7.2),
// as JSON text; nil when none is.
func (m *Message) Immu() json.RawMessage { return m.rare().Immu }

// Shred returns which parts of the payload are Shredder values (protocol §7.2),
// as JSON text; nil when none is.
func (m *Message) Shred() json.RawMessage { return m.rare().Shred }

// Forwarding returns what great halls tell one another (protocol §8), as JSON
// text; nil when there is nothing.
func (m *Message) Forwarding() json.RawMessage { return m.rare().Forwarding }

// Route returns the routing keys that were crossed (protocol §8), as JSON text;
// nil when there are none.
func (m *Message) Route() json.RawMessage { return m.rare().Route }

// Horde names the horde that an event comes from; "" for the hall's own.
func (m *Message) Horde() string { return m.rare().Horde }

// Extra returns the further members that are written: see [Rare].
func (m *Message) Extra() []byte { return m.rare().Extra }

func (r *Rare) size() int {
	if r == nil {
		return 0
	}
	return len(r.ARP) + len(r.Immu) + len(r.Shred) + len(r.Extra)
}

// edit returns a copy for somebody who changes it.
func (r *Rare) edit() *Rare {
	if r == nil {
		return new(Rare)
	}
	c := *r
	c.Extra = slices.Clip(r.Extra)
	return &c
}

// clone returns a copy that shares no memory with r.
func (r *Rare) clone() *Rare {
	if r == nil {
		return nil
	}
	c := Rare{Horde: strings.Clone(r.Horde), Extra: bytes.Clone(r.Extra)}
	c.ARP, c.Context = bytes.Clone(r.ARP), bytes.Clone(r.Context)
	c.Immu, c.Shred = bytes.Clone(r.Immu), bytes.Clone(r.Shred)
	c.Forwarding, c.Route = bytes.Clone(r.Forwarding), bytes.Clone(r.Route)
	return &c
}
