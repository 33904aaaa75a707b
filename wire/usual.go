package wire

import (
	"bytes"
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
	head   string // all before the orc name
	token  Token  // what is in it
	orc    string // one that came often
	tail   string // the routers
	router Router // what is in it
	origin Router
	whole  bool // the last envelope was all as expected
	misses int  // envelopes in a row that began in another way
	others int  // orc names in a row that were not orc
}

const (
	usualID    = `","id":"`
	usualTopic = `","topic":"`
	usualData  = `","data":`
	usualFlags = `,"isNested":false,"isError":false`
	usualSeq   = `,"_xbusSeq":`
)

// flags are what stands behind the data.
var flags = [...]struct {
	text            string
	nested, isError bool
}{
	{usualFlags, false, false},
	{`,"isNested":true,"isError":false`, true, false},
	{`,"isNested":false,"isError":true`, false, true},
}

// A found envelope is one that begins as expected, and where its members are.
type found struct {
	orc, id, data int    // where they begin
	end           int    // behind the data; negative when they are wrong
	at            int    // behind all that was as expected
	flags         int    // which of them came; len(flags) for none
	seq           uint64 // of a whole one
	known         bool   // the orc name is the expected one
	whole         bool   // all of it was as expected
}

// begin reads into m the first members of an envelope, as far as they are as
// expected, and returns the walk of the others.
func (u *usual) begin(m *Message, t text, begin int) members {
	u.misses++
	f, ok := u.find(t, m.Topic, begin)
	if !ok {
		return membersOf(t, begin)
	}
	walk := members{text: t}
	if f.end < 0 {
		walk.wrong = f.end
		return walk
	}
	u.set(m, t, 0, &f)
	if f.whole {
		walk.at, walk.over, walk.whole = f.at, true, true
	} else {
		walk.after(f.at)
	}
	return walk
}

// find compares an envelope with what is expected, up to the data at least.
func (u *usual) find(t text, topic string, begin int) (f found, ok bool) {
	at, ok := t.past(begin, u.head)
	if !ok || u.head == "" {
		return f, false
	}
	u.misses = 0
	f.orc = at
	if at, f.known = u.orcName(t, at); at < 0 {
		return f, false
	}
	if f.id, ok = t.past(at, usualID); !ok || f.id+IDLen > len(t) || !isBare(alias(t[f.id:f.id+IDLen])) {
		return f, false
	}
	at = f.id + IDLen
	for _, expected := range [...]string{usualTopic, topic, usualData} {
		if at, ok = t.past(at, expected); !ok {
			return f, false
		}
	}
	if !isBare(topic) {
		return f, false
	}
	f.data = t.space(at)
	f.end = t.value(f.data, 0)
	if f.end < 0 {
		return f, true
	}
	f.at, f.flags = f.end, len(flags)
	for i := range flags {
		if behind, ok := t.past(f.end, flags[i].text); ok {
			f.at, f.flags = behind, i
			f.whole = f.data == at && u.findEnd(t, &f)
			break
		}
	}
	return f, true
}

// orcName returns the position behind an orc name that stands for itself, negative
// when there is none, and whether it is the expected one.
func (u *usual) orcName(t text, at int) (end int, known bool) {
	if end, ok := t.past(at, u.orc); ok && u.orc != "" && end < len(t) && t[end] == '"' {
		u.others = 0
		return end, true
	}
	length := bytes.IndexByte(t[at:], '"')
	if length <= 0 || !isBare(alias(t[at:at+length])) {
		return -1, false
	}
	if u.others++; u.others&(u.others-1) != 0 {
		return at + length, false
	}
	u.orc = string(t[at : at+length]) // the more rarely, the more there are
	return at + length, true
}

// findEnd finds the last members, as they are expected, and reports whether they
// are.
func (u *usual) findEnd(t text, f *found) bool {
	at, ok := t.past(f.at, u.tail)
	if !ok {
		return false
	}
	if digits, numbered := t.past(at, usualSeq); numbered {
		if at, f.seq = t.seq(digits); f.seq == 0 {
			return false
		}
	}
	if at >= len(t) || t[at] != '}' {
		return false
	}
	f.at = at + 1
	return true
}

// set gives m what was found. t is the text of the envelope from its byte from on.
func (u *usual) set(m *Message, t text, from int, f *found) {
	m.Bare, m.Token, m.OrcName = false, u.token, u.orc
	if !f.known {
		m.OrcName = alias(t[f.orc-from : f.id-from-len(usualID)])
	}
	m.ID = alias(t[f.id-from:][:IDLen])
	m.Data = json.RawMessage(t[f.data-from : f.end-from : f.end-from])
	if f.flags < len(flags) {
		m.Nested, m.IsError = flags[f.flags].nested, flags[f.flags].isError
	}
	if f.whole {
		m.Router, m.OriginRouter, m.Seq = u.router, u.origin, f.seq
	}
}

// seq reads a number as we write it; 0 is for what is none.
func (t text) seq(i int) (end int, n uint64) {
	const most = 19 // digits that fit for sure
	if i >= len(t) || t[i] == '0' {
		return i, 0
	}
	for end = i; end < len(t) && isDigit(t[end]); end++ {
		if end-i == most {
			return i, 0
		}
		n = 10*n + uint64(t[end]-'0')
	}
	return end, n
}

// learn expects more envelopes like that of m, when those expected so far do not
// come any more.
func (u *usual) learn(m *Message, t text, whole bool) {
	u.whole = whole
	if whole {
		return
	}
	if u.misses == 0 && m.Rare == nil {
		u.learnTail(m.Router, m.OriginRouter)
	}
	if u.misses < 2 || m.Bare || m.OrcName == "" {
		return
	}
	head := AppendString([]byte(`{"_xcraftMessage":true,"token":`), string(m.Token))
	head = append(head, `,"orcName":"`...)
	if _, ok := t.past(0, alias(head)); ok { // else it is another order
		u.head, u.token, u.misses = string(head), Token(strings.Clone(string(m.Token))), 0
		u.learnTail(m.Router, m.OriginRouter)
	}
}

func (u *usual) learnTail(router, origin Router) {
	if router == u.router && origin == u.origin || router == OtherRouter || origin == OtherRouter {
		return
	}
	tail := appendRouter(nil, `,"router":`, router)
	u.tail = string(appendRouter(tail, `,"originRouter":`, origin))
	u.router, u.origin = router, origin
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
	t := text(rawBytes(s))
	if len(t) < 8 {
		for _, c := range t {
			if endsRun[c] || c >= utf8.RuneSelf {
				return false
			}
		}
		return true
	}
	last := len(t) - 8
	w := binary.LittleEndian.Uint64(t[last:])
	found := marks(w) | w
	for i := 0; i < last; i += 8 {
		w = binary.LittleEndian.Uint64(t[i:])
		found |= marks(w) | w
	}
	return found&highs == 0
}
