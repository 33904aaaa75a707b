package wire

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// A usual is what a Reader expects of the next envelope: that it begins like
// those before it and has its members in the order of protocol §3. What is as
// expected is compared, which is several times quicker than to walk it; the walk
// begins where something is not, and what is read is the same in any case.
type usual struct {
	head   string // all before the value of the id
	token  Token  // what is in it
	orc    string
	misses int // envelopes in a row that began in another way
}

const (
	usualTopic = `","topic":"`
	usualData  = `","data":`
	usualFlags = `,"isNested":false,"isError":false`
)

// begin reads into m the first members of an envelope, as far as they are as
// expected, and returns the walk of the others.
func (u *usual) begin(m *Message, t text, begin int) members {
	at, ok := t.past(begin, u.head)
	if !ok || u.head == "" {
		u.misses++
		return membersOf(t, begin)
	}
	u.misses = 0
	id := t[at:min(at+IDLen, len(t))]
	at += len(id)
	for _, expected := range [...]string{usualTopic, m.Topic, usualData} {
		if ok {
			at, ok = t.past(at, expected)
		}
	}
	if !ok || !isBare(alias(id)) || !isBare(m.Topic) {
		return membersOf(t, begin)
	}
	walk := members{text: t}
	at = t.space(at)
	end := t.value(at, 0)
	if end < 0 {
		walk.wrong = end
		return walk
	}
	m.Bare, m.Token, m.OrcName, m.ID = false, u.token, u.orc, alias(id)
	m.Data = json.RawMessage(t[at:end:end])
	if at, ok = t.past(end, usualFlags); ok {
		m.Nested, end = false, at
	}
	walk.after(end)
	return walk
}

// learn expects more envelopes like that of m, when those expected so far do not
// come any more.
func (u *usual) learn(m *Message, t text) {
	if u.misses < 2 || m.Bare || m.OrcName == "" {
		return
	}
	head := AppendString([]byte(`{"_xcraftMessage":true,"token":`), string(m.Token))
	head = AppendString(append(head, `,"orcName":`...), m.OrcName)
	head = append(head, `,"id":"`...)
	if _, ok := t.past(0, alias(head)); ok { // else it is another order
		*u = usual{head: string(head), token: Token(strings.Clone(string(m.Token))), orc: strings.Clone(m.OrcName)}
	}
}

// past returns the position behind what is expected at i, and whether it is
// there.
func (t text) past(i int, expected string) (int, bool) {
	end := i + len(expected)
	return end, end <= len(t) && string(t[i:end]) == expected
}

// isBare reports whether s stands for itself between quotes: ASCII without quotes,
// backslashes and control characters.
func isBare(s string) bool {
	t, i := text(rawBytes(s)), 0
	for ; i+8 <= len(t); i += 8 {
		w := binary.LittleEndian.Uint64(t[i:])
		if specials(w)|w&highs != 0 {
			return false
		}
	}
	for ; i < len(t); i++ {
		if c := t[i]; endsRun[c] || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
