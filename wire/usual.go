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
	tail   string // the routers
	router Router // what is in it
	origin Router
	whole  bool // the last envelope was all as expected
	misses int  // envelopes in a row that began in another way
}

const (
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

// all reads an envelope that is all as expected. With false m may be half read.
func (u *usual) all(m *Message, t text) bool {
	walk := u.begin(m, t, 0)
	return walk.whole && walk.at == len(t)
}

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
	data := t.space(at)
	end := t.value(data, 0)
	if end < 0 {
		walk.wrong = end
		return walk
	}
	m.Bare, m.Token, m.OrcName, m.ID = false, u.token, u.orc, alias(id)
	m.Data = json.RawMessage(t[data:end:end])
	for i := range flags {
		f := &flags[i]
		behind, ok := t.past(end, f.text)
		if !ok {
			continue
		}
		m.Nested, m.IsError = f.nested, f.isError
		if data == at && u.end(m, t, behind, &walk) {
			return walk
		}
		end = behind
		break
	}
	walk.after(end)
	return walk
}

// end reads the last members, as they are expected, and reports whether they are.
func (u *usual) end(m *Message, t text, at int, walk *members) bool {
	at, ok := t.past(at, u.tail)
	if !ok {
		return false
	}
	seq := uint64(0)
	if digits, numbered := t.past(at, usualSeq); numbered {
		if at, seq = t.seq(digits); seq == 0 {
			return false
		}
	}
	if at >= len(t) || t[at] != '}' {
		return false
	}
	m.Router, m.OriginRouter, m.Seq = u.router, u.origin, seq
	walk.at, walk.over, walk.whole = at+1, true, true
	return true
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
	head = AppendString(append(head, `,"orcName":`...), m.OrcName)
	head = append(head, `,"id":"`...)
	if _, ok := t.past(0, alias(head)); ok { // else it is another order
		u.head, u.token, u.orc = string(head), Token(strings.Clone(string(m.Token))), strings.Clone(m.OrcName)
		u.learnTail(m.Router, m.OriginRouter)
		u.misses = 0
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
