package wire

import (
	"encoding/json"
	"unicode/utf8"
)

// Check tells whether m could be written, without writing it: what [Append]
// would refuse. A link that passes messages without bytes asks it.
func Check(m *Message) error {
	if m.Topic == "" || !utf8.ValidString(m.Topic) {
		return formatError(ErrTopic, "%s is empty or not UTF-8", quote(m.Topic))
	}
	if m.Chunk != nil {
		return checkBlob(m.Chunk, true)
	}
	return nil
}

// Truthy is what JavaScript makes of a valid JSON value in a condition; nil,
// the value that is missing, is false.
func Truthy(value json.RawMessage) bool { return len(value) > 0 && text(value).truthy() }
