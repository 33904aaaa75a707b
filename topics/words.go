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
	for _, text := range p.texts() {
		choices = append(choices, shared(text.words())...)
	}
	slices.SortStableFunc(choices, func(a, b []string) int { return shortest(b) - shortest(a) })
	return choices
}

// A text is a stretch of a pattern in which nothing but its forms is open.
type text struct {
	forms        []string
	begins, ends bool // at the beginning, at the end of the topic
}

// texts returns the stretches of a pattern that are known literally.
func (p *Pattern) texts() []text {
	var texts []text
	if p.form == cut {
		for i, part := range p.parts {
			texts = append(texts, text{append([]string{part.text}, part.more...), i == 0, i == len(p.parts)-1})
		}
		return texts
	}
	if p.split || hasLineBreak(p.text) {
		return nil
	}
	first, last := group(p.text)
	for i, piece := range strings.Split(p.text[:first], "*") {
		texts = append(texts, text{[]string{piece}, i == 0, false})
	}
	pieces := strings.Split(p.text[last:], "*")
	for i, piece := range pieces {
		texts = append(texts, text{[]string{piece}, false, i == len(pieces)-1})
	}
	return texts
}

// words returns the words of each form.
func (t text) words() [][]string {
	words := make([][]string, len(t.forms))
	for i, form := range t.forms {
		words[i] = wordsOf(form, t.begins, t.ends)
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
