package topics

import "strings"

// A program is a cut pattern in one piece of memory, in which an index of very
// many patterns finds it at the cost of one miss of the caches:
//
//	where the last part begins, then for each part:
//	its length, its stars, how many forms, and for each form: its length, its text
//
// All numbers have two bytes, which is enough: a pattern has MaxPattern bytes, of
// which no form is longer, and a part at most maxForms forms.
type program string

// programOf returns the program of the parts of a pattern, "" when it would be
// too long for its numbers.
func programOf(parts []part) program {
	var b strings.Builder
	number := func(n int) { b.Write([]byte{byte(n >> 8), byte(n)}) }
	last := 2
	for _, p := range parts[:len(parts)-1] {
		last += p.programSize()
	}
	if last+parts[len(parts)-1].programSize() >= 1<<16 {
		return ""
	}
	number(last)
	for i := range parts {
		p := &parts[i]
		number(p.programSize())
		number(p.stars)
		number(1 + len(p.more))
		for j := range 1 + len(p.more) {
			number(len(p.form(j)))
			b.WriteString(p.form(j))
		}
	}
	return program(b.String())
}

// form is the text of a part, and then its other forms.
func (p *part) form(i int) string {
	if i == 0 {
		return p.text
	}
	return p.more[i-1]
}

func (p *part) programSize() int { return 6 + 2*(1+len(p.more)) + p.size() }

func (p program) number(at int) int { return int(p[at])<<8 | int(p[at+1]) }

// end is where the part that begins at a position ends.
func (p program) end(at int) int { return at + p.number(at) }

func (p program) stars(at int) int { return p.number(at + 2) }

// next returns the form at a position, and where the next one is.
func (p program) next(at int) (form string, next int) {
	next = at + 2 + p.number(at)
	return string(p[at+2 : next]), next
}

// match is matchParts.
func (p program) match(topic string) bool {
	const head = 2
	tail := p.number(0)
	if head == tail {
		return p.whole(topic)
	}
	n := p.prefix(topic)
	if n < 0 {
		return false
	}
	rest := topic[n:]
	if n = p.suffix(tail, rest); n < 0 {
		return false
	}
	rest = rest[:len(rest)-n]
	inside, ok := rest, true
	for at := p.end(head); at < tail; at = p.end(at) {
		if rest, ok = skipUnits(rest, p.stars(at)); !ok {
			return false
		}
		end := p.find(at, rest)
		if end < 0 {
			return false
		}
		rest = rest[end:]
	}
	_, ok = skipUnits(rest, p.stars(tail))
	return ok && !hasLineBreak(inside)
}

// forms is where the forms of the part at a position begin.
const forms = 6

func (p program) whole(topic string) bool {
	for at, end := 2+forms, p.end(2); at < end; {
		var form string
		if form, at = p.next(at); form == topic {
			return true
		}
	}
	return false
}

// prefix is the length of the first form of the first part that topic begins
// with, or -1.
func (p program) prefix(topic string) int {
	for at, end := 2+forms, p.end(2); at < end; {
		var form string
		if form, at = p.next(at); strings.HasPrefix(topic, form) {
			return len(form)
		}
	}
	return -1
}

// suffix is the same for the part at a position and the end of topic.
func (p program) suffix(part int, topic string) int {
	for at, end := part+forms, p.end(part); at < end; {
		var form string
		if form, at = p.next(at); strings.HasSuffix(topic, form) {
			return len(form)
		}
	}
	return -1
}

// find returns where the part at a position ends first in s, or -1.
func (p program) find(part int, s string) int {
	first := -1
	for at, end := part+forms, p.end(part); at < end; {
		var form string
		form, at = p.next(at)
		if first >= 0 {
			s = s[:max(first-1, 0)] // what ends later is no better
		}
		if e := endOf(form, s); e >= 0 {
			first = e
		}
	}
	return first
}
