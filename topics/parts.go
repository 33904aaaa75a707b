package topics

import (
	"slices"
	"strings"
)

// maxForms is how many alternatives one part may have; patterns with more of
// them are left to package regexp.
const maxForms = 64

// A part is what stands between two stars: a text, or one of several where
// there are groups.
type part struct {
	forms []string // at least one, the shortest first
	stars int      // stars before the part; 0 for the first part only
}

// cutParts cuts a pattern of literals, stars and plain groups at its stars. It
// returns nil for other patterns.
func cutParts(pattern string) []part {
	if strings.ContainsAny(pattern, "\n\r\u2028\u2029") {
		return nil // a star must not run over them; see matchParts
	}
	first, last := group(pattern)
	parts := cutStars([]part{{forms: []string{""}}}, pattern[:first])
	if first < last {
		open := &parts[len(parts)-1]
		if open.forms = expand(open.forms, strings.ReplaceAll(pattern[first:last], `\`, "")); open.forms == nil {
			return nil
		}
	}
	parts = cutStars(parts, pattern[last:])
	for i := range parts {
		parts[i].forms = shortestFirst(parts[i].forms)
	}
	return slices.Clip(parts)
}

// cutStars goes on with a text in which only stars are special.
func cutStars(parts []part, text string) []part {
	for i, piece := range strings.Split(text, "*") {
		switch open := &parts[len(parts)-1]; {
		case i == 0:
		case len(open.forms) == 1 && open.forms[0] == "" && open.stars > 0:
			open.stars++ // nothing between two stars
		default:
			parts = append(parts, part{forms: []string{""}, stars: 1})
		}
		open := &parts[len(parts)-1]
		open.forms = product(open.forms, []string{piece})
	}
	return parts
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
	if len(forms) == 1 {
		return forms
	}
	slices.SortFunc(forms, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return slices.Clip(slices.Compact(forms))
}

// matchParts matches without going back: the shortest first and last parts that
// fit stand at the ends, and each part between them is taken where it ends
// first. What follows may then begin anywhere, so no other choice can do
// better. (With line breaks inside of a part it could; there are none.)
//
// looked counts the bytes that were compared or searched: at most a multiple of
// the two lengths together.
func matchParts(parts []part, topic string) (ok bool, looked int) {
	head, tail := &parts[0], &parts[len(parts)-1]
	if head == tail {
		return slices.Contains(head.forms, topic), len(topic) * len(head.forms)
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

func (p *part) cutPrefix(s string) (rest string, ok bool) {
	for _, form := range p.forms {
		if rest, ok = strings.CutPrefix(s, form); ok {
			return rest, true
		}
	}
	return s, false
}

func (p *part) cutSuffix(s string) (rest string, ok bool) {
	for _, form := range p.forms {
		if rest, ok = strings.CutSuffix(s, form); ok {
			return rest, true
		}
	}
	return s, false
}

// find returns where the part ends first in s, or -1. With several forms it
// looks at s in windows that double, so that a form which is far away or
// absent does not cost more than the distance to the one that is found.
func (p *part) find(s string) (end, looked int) {
	if len(p.forms) == 1 {
		form := p.forms[0]
		if i := strings.Index(s, form); i >= 0 {
			return i + len(form), i + len(form)
		}
		return -1, len(s)
	}
	for width := 64; ; width *= 2 {
		window := s[:min(width, len(s))]
		end = -1
		for _, form := range p.forms {
			looked += len(window)
			if i := strings.Index(window, form); i >= 0 {
				end = i + len(form)
				window = s[:max(end-1, 0)]
			}
		}
		if end >= 0 || width >= len(s) {
			return end, looked
		}
	}
}

func (p *part) size() (n int) {
	for _, form := range p.forms {
		n += len(form)
	}
	return n
}
