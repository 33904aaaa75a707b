package wire

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// A message prints as a short description: its envelope is full of tokens, its
// payload belongs to its user and may be large.

// String describes m for people: topic, id, and how large it is.
func (m Message) String() string {
	s := Redact(m.Topic)
	if m.ID != "" {
		s += " id=" + m.ID
	}
	if m.OrcName != "" {
		s += " orc=" + Redact(m.OrcName)
	}
	if m.IsError {
		s += " error"
	}
	s += fmt.Sprintf(" data=%dB", len(m.Data))
	if m.Chunk != nil {
		s += fmt.Sprintf(" chunk=%dB", len(m.Chunk))
	}
	return s
}

// GoString returns what %#v shows.
func (m Message) GoString() string { return fmt.Sprintf("wire.Message(%q)", m.String()) }

// Format implements [fmt.Formatter]: some verbs do not ask for String.
func (m Message) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') {
		fmt.Fprint(f, m.GoString())
		return
	}
	fmt.Fprintf(f, fmt.FormatString(f, verb), m.String())
}

// LogValue implements [slog.LogValuer].
func (m Message) LogValue() slog.Value {
	d := m.describe()
	return slog.GroupValue(
		slog.String("topic", d.Topic), slog.String("id", d.ID), slog.String("orcName", d.OrcName),
		slog.Bool("isError", d.IsError), slog.Int("data", d.Data), slog.Int("chunk", d.Chunk),
	)
}

// MarshalJSON gives the description of m for dumps; [AppendEnvelope] gives what
// is sent.
func (m Message) MarshalJSON() ([]byte, error) { return json.Marshal(m.describe()) }

type description struct {
	Topic   string `json:"topic"`
	ID      string `json:"id,omitempty"`
	OrcName string `json:"orcName,omitempty"`
	Token   Token  `json:"token,omitempty"`
	IsError bool   `json:"isError"`
	Data    int    `json:"dataBytes"`
	Chunk   int    `json:"chunkBytes,omitempty"`
}

func (m Message) describe() description {
	return description{Redact(m.Topic), m.ID, Redact(m.OrcName), m.Token, m.IsError, len(m.Data), len(m.Chunk)}
}
