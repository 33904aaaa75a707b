package topics

import (
	"cmp"
	"slices"
	"strings"
)

// maxForms is how many alternatives one part may have; patterns with more of
// them are left to package regexp.
const maxForms = 64

// A part is what stands between two stars: a text, or one of several where
// there are groups. All groups of a pattern are in the same part: a star
// between two groups is raw (protocol §6.1), and such a pattern is not cut.
type part struct {
	text  string   // the shortest form
	more  []string // the other forms, the shorter ones first
	stars int      // stars before the part; 0 for the first part only
}

// cutParts cuts a pattern of literals, stars and plain groups at its stars. It
// returns nil for other patterns.
func cutParts(pattern string) []part {
	if strings.ContainsAny(pattern, "\n\r\u2028\u2029") {
		return nil // a star must not run over them; see matchParts
	}
	first, last := group(pattern)
	drafts := cutStars([]draft{{forms: []string{""}}}, pattern[:first])
	if first < last {
		open := &drafts[len(drafts)-1]
		open.forms = expand(open.forms, strings.ReplaceAll(pattern[first:last], `\`, ""))
		if open.forms == nil {
			return nil
		}
	}
	drafts = cutStars(drafts, pattern[last:])
	parts := make([]part, len(drafts))
	for i, d := range drafts {
		forms := d.forms
		if len(forms) > 1 {
			forms = sideBySide(shortestFirst(forms))
		}
		parts[i] = part{text: forms[0], stars: d.stars}
		if len(forms) > 1 {
			parts[i].more = forms[1:]
		}
	}
	return parts
}

// sideBySide puts texts into one piece of memory.
func sideBySide(texts []string) []string {
	whole := strings.Join(texts, "")
	for i, text := range texts {
		texts[i], whole = whole[:len(text)], whole[len(text):]
	}
	return texts
}

// A draft is a part that may still grow.
type draft struct {
	forms []string
	stars int
}

// cutStars goes on with a text in which only stars are special.
func cutStars(drafts []draft, text string) []draft {
	for i, piece := range strings.Split(text, "*") {
		if i > 0 {
			if open := &drafts[len(drafts)-1]; open.stars > 0 && len(open.forms) == 1 && open.forms[0] == "" {
				open.stars++ // nothing between two stars
			} else {
				drafts = append(drafts, draft{forms: []string{""}, stars: 1})
			}
		}
		open := &drafts[len(drafts)-1]
		open.forms = product(open.forms, []string{piece})
	}
	return drafts
}

// expand appends the raw part of a pattern to the forms: groups of plain
// alternatives, with plain text between them. It returns nil for anything else.
func expand(forms []string, raw string) []string {
	for raw != "" && forms != nil {
		text, rest, found := strings.Cut(raw, "(")
		if !plain(text) || strings.Contains(text, "|") {
			return nil
		}
		forms, raw = product(forms, []string{text}), rest
		if !found {
			break
		}
		inside, rest, found := strings.Cut(raw, ")")
		if !found || !plain(inside) {
			return nil
		}
		forms, raw = product(forms, strings.Split(inside, "|")), rest
	}
	return forms
}

// plain reports whether a raw text means itself, "|" apart.
func plain(text string) bool { return !strings.ContainsAny(text, `.*+?^$()[]{}`) }

// product returns each form followed by each ending, or nil when there are
// more than maxForms.
func product(forms, endings []string) []string {
	if len(forms)*len(endings) > maxForms {
		return nil
	}
	if len(forms) == 1 && forms[0] == "" {
		return endings
	}
	all := make([]string, 0, len(forms)*len(endings))
	for _, form := range forms {
		for _, ending := range endings {
			all = append(all, form+ending)
		}
	}
	return all
}

func shortestFirst(forms []string) []string {
	slices.SortFunc(forms, func(a, b string) int {
		return cmp.Or(len(a)-len(b), strings.Compare(a, b))
	})
	return slices.Compact(forms)
}

// matchParts matches without going back: the shortest first and last parts that
// fit stand at the ends, and each part between them is taken where it ends
// first. What follows may then begin anywhere, so no other choice can do
// better. (With line breaks inside of a part it could; there are none.)
//
// looked counts the bytes that were compared or searched: the topic once, and
// once more for each form of the part that has several.
func matchParts(parts []part, topic string) (ok bool, looked int) {
	head, tail := &parts[0], &parts[len(parts)-1]
	if head == tail {
		return head.is(topic), head.size()
	}
	rest, ok := head.cutPrefix(topic)
	if !ok {
		return false, head.size()
	}
	rest, ok = tail.cutSuffix(rest)
	if !ok {
		return false, head.size() + tail.size()
	}
	inside := rest
	for i := 1; i < len(parts)-1; i++ {
		if rest, ok = skipUnits(rest, parts[i].stars); !ok {
			return false, looked
		}
		end, n := parts[i].find(rest)
		looked += n
		if end < 0 {
			return false, looked
		}
		rest = rest[end:]
	}
	_, ok = skipUnits(rest, tail.stars)
	return ok && !hasLineBreak(inside), looked + len(inside)
}

func (p *part) is(s string) bool { return s == p.text || slices.Contains(p.more, s) }

func (p *part) cutPrefix(s string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(s, p.text)
	for i := 0; !ok && i < len(p.more); i++ {
		rest, ok = strings.CutPrefix(s, p.more[i])
	}
	return rest, ok
}

func (p *part) cutSuffix(s string) (rest string, ok bool) {
	rest, ok = strings.CutSuffix(s, p.text)
	for i := 0; !ok && i < len(p.more); i++ {
		rest, ok = strings.CutSuffix(s, p.more[i])
	}
	return rest, ok
}

// find returns where the part ends first in s, or -1.
func (p *part) find(s string) (end, looked int) {
	end, looked = endOf(p.text, s), len(s)
	if end >= 0 {
		looked = end
	}
	for _, form := range p.more {
		if end >= 0 {
			s = s[:max(end-1, 0)] // what ends later is no better
		}
		looked += len(s)
		if e := endOf(form, s); e >= 0 {
			end = e
		}
	}
	return end, looked
}

// endOf returns where text ends first in s, or -1.
func endOf(text, s string) int {
	if i := strings.Index(s, text); i >= 0 {
		return i + len(text)
	}
	return -1
}

func (p *part) size() int {
	n := len(p.text)
	for _, form := range p.more {
		n += len(form)
	}
	return n
}
