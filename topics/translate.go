package topics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

const (
	// maxAtoms bounds the size of an expression after its repetitions are
	// written out, and with it the time a topic takes.
	maxAtoms  = 1024
	maxRepeat = 1000 // as RE2

	dot     = `[^\n\r\x{2028}\x{2029}]`
	nothing = `[^\x{0}-\x{10FFFF}]`
	any1    = `[\x{0}-\x{10FFFF}]`
)

// A translator rewrites a regular expression of JavaScript (no flags, and only
// the escapes that source makes) for RE2. It takes what JavaScript takes and
// refuses what JavaScript refuses: where the same text means something else in
// RE2, as [[:a:]], [] or a{02}, it writes what was meant.
type translator struct {
	in    []rune
	pos   int
	out   strings.Builder
	names []string
	split bool // an alternative at depth 0

	repeatable bool  // a quantifier may follow
	stack      []int // atoms of the open groups, from the outside in
	last       int   // atoms of what a quantifier would repeat
}

func (t *translator) run() *PatternError {
	for t.pos < len(t.in) {
		if problem := t.term(); problem != nil {
			return problem
		}
		if t.stack[len(t.stack)-1] > maxAtoms {
			return unsupported("its group has more than %d parts once its repetitions are written out", maxAtoms)
		}
	}
	if len(t.stack) > 1 {
		return invalid("a \"(\" in its group is not closed")
	}
	return nil
}

// term translates the next term.
func (t *translator) term() *PatternError {
	c := t.in[t.pos]
	t.pos++
	switch c {
	case '\\':
		t.literal(t.in[t.pos])
		t.pos++
	case '(':
		return t.open()
	case ')':
		if len(t.stack) == 1 {
			return invalid("a \")\" in its group has no \"(\"")
		}
		inner := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.atom(")", inner+1)
	case '|':
		t.split = t.split || len(t.stack) == 1
		t.write("|")
	case '^', '$':
		t.write(string(c))
	case '.':
		t.atom(dot, 1)
	case '[':
		return t.class()
	case '*', '+', '?':
		return t.quantify(string(c), 1)
	case '{':
		return t.braces()
	default:
		t.literal(c)
	}
	return nil
}

// write emits what no quantifier may follow.
func (t *translator) write(s string) {
	t.out.WriteString(s)
	t.repeatable = false
}

// atom emits what a quantifier may follow.
func (t *translator) atom(s string, atoms int) {
	t.out.WriteString(s)
	t.repeatable, t.last = true, atoms
	t.stack[len(t.stack)-1] += atoms
}

// literal emits a character, which is two units beyond U+FFFF: a quantifier
// then repeats the second one only, as in JavaScript without the flag u.
func (t *translator) literal(r rune) {
	for _, unit := range utf16.Encode([]rune{r}) {
		t.atom(hex(rune(unit)), 1)
	}
}

func hex(r rune) string { return fmt.Sprintf(`\x{%x}`, r) }

// open translates the beginning of a group, after its "(".
func (t *translator) open() *PatternError {
	rest := string(t.in[t.pos:])
	opening := "("
	switch {
	case !strings.HasPrefix(rest, "?"):
	case strings.HasPrefix(rest, "?:"):
		opening = "(?:"
		t.pos += len("?:")
	case strings.HasPrefix(rest, "?="), strings.HasPrefix(rest, "?!"),
		strings.HasPrefix(rest, "?<="), strings.HasPrefix(rest, "?<!"):
		return unsupported("it looks ahead or behind, with \"(%s\"", rest[:strings.IndexAny(rest, "=!")+1])
	case strings.HasPrefix(rest, "?<"):
		name, _, closed := strings.Cut(rest[len("?<"):], ">")
		if !closed || !isName(name) || slices.Contains(t.names, name) {
			return invalid("the name of a group is missing, wrong or given twice")
		}
		t.names = append(t.names, name)
		t.pos += len([]rune(name)) + len("?<>")
	default:
		return invalid("a group begins with \"?\"")
	}
	t.write(opening)
	t.stack = append(t.stack, 0)
	return nil
}

func isName(s string) bool {
	for i, r := range s {
		part := r == '$' || r == '_' || unicode.IsLetter(r) || i > 0 && unicode.IsDigit(r)
		if !part {
			return false
		}
	}
	return s != ""
}

// quantify emits a quantifier with its lazy mark. Laziness changes what groups
// capture, not what matches.
func (t *translator) quantify(q string, most int) *PatternError {
	if !t.repeatable {
		return invalid("%q in its group has nothing to repeat", q)
	}
	t.stack[len(t.stack)-1] += t.last * max(most-1, 0)
	if t.pos < len(t.in) && t.in[t.pos] == '?' {
		t.pos++
		q += "?"
	}
	t.write(q)
	return nil
}

// braces translates "{2}", "{2,}", "{2,3}", and a "{" that is none of them.
func (t *translator) braces() *PatternError {
	low, high, length := repetition(string(t.in[t.pos:]))
	if length == 0 {
		t.literal('{')
		return nil
	}
	t.pos += length
	least, err1 := strconv.Atoi(low)
	q, most, err2 := fmt.Sprintf("{%d}", least), least, error(nil)
	switch high {
	case ",":
		q = fmt.Sprintf("{%d,}", least)
	case "":
	default:
		most, err2 = strconv.Atoi(high[1:])
		q = fmt.Sprintf("{%d,%d}", least, most)
	}
	switch {
	case err1 != nil || err2 != nil || max(least, most) > maxRepeat:
		return unsupported("it repeats something more than %d times", maxRepeat)
	case least > most:
		return invalid("the numbers of %q in its group are out of order", q)
	}
	return t.quantify(q, most)
}

// repetition reads what follows a "{": digits, then optionally a comma and
// digits, then "}". A length of 0 says that it is something else.
func repetition(s string) (low, high string, length int) {
	digits := func(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
	n := digits(s)
	low, rest := s[:n], s[n:]
	if strings.HasPrefix(rest, ",") {
		n := 1 + digits(rest[1:])
		high, rest = rest[:n], rest[n:]
	}
	if low == "" || !strings.HasPrefix(rest, "}") {
		return "", "", 0
	}
	return low, high, len(low) + len(high) + 1
}

// class translates "[…]", after its "[".
func (t *translator) class() *PatternError {
	negated := t.pos < len(t.in) && t.in[t.pos] == '^'
	if negated {
		t.pos++
	}
	end := t.classEnd()
	if end < 0 {
		return invalid("a \"[\" in its group is not closed")
	}
	units := classUnits(t.in[t.pos:end])
	t.pos = end + 1
	if len(units) == 0 {
		t.atom(map[bool]string{false: nothing, true: any1}[negated], 1)
		return nil
	}
	var b strings.Builder
	for i := 0; i < len(units); i++ {
		b.WriteString(hex(units[i]))
		if i+2 < len(units) && units[i+1] == '-' {
			if units[i+2] < units[i] {
				return invalid("the range %q in its group is out of order", string(units[i:i+3]))
			}
			b.WriteString("-" + hex(units[i+2]))
			i += 2
		}
	}
	t.atom(map[bool]string{false: "[", true: "[^"}[negated]+b.String()+"]", 1)
	return nil
}

// classEnd returns where the class ends, or -1. An escape may only stand in a
// class that is not closed: it comes from beyond the last ")".
func (t *translator) classEnd() int {
	for i := t.pos; i < len(t.in); i++ {
		switch t.in[i] {
		case '\\':
			i++
		case ']':
			return i
		}
	}
	return -1
}

func classUnits(class []rune) []rune {
	var units []rune
	for i := 0; i < len(class); i++ {
		if class[i] == '\\' {
			i++
		}
		for _, unit := range utf16.Encode(class[i : i+1]) {
			units = append(units, rune(unit))
		}
	}
	return units
}

func invalid(format string, args ...any) *PatternError {
	return &PatternError{Err: ErrSyntax, Reason: fmt.Sprintf(format, args...),
		Hint: "a group holds alternatives, as in (a|b); outside of groups everything but * is taken literally"}
}

func unsupported(format string, args ...any) *PatternError {
	return &PatternError{Err: ErrUnsupported, Reason: fmt.Sprintf(format, args...),
		Hint: "write the alternatives one by one, as in (a|b), or use * and filter the events"}
}
