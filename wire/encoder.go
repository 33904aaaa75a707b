package wire

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
)

// An Encoder appends frames, the same as [Append], for one connection. It keeps
// what messages have in common with those before them: all but the orc name, the
// id, the topic, the payload and the number. Its zero value is ready.
type Encoder struct {
	ready  bool
	misses int // messages in a row that were not as expected

	token Token
	ends  ends
	head  []byte // four bytes for the length of the envelope, and what is before the orc name
	last  []byte // what is between the data and the number
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
	if !isPlain(m) {
		return Append(dst, m)
	}
	if !e.ready || m.Token != e.token || endsOf(m) != e.ends {
		e.learn(m)
		return Append(dst, m)
	}
	e.misses = 0
	frame := appendHead(dst, 2)
	frame = binary.BigEndian.AppendUint32(frame, uint32(2+len(m.Topic)))
	frame = append(append(frame, "s:"...), m.Topic...)
	length := len(frame)
	frame = append(append(frame, e.head...), m.OrcName...)
	frame = append(append(frame, usualID...), m.ID...)
	frame = append(append(frame, usualTopic...), m.Topic...)
	frame = append(append(frame, usualData...), m.Data...)
	frame = append(frame, e.last...)
	if m.Seq != 0 {
		frame = strconv.AppendUint(append(frame, usualSeq...), m.Seq, 10)
	}
	frame = append(frame, '}')
	size := uint64(len(frame) - length - 4)
	if err := checkLength(size); err != nil {
		return dst, err
	}
	binary.BigEndian.PutUint32(frame[length:], uint32(size))
	return frame, nil
}

// isPlain reports whether m has a topic, an orc name and an id that stand for
// themselves, a payload, and nothing that few messages have.
func isPlain(m *Message) bool {
	return m.Topic != "" && m.OrcName != "" && m.Data != nil && m.Chunk == nil && m.Rare == nil && m.shared == nil && len(m.raw) == 0 &&
		!m.Bare && !m.IsHeartbeat() && isBare(m.Topic) && isBare(m.OrcName) && isBare(m.ID)
}

// learn expects more messages like m when several were not as expected: the more
// rarely, the more often it did in vain.
func (e *Encoder) learn(m *Message) {
	if e.misses++; e.misses&(e.misses-1) != 0 {
		return
	}
	like := *m
	like.OrcName, like.ID, like.Topic, like.Data, like.Seq = "-", "", "", []byte{}, 0
	text := AppendEnvelope(append(e.head[:0], "\x00\x00\x00\x00j:"...), &like)
	const middle = usualID + usualTopic + usualData
	head := bytes.Index(text, []byte("-"+middle))
	e.head, e.last = text[:head], text[head+len("-"+middle):len(text)-1]
	e.token, e.ends, e.ready = Token(strings.Clone(string(m.Token))), endsOf(m), true
}
