package topics

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// A Pattern says which topics one wants. It is immutable and safe for
// concurrent use. The grammar stands in the documentation of the package.
type Pattern struct {
	form  form
	text  string
	parts []part // of a pattern of form cut
	key   string

	// expr is the RE2 form: made by Compile for form expression, else when
	// Captures first needs it.
	expr  atomic.Pointer[regexp.Regexp]
	split bool // see compileRegexp
}

// form is how a pattern is matched.
type form uint8

const (
	literal    form = iota // the topic is the text
	cut                    // the topic consists of the parts, with stars between them
	expression             // by package regexp
)

// Compile reads a pattern. A pattern that cannot be used is a [*PatternError]
// that wraps [ErrNoNamespace], [ErrTooLong], [ErrSyntax] or [ErrUnsupported].
func Compile(pattern string) (*Pattern, error) {
	if IsRelative(pattern) {
		return nil, &PatternError{Pattern: pattern, Err: ErrNoNamespace,
			Reason: "the namespace is missing",
			Hint:   fmt.Sprintf("write \"<namespace>::%[1]s\", or \"*::%[1]s\" for any namespace", clip(pattern))}
	}
	return CompileInternal(pattern)
}

// CompileInternal is Compile for patterns that may have no namespace: the few
// topics of the bus itself, as "gameover", have none.
func CompileInternal(pattern string) (*Pattern, error) {
	switch {
	case len(pattern) > MaxPattern:
		return nil, &PatternError{Pattern: pattern, Err: ErrTooLong,
			Reason: fmt.Sprintf("it has more than %d bytes", MaxPattern),
			Hint:   "subscribe to several shorter patterns"}
	case !utf8.ValidString(pattern):
		return nil, &PatternError{Pattern: pattern, Err: ErrSyntax,
			Reason: "it is not valid UTF-8", Hint: "encode the text as UTF-8"}
	}
	p := &Pattern{text: pattern, key: Key(pattern)}
	first, _ := group(pattern)
	if first == len(pattern) && !strings.Contains(pattern, "*") {
		return p, nil
	}
	if p.parts = cutParts(pattern); p.parts != nil {
		p.form = cut
		return p, nil
	}
	re, split, err := compileRegexp(pattern)
	if err != nil {
		return nil, err
	}
	p.form, p.split = expression, split
	p.expr.Store(re)
	return p, nil
}

// MustCompile is Compile for patterns that are part of a program. It panics
// when the pattern is wrong.
func MustCompile(pattern string) *Pattern {
	p, err := Compile(pattern)
	if err != nil {
		panic(err)
	}
	return p
}

// String returns the pattern as it was given to Compile.
func (p *Pattern) String() string { return p.text }

// Key returns the id under which the reference files the pattern, see [Key].
func (p *Pattern) Key() string { return p.key }

// IDs returns the ids of the pattern, see [IDs].
func (p *Pattern) IDs() []string { return IDs(p.text) }

// Literal reports whether the pattern matches one topic only, its own text.
func (p *Pattern) Literal() bool { return p.form == literal }

// Match reports whether topic, all of it, is of the form of the pattern. A
// topic of more than [MaxTopic] bytes matches nothing. The time is linear in
// the length of the topic; nothing is allocated.
func (p *Pattern) Match(topic string) bool {
	return len(topic) <= MaxTopic && p.match(topic)
}

func (p *Pattern) match(topic string) bool {
	switch p.form {
	case literal:
		return topic == p.text
	case cut:
		ok, _ := matchParts(p.parts, topic)
		return ok
	default:
		return matchRegexp(p.expr.Load(), topic)
	}
}

// clip shortens a pattern for a hint.
func clip(pattern string) string {
	if len(pattern) > 60 || !utf8.ValidString(pattern) {
		return "…"
	}
	return pattern
}
