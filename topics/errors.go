package topics

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Limits of what is compiled, matched and published, in bytes.
const (
	MaxPattern = 1 << 10
	MaxTopic   = 4 << 10
)

// Why a pattern or a topic is refused. They come inside a [*PatternError] or a
// [*TopicError]; test with [errors.Is].
var (
	// ErrNoNamespace: there is no "::".
	ErrNoNamespace = errors.New("namespace missing")
	// ErrTooLong: more than MaxPattern or MaxTopic bytes.
	ErrTooLong = errors.New("too long")
	// ErrSyntax: not a pattern, for the reference client either.
	ErrSyntax = errors.New("not a valid pattern")
	// ErrUnsupported: the reference client takes it, this package does not.
	ErrUnsupported = errors.New("pattern not supported")
	// ErrBadTopic: a topic that nobody could subscribe to.
	ErrBadTopic = errors.New("not a valid topic")
)

// A PatternError tells why a pattern does not compile.
type PatternError struct {
	Pattern string
	Err     error  // one of the Err… values of this package
	Reason  string // what is wrong, in full
	Hint    string // what to write instead
}

func (e *PatternError) Error() string {
	return fmt.Sprintf("topics: pattern %s: %s; %s", quote(e.Pattern), e.Reason, e.Hint)
}

func (e *PatternError) Unwrap() error { return e.Err }

// A TopicError tells why a topic cannot be published, or a template not be
// built.
type TopicError struct {
	Topic  string
	Err    error  // one of the Err… values of this package
	Reason string // what is wrong, in full
	Hint   string // what to write instead
}

func (e *TopicError) Error() string {
	return fmt.Sprintf("topics: topic %s: %s; %s", quote(e.Topic), e.Reason, e.Hint)
}

func (e *TopicError) Unwrap() error { return e.Err }

// quote keeps messages on one line and short, whatever the text holds.
func quote(s string) string {
	const most = 120
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%q… (%d bytes)", s[:cut], len(s))
}
