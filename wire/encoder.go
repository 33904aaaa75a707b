package wire

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
)

// An Encoder appends frames, the same as [Append], for one connection. It keeps
// what stands around the id and the payload of the last message: most have that
// in common with the one before. Its zero value is ready.
type Encoder struct {
	topic  []byte // of the last message
	ready  bool   // what follows is for it
	misses int    // messages in a row with this topic, for which it was not

	token Token
	orc   string
	ends  ends

	// The text, in four parts: up to the envelope, with room for its length at the
	// end; up to the id; up to the data; up to the number.
	first, head, middle, last []byte
}

// ends are the members that stand behind the data.
type ends struct {
	nested, isError, serialized, stream, broadcasted bool
	router, origin                                   Router
}

func endsOf(m *Message) ends {
	return ends{m.Nested, m.IsError, m.Serialized, m.Stream, m.Broadcasted, m.Router, m.OriginRouter}
}

// Append appends the frame of m as the function of this name does. It keeps
// nothing of m.
func (e *Encoder) Append(dst []byte, m *Message) ([]byte, error) {
	if !e.expects(m) {
		e.learn(m)
		return Append(dst, m)
	}
	e.misses = 0
	frame := append(dst, e.first...)
	length := len(frame)
	frame = append(append(frame, e.head...), m.ID...)
	frame = append(append(frame, e.middle...), m.Data...)
	frame = append(frame, e.last...)
	if m.Seq != 0 {
		frame = strconv.AppendUint(append(frame, usualSeq...), m.Seq, 10)
	}
	frame = append(frame, '}')
	if err := checkLength(uint64(len(frame) - length)); err != nil {
		return dst, err
	}
	binary.BigEndian.PutUint32(frame[length-4:], uint32(len(frame)-length))
	return frame, nil
}

// expects reports whether the text is that of m, but for the id and the payload.
func (e *Encoder) expects(m *Message) bool {
	return e.ready && m.Topic == alias(e.topic) && isPlain(m) &&
		m.Token == e.token && m.OrcName == e.orc && endsOf(m) == e.ends
}

// isPlain reports whether m has an id that stands for itself, a payload, and
// nothing that few messages have.
func isPlain(m *Message) bool {
	return m.Data != nil && m.Chunk == nil && m.Rare == nil && m.shared == nil && len(m.raw) == 0 && !m.Bare && isBare(m.ID)
}

// learn notes the topic of a message that was not expected, and prepares for more
// of them when it comes again: the more rarely, the more often that was in vain.
func (e *Encoder) learn(m *Message) {
	const most = 256 // far above what a topic has that comes again
	if m.Topic != alias(e.topic) {
		e.topic = append(e.topic[:0], m.Topic[:min(len(m.Topic), most)]...)
		e.ready, e.misses = false, 0
		return
	}
	if !isPlain(m) || m.IsHeartbeat() {
		return
	}
	if e.misses++; e.misses&(e.misses-1) == 0 {
		e.prepare(m)
	}
}

func (e *Encoder) prepare(m *Message) {
	like := *m
	like.ID, like.Data, like.Seq = "", []byte{}, 0
	text, err := Append(e.first[:0], &like)
	if err != nil {
		e.ready = false
		return
	}
	envelope := headSize + 4 + len("s:") + len(m.Topic) + 4
	id := envelope + bytes.Index(text[envelope:], []byte(`,"id":"`)) + len(`,"id":"`)
	data := id + bytes.Index(text[id:], []byte(usualData)) + len(usualData)
	e.first, e.head, e.middle, e.last = text[:envelope], text[envelope:id], text[id:data], text[data:len(text)-1]
	e.token, e.orc = Token(strings.Clone(string(m.Token))), strings.Clone(m.OrcName)
	e.ends, e.ready = endsOf(m), true
}
