package obstest

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Frame is the time that one sign of a diagram takes.
const Frame = time.Millisecond

// ErrMarble is the error of # in a diagram.
var ErrMarble = errors.New("obstest: the # of a diagram")

// A Kind tells values and ends apart.
type Kind uint8

const (
	Next     Kind = iota // a value
	Complete             // the stream completed
	Failed               // the stream ended with an error
)

// A mark is one event of a diagram.
type mark struct {
	at   time.Duration
	kind Kind
	name string // of a value
}

// A diagram is a parsed line of time.
type diagram struct {
	marks  []mark
	length time.Duration
	ended  bool
}

// parse reads a diagram.
func parse(s string) (diagram, error) {
	p := parser{rest: s}
	for p.rest != "" {
		if err := p.step(); err != nil {
			return diagram{}, fmt.Errorf("obstest: diagram %q, at %q: %w", s, p.rest, err)
		}
	}
	if p.group {
		return diagram{}, fmt.Errorf("obstest: diagram %q: a group ( is not closed", s)
	}
	return p.diagram, nil
}

type parser struct {
	diagram
	rest  string
	group bool
}

func (p *parser) step() error {
	sign := rune(p.rest[0])
	switch {
	case sign == ' ':
		return p.space()
	case p.ended && sign != '-' && sign != ')':
		return errors.New("nothing may follow the end")
	case sign == '-':
		if p.group {
			return errors.New("no time passes in a group")
		}
		p.length += Frame
	case sign == '(':
		if p.group {
			return errors.New("a group in a group")
		}
		p.group = true
	case sign == ')':
		if !p.group {
			return errors.New("no group is open")
		}
		p.group = false
		p.length += Frame
	case sign == '|':
		p.add(mark{kind: Complete})
	case sign == '#':
		p.add(mark{kind: Failed})
	case sign == '{':
		return p.name()
	case sign < 128 && (unicode.IsLetter(sign) || unicode.IsDigit(sign)):
		p.add(mark{name: string(sign)})
	default:
		return errors.New("this sign means nothing: use - a (ab) {name} | # or \" 30ms \"")
	}
	p.rest = p.rest[1:]
	return nil
}

// space skips one space, and the duration between it and the next one.
func (p *parser) space() error {
	p.rest = p.rest[1:]
	word, after, found := strings.Cut(p.rest, " ")
	d, err := time.ParseDuration(word)
	if err != nil || word == "0" {
		return nil
	}
	switch {
	case !found:
		return fmt.Errorf("a space must follow the duration %s", word)
	case p.group:
		return errors.New("no time passes in a group")
	case d <= 0 || d%Frame != 0:
		return fmt.Errorf("the duration %s is not a positive number of frames of %v", word, Frame)
	}
	p.length += d
	p.rest = after
	return nil
}

func (p *parser) name() error {
	name, after, found := strings.Cut(p.rest[1:], "}")
	if !found {
		return errors.New("a name { is not closed")
	}
	p.add(mark{name: name})
	p.rest = after
	return nil
}

func (p *parser) add(m mark) {
	m.at = p.length
	p.marks = append(p.marks, m)
	p.ended = p.ended || m.kind != Next
	if !p.group {
		p.length += Frame
	}
}

// draw prints marks as a diagram.
func draw(marks []mark) string {
	var b strings.Builder
	at := time.Duration(0)
	for i := 0; i < len(marks); {
		when := marks[i].at.Truncate(Frame)
		pause(&b, when-at)
		group := 1
		for i+group < len(marks) && marks[i+group].at.Truncate(Frame) == when {
			group++
		}
		if group > 1 {
			b.WriteByte('(')
		}
		for _, m := range marks[i : i+group] {
			b.WriteString(m.sign())
		}
		if group > 1 {
			b.WriteByte(')')
		}
		i += group
		at = when + Frame
	}
	return b.String()
}

func pause(b *strings.Builder, d time.Duration) {
	if frames := int(d / Frame); frames <= 40 {
		b.WriteString(strings.Repeat("-", max(frames, 0)))
		return
	}
	fmt.Fprintf(b, " %v ", d)
}

func (m mark) sign() string {
	switch {
	case m.kind == Complete:
		return "|"
	case m.kind == Failed:
		return "#"
	case len(m.name) == 1 && m.name[0] < 128 && (unicode.IsLetter(rune(m.name[0])) || unicode.IsDigit(rune(m.name[0]))):
		return m.name
	default:
		return "{" + m.name + "}"
	}
}
