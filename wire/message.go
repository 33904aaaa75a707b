package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// Topics with a meaning for the protocol itself (protocol §4.6, §2.5, §2.9).
const (
	TopicHeartbeat   = "greathall::heartbeat"
	TopicGameOver    = "gameover"
	TopicReject      = "xcraft::axon/reject"
	TopicDeleteRoute = ":delete-route"
	CommandAuto      = "autoconnect"
	GreatHall        = "greathall"
)

// A Router is the backend that a message came by or that its caller listens on.
type Router uint8

const (
	NoRouter    Router = iota // the member is absent
	Axon                      // "axon": sockets
	EE                        // "ee": inside the process of the hall
	OtherRouter               // any other text
)

// String returns the name on the wire, "" for none.
func (r Router) String() string {
	switch r {
	case Axon:
		return "axon"
	case EE:
		return "ee"
	case OtherRouter:
		return "other"
	}
	return ""
}

// A Message is one command or one event (protocol §3). Messages are read-only
// once they have been handed on: all subscribers of an event share one.
//
// The byte slices and strings of a received Message point into the memory it
// was received in and stay valid for as long as they are referenced; who keeps
// one small part of many messages for long does well to clone it.
type Message struct {
	// Topic is the name of the command, or the topic of the event. The first
	// argument of the frame counts, not the member of the envelope.
	Topic string
	// ID names the answers of a command; an event has one of its own.
	ID string
	// OrcName is the caller of a command; of an event, what stands before "::".
	OrcName string
	// Token is that of the great hall.
	Token Token

	// Data is the payload as JSON text; nil when there is none (undefined).
	Data json.RawMessage
	// Chunk is the binary part that stands for the member chunk of Data
	// (protocol §7.4); nil when there is none.
	Chunk []byte

	// Nested is false for an activity, which the hall queues; true for a
	// command that runs at once (protocol §5.3). Always false in events.
	Nested bool
	// IsError tells that a command has failed.
	IsError bool
	// Serialized: Data is JSON text in a string, with functions (§6.6).
	Serialized bool
	// Stream: Data announces a stream (§7.5).
	Stream bool
	// Broadcasted: the event was sent with the command broadcast (§4.7).
	Broadcasted bool
	// Bare marks a message without _xcraftMessage: it is no envelope but a
	// plain object, of internal topics only. It is written from Extra alone.
	Bare bool

	// Router is the backend the message came by, OriginRouter that of the
	// caller of the command that led to it.
	Router, OriginRouter Router
	// Seq numbers the events that a hall of ours sends to one client, from 1;
	// 0 when the hall does not number. Other peers do not know the member.
	Seq uint64

	// Rare holds what few messages have; nil when this one has none of it. It is
	// read by the methods of m, and written by [Message.MakeRare].
	Rare *Rare

	raw    json.RawMessage // as it was received; asWritten when we write the same
	shared *shared         // see Share
}

// Share has m written once for several receivers: what [Append] writes first of
// it is copied for the next ones. After that m, and copies of it, change in
// nothing but Seq.
func (m *Message) Share() { m.shared = new(shared) }

// A shared is the text of a message up to its number.
type shared struct {
	once sync.Once
	text []byte
}

func (s *shared) members(m *Message) []byte {
	s.once.Do(func() { s.text = appendMembers(make([]byte, 0, m.Size()+shareRoom), m) })
	return s.text
}

// shareRoom is for the names of the members, which Size does not count.
const shareRoom = 256

// heartbeat is shared by all that receive one: it has no content.
var heartbeat = &Message{Topic: TopicHeartbeat, Bare: true}

// Heartbeat returns the message of protocol §4.2. It is shared and read-only.
func Heartbeat() *Message { return heartbeat }

// IsHeartbeat reports whether m is a heartbeat.
func (m *Message) IsHeartbeat() bool { return m.Topic == TopicHeartbeat }

// asWritten stands for the envelope of a received message that has nothing in it
// but the fields, in our order: it takes no memory, and is written again when it
// is wanted.
var asWritten = json.RawMessage{}

// Raw returns the envelope as it was received, nil for a message that was made
// here. A proxy forwards it untouched.
func (m *Message) Raw() json.RawMessage {
	if m.raw == nil || len(m.raw) > 0 {
		return m.raw
	}
	return slices.Clip(AppendEnvelope(nil, m))
}

// Member returns a member of the received envelope by name, nil when absent.
// It looks through the whole text: use the fields for what they hold.
func (m *Message) Member(name string) json.RawMessage {
	return lookup(m.Raw(), name)
}

// Size returns about how many bytes m takes on the wire, for limits of queues.
func (m *Message) Size() int {
	if len(m.raw) > 0 {
		return len(m.Topic) + len(m.raw) + len(m.Chunk)
	}
	return 2*len(m.Topic) + len(m.OrcName) + len(m.Data) + len(m.Chunk) + m.Rare.size()
}

// Edit returns a copy whose fields can be changed and are then what is written.
// Members without a field go along in Extra, and so do all those of a bare
// message.
func (m *Message) Edit() *Message {
	c := *m
	c.raw, c.shared = nil, nil
	if m.Rare != nil {
		c.Rare = m.Rare.edit()
	}
	if len(m.raw) == 0 {
		return &c
	}
	var known Message
	var extra []byte
	walk := membersOf(text(m.raw), 0)
	for key, value, ok := walk.next(); ok; key, value, ok = walk.next() {
		if m.Bare || !known.member(key, value) {
			extra = appendExtra(extra, key, value)
		}
	}
	if extra != nil || c.Rare != nil {
		c.MakeRare().Extra = extra
	}
	return &c
}

func appendExtra(dst []byte, key, value text) []byte {
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	return append(append(append(dst, key...), ':'), value...)
}

// Clone returns a copy that shares no memory with m.
func (m *Message) Clone() *Message {
	c := *m
	c.shared = nil
	c.Topic, c.ID = strings.Clone(m.Topic), strings.Clone(m.ID)
	c.OrcName = strings.Clone(m.OrcName)
	c.Token = Token(strings.Clone(string(m.Token)))
	c.Data, c.Chunk, c.raw = bytes.Clone(m.Data), bytes.Clone(m.Chunk), bytes.Clone(m.raw)
	c.Rare = m.Rare.clone()
	return &c
}
