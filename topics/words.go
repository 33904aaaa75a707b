package topics

import (
	"slices"
	"strings"
)

// The index of a Router is made of words: what stands between two of . : < >
// or an end. A pattern is filed under a word that each topic it matches must
// contain, or under several of which each topic must contain one. This does
// not look at ids, so it misses nothing.

func isBorder(c byte) bool { return c == '.' || c == ':' || c == '<' || c == '>' }

// wordsOf returns the words of a text that is a part of a topic. A word at an
// end of the text only counts when the topic begins or ends there.
func wordsOf(text string, begins, ends bool) []string {
	var words []string
	for start := 0; start <= len(text); {
		end := nextBorder(text, start)
		if end > start && (start > 0 || begins) && (end < len(text) || ends) {
			words = append(words, text[start:end])
		}
		start = end + 1
	}
	return words
}

// anchors returns the choices of words under which a pattern can be filed, the
// longest words first: they are the rarest. Each topic that the pattern matches
// contains at least one word of each choice, a literal pattern's text being a
// word of its topic. No choice: there is no such word.
func (p *Pattern) anchors() [][]string {
	var choices [][]string
	if p.form == literal && p.text != "" {
		return [][]string{{p.text}}
	}
	for _, s := range p.stretches() {
		choices = append(choices, shared(s.words())...)
	}
	slices.SortStableFunc(choices, func(a, b []string) int { return shortest(b) - shortest(a) })
	return choices
}

// A stretch is a part of a pattern that is known, but for which form it takes.
type stretch struct {
	forms        []string
	begins, ends bool // at the beginning, at the end of the topic
}

// stretches returns what stands between the stars, and for an expression what
// stands around its groups.
func (p *Pattern) stretches() []stretch {
	var all []stretch
	if p.form == cut {
		for i, part := range p.parts {
			all = append(all, stretch{append([]string{part.text}, part.more...), i == 0, i == len(p.parts)-1})
		}
		return all
	}
	if p.split || hasLineBreak(p.text) {
		return nil
	}
	first, last := group(p.text)
	for i, piece := range strings.Split(p.text[:first], "*") {
		all = append(all, stretch{[]string{piece}, i == 0, false})
	}
	pieces := strings.Split(p.text[last:], "*")
	for i, piece := range pieces {
		all = append(all, stretch{[]string{piece}, false, i == len(pieces)-1})
	}
	return all
}

// words returns the words of each form.
func (s stretch) words() [][]string {
	words := make([][]string, len(s.forms))
	for i, form := range s.forms {
		words[i] = wordsOf(form, s.begins, s.ends)
	}
	return words
}

// shared makes choices of the words of several forms: each word that all of
// them have, or else the longest of each.
func shared(words [][]string) [][]string {
	var choices [][]string
	for _, word := range words[0] {
		if !slices.ContainsFunc(words[1:], func(other []string) bool { return !slices.Contains(other, word) }) {
			choices = append(choices, []string{word})
		}
	}
	if choices != nil {
		return choices
	}
	var each []string
	for _, of := range words {
		if len(of) == 0 {
			return nil
		}
		longest := slices.MaxFunc(of, func(a, b string) int { return len(a) - len(b) })
		if !slices.Contains(each, longest) {
			each = append(each, longest)
		}
	}
	return [][]string{each}
}

func shortest(choice []string) int {
	n := len(choice[0])
	for _, word := range choice[1:] {
		n = min(n, len(word))
	}
	return n
}
