package topics

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Template is a topic with named places, as "thermo::{room}.changed". It goes
// both ways: Build makes the topic of some values, Parse finds the values of a
// topic, and Parse(Build(values)) is values. Pattern subscribes to all its
// topics.
//
// A value is one word: it is not empty and has none of . : < > in it. That is
// what makes Parse certain. It is immutable and safe for concurrent use.
type Template struct {
	text    string
	names   []string
	fixed   []string // what stands around the places: one more than names
	pattern *Pattern
}

// ParseTemplate reads a template. Names are made of letters, digits and "_";
// between two places there must be one of . : < > at least. Errors are
// [*PatternError].
func ParseTemplate(text string) (*Template, error) {
	refuse := func(reason, hint string) (*Template, error) {
		return nil, &PatternError{Pattern: text, Err: ErrSyntax, Reason: reason, Hint: hint}
	}
	t := &Template{text: text}
	rest := text
	for {
		fixed, after, found := strings.Cut(rest, "{")
		switch {
		case strings.ContainsAny(fixed, "*()"):
			return refuse("a template has no * and no groups, as it must be filled in", "write a place, as in {name}")
		case strings.Contains(fixed, "}"):
			return refuse("a \"}\" has no \"{\"", "write a place as {name}")
		case found && len(t.names) > 0 && nextBorder(fixed, 0) == len(fixed):
			return refuse("nothing divides two places", "put one of . : < > between them")
		}
		t.fixed = append(t.fixed, fixed)
		if !found {
			break
		}
		name, behind, closed := strings.Cut(after, "}")
		switch {
		case !closed || !isPlaceName(name):
			return refuse("a place is not closed, or its name is not made of letters, digits and _", "write a place as {name}")
		case slices.Contains(t.names, name):
			return refuse(fmt.Sprintf("the place {%s} comes twice", name), "give each place a name of its own")
		}
		t.names, rest = append(t.names, name), behind
	}
	var err error
	if t.pattern, err = Compile(strings.Join(t.fixed, "*")); err != nil {
		return nil, err
	}
	return t, nil
}

func isPlaceName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && c != '_' && (c < '0' || '9' < c) {
			return false
		}
	}
	return s != ""
}

// String returns the template as it was given to ParseTemplate.
func (t *Template) String() string { return t.text }

// Names returns the names of the places, from left to right.
func (t *Template) Names() []string { return slices.Clone(t.names) }

// Pattern returns the pattern that matches all topics of the template. It may
// match others too, with several words in a place: Parse refuses those.
func (t *Template) Pattern() *Pattern { return t.pattern }

// Build returns the topic with the given values, one for each name. Errors are
// [*TopicError] and name the value that is missing, unknown or not one word.
func (t *Template) Build(values map[string]string) (string, error) {
	refuse := func(reason, hint string) (string, error) {
		return "", &TopicError{Topic: t.text, Err: ErrBadTopic, Reason: reason, Hint: hint}
	}
	for name := range values {
		if !slices.Contains(t.names, name) {
			return refuse(fmt.Sprintf("there is no place {%s}", name), "give "+t.wanted())
		}
	}
	var b strings.Builder
	b.WriteString(t.fixed[0])
	for i, name := range t.names {
		value, given := values[name]
		switch {
		case !given:
			return refuse(fmt.Sprintf("there is no value for {%s}", name), "give "+t.wanted())
		case !isWord(value):
			return refuse(fmt.Sprintf("the value %s for {%s} is not one word", quote(value), name),
				"give a text that is not empty, without . : < > and line breaks")
		}
		b.WriteString(value)
		b.WriteString(t.fixed[i+1])
	}
	topic := b.String()
	if err := CheckTopic(topic); err != nil {
		return "", err
	}
	return topic, nil
}

func (t *Template) wanted() string {
	if len(t.names) == 0 {
		return "no values"
	}
	return "a value for each of " + strings.Join(t.names, ", ")
}

// Parse returns the value of each name in topic, and whether topic is one that
// Build makes.
func (t *Template) Parse(topic string) (map[string]string, bool) {
	if len(topic) > MaxTopic {
		return nil, false
	}
	rest, ok := strings.CutPrefix(topic, t.fixed[0])
	if !ok {
		return nil, false
	}
	values := make(map[string]string, len(t.names))
	for i, name := range t.names {
		// The word is the value and the beginning of what follows it.
		fixed := t.fixed[i+1]
		end, border := nextBorder(rest, 0), nextBorder(fixed, 0)
		value, ok := strings.CutSuffix(rest[:end], fixed[:border])
		if !ok || !isWord(value) {
			return nil, false
		}
		if rest, ok = strings.CutPrefix(rest[end:], fixed[border:]); !ok {
			return nil, false
		}
		values[name] = value
	}
	if rest != "" {
		return nil, false
	}
	return values, true
}

// isWord reports whether s can stand in a place.
func isWord(s string) bool {
	return s != "" && nextBorder(s, 0) == len(s) && !hasLineBreak(s) && utf8.ValidString(s)
}
