package topics

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// source returns the regular expression that the reference makes of a pattern
// (protocol §6.1): everything escaped, then the backslashes taken out of the
// groups, then the stars.
func source(pattern string) string {
	var b strings.Builder
	b.Grow(len(pattern) + len(pattern)/4 + 2)
	b.WriteByte('^')
	// The reference looks for groups with a dot, which ends at a line break.
	for line := range lines(pattern) {
		first, last := group(line)
		b.WriteString(escape(line[:first]))
		b.WriteString(strings.ReplaceAll(line[first:last], `\`, ""))
		b.WriteString(escape(line[last:]))
	}
	b.WriteByte('$')
	return b.String()
}

// group returns where the raw part of a line begins and ends: from the first
// "(" to the last ")" with something between them. Without, both are the length.
func group(line string) (first, last int) {
	first, last = strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if first < 0 || last <= first+1 {
		return len(line), len(line)
	}
	return first, last + 1
}

// lines yields s in pieces that end with their line break.
func lines(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		for i, r := range s {
			if r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' {
				end := i + utf8.RuneLen(r)
				if !yield(s[start:end]) {
					return
				}
				start = end
			}
		}
		if start < len(s) {
			yield(s[start:])
		}
	}
}

// escape escapes what stands outside of the groups; a star becomes "(.+)".
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '*':
			b.WriteString("(.+)")
			continue
		case strings.ContainsRune(`.+?=^!:${}()|[]/\`, r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// compileRegexp compiles the regular expression of a pattern for RE2. split
// tells that it has alternatives outside of all groups, so that its ends are
// not those of each topic it matches.
func compileRegexp(pattern string) (re *regexp.Regexp, split bool, err error) {
	t := translator{in: []rune(source(pattern)), stack: []int{0}}
	if problem := t.run(); problem != nil {
		problem.Pattern = pattern
		return nil, false, problem
	}
	re, failed := regexp.Compile(t.out.String())
	if failed != nil {
		return nil, false, &PatternError{Pattern: pattern, Err: ErrUnsupported,
			Reason: "its group is more than package regexp can do (" + failed.Error() + ")",
			Hint:   "write the alternatives one by one, as in (a|b), or use * and filter the events"}
	}
	return re, t.split, nil
}

// matchRegexp matches unit by unit. Where all characters are one byte, that is
// what package regexp does with strings.
func matchRegexp(re *regexp.Regexp, topic string) bool {
	if ordinary(topic) {
		return re.MatchString(topic)
	}
	u := unitReaders.Get().(*unitReader)
	defer unitReaders.Put(u)
	*u = unitReader{text: topic}
	return re.MatchReader(u)
}

// captureRegexp returns the indexes of the groups, as package regexp does.
func captureRegexp(re *regexp.Regexp, topic string) []int {
	if ordinary(topic) {
		return re.FindStringSubmatchIndex(topic)
	}
	return re.FindReaderSubmatchIndex(&unitReader{text: topic})
}
