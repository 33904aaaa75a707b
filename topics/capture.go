package topics

import (
	"strings"
	"unicode/utf8"
)

// Captures returns what the stars and the groups of the pattern stand for in
// topic, in the order in which they begin, and whether topic matches at all.
// Each star takes as much as it can, the first one first, as in the reference;
// a group that takes no part gives "". A half of a character, which a star of
// the reference may end with, is given as "\uFFFD".
func (p *Pattern) Captures(topic string) ([]string, bool) {
	if !p.Match(topic) {
		return nil, false
	}
	switch {
	case p.form == literal:
		return nil, true
	case p.form == cut && p.singleStars():
		return captureStars(p.parts, topic), true
	}
	return p.captureGroups(topic)
}

// singleStars reports whether the pattern has stars, none beside another, and
// no groups.
func (p *Pattern) singleStars() bool {
	if first, _ := group(p.text); first < len(p.text) {
		return false
	}
	for _, part := range p.parts {
		if part.stars > 1 {
			return false
		}
	}
	return true
}

// captureStars places the parts from right to left, each as far to the right
// as it can be: that makes the first star the longest, then the second.
func captureStars(parts []part, topic string) []string {
	captured := make([]string, len(parts)-1)
	last := len(parts) - 1
	rest := topic[len(parts[0].text) : len(topic)-len(parts[last].text)]
	for i := last - 1; i > 0; i-- {
		text := parts[i].text
		_, taken := utf8.DecodeLastRuneInString(rest) // the star behind it needs one
		at := strings.LastIndex(rest[:len(rest)-taken], text)
		captured[i] = whole(rest[at+len(text):])
		rest = rest[:at]
	}
	captured[0] = whole(rest)
	return captured
}

// captureGroups leaves it to package regexp, which takes its time.
func (p *Pattern) captureGroups(topic string) ([]string, bool) {
	re := p.expr.Load()
	if re == nil {
		var err error
		if re, _, err = compileRegexp(p.text); err != nil {
			return nil, false // cannot be: what has parts has an RE2 form
		}
		p.expr.Store(re)
	}
	at := captureRegexp(re, topic)
	if at == nil {
		return nil, false
	}
	captured := make([]string, 0, len(at)/2-1)
	for i := 2; i < len(at); i += 2 {
		text := ""
		if at[i] >= 0 {
			text = topic[at[i]:at[i+1]]
		}
		captured = append(captured, whole(text))
	}
	return captured, true
}

func whole(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
