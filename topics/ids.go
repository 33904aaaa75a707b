package topics

import (
	"slices"
	"strings"
)

// general is the id of whatever has no other: first in each list.
const general = "_"

// IDs returns the ids of a topic or a pattern in the order of the reference:
// "_", lines of letters, dots and dashes, words with "@", UUIDs with the dots
// around them; from the most general to the most specific (protocol §6.2).
func IDs(topic string) []string { return appendIDs(nil, topic) }

// Key returns the last of the [IDs] of a pattern: the one under which the
// reference files it.
func Key(pattern string) string {
	var buf [8]string
	ids := appendIDs(buf[:0], pattern)
	return ids[len(ids)-1]
}

// LineID returns what stands between the first "<" and the next ">": the line
// to which an event with this topic belongs (protocol §6.5).
func LineID(topic string) (string, bool) {
	_, after, found := strings.Cut(topic, "<")
	if !found {
		return "", false
	}
	line, _, found := strings.Cut(after, ">")
	return line, found
}

// appendIDs appends the ids of topic to dst. The list they form is kept in two
// halves, front in reverse, so that all insertions are at an end or two before
// it: a topic made of thousands of ids costs what its length says.
func appendIDs(dst []string, topic string) []string {
	var buf [8]string
	front, start := buf[:0], len(dst)
	dst = append(dst, general)
	back := start + 1 // dst[back:] is the second half
	for i := 0; i < len(topic); {
		id := idAt(topic[i:])
		switch {
		case id == "":
			i += wordEnd(topic[i:])
			continue
		case id[0] == '<':
			front = append(front, id)
		case id[0] == '.' || len(front)+len(dst)-back <= 2:
			dst = append(dst, id)
		default: // a word with @ goes before the last two
			for len(dst)-back < 2 {
				dst = slices.Insert(dst, back, front[0])
				front = front[1:]
			}
			dst = slices.Insert(dst, len(dst)-2, id)
		}
		i += len(id)
	}
	slices.Reverse(front)
	return slices.Insert(dst, back, front...)
}

// idAt returns the id at the beginning of s, or "". s begins where the previous
// id or word ended.
func idAt(s string) string {
	switch s[0] {
	case '<':
		return lineAt(s)
	case '.':
		return uuidAt(s)
	case '>', ':', '*':
		return ""
	}
	word := s[:wordEnd(s)]
	if len(word) >= 3 && strings.IndexByte(word[1:len(word)-1], '@') >= 0 {
		return word
	}
	return ""
}

// wordEnd returns the length of the word at the beginning of s, or 1 for the
// character between two words.
func wordEnd(s string) int {
	end := strings.IndexAny(s, "<>.:*")
	if end < 0 {
		return len(s)
	}
	return max(end, 1)
}

// lineAt returns "<a-b.C>" with its brackets, or "".
func lineAt(s string) string {
	i := 1
	for i < len(s) && (isLetter(s[i]) || s[i] == '.' || s[i] == '-') {
		i++
	}
	if i == 1 || i == len(s) || s[i] != '>' {
		return ""
	}
	return s[:i+1]
}

// uuidAt returns ".a-b-c-d-e." with its dots, or "": five runs of lower case
// letters and digits, of any length.
func uuidAt(s string) string {
	runs, length := 1, 0
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			length++
		case c == '-' && length > 0:
			runs, length = runs+1, 0
		case c == '.' && length > 0 && runs == 5:
			return s[:i+1]
		default:
			return ""
		}
	}
	return ""
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
