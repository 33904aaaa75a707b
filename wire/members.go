package wire

import (
	"encoding/json"
	"iter"
	"strings"
)

// Members iterates over the members of a JSON object, in their order, the values
// as they stand in the text, which they share. It builds nothing else, so it
// suits what is known to be JSON, as the payload of a message that was received:
// it ends where the text is not, and at once when it is no object.
func Members(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		t := text(object)
		begin := t.space(0)
		if begin == len(t) || t[begin] != '{' {
			return
		}
		walk := membersOf(t, begin)
		for key, value, ok := walk.next(); ok; key, value, ok = walk.next() {
			if !yield(key.unquoted(), json.RawMessage(value)) {
				return
			}
		}
	}
}

// Text is the string that a value is; ok is false when it is none. The string
// has memory of its own.
func Text(value json.RawMessage) (s string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	return strings.Clone(text(value).unquoted()), true
}
