package topics

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const separator = "::"

// Split cuts a topic or a pattern at its first "::" and reports whether there
// is one. Without, all of it is the name.
func Split(topic string) (namespace, name string, ok bool) {
	namespace, name, ok = strings.Cut(topic, separator)
	if !ok {
		return "", topic, false
	}
	return namespace, name, true
}

// IsRelative reports whether a topic or a pattern has no namespace, so that it
// means one's own.
func IsRelative(topic string) bool { return !strings.Contains(topic, separator) }

// Expand puts the namespace of orc in front of a relative topic or pattern, and
// returns others as they are (protocol §6.1).
func Expand(topic, orc string) string {
	if !IsRelative(topic) {
		return topic
	}
	return orc + separator + topic
}

// CheckTopic tells why a topic cannot be published, as a [*TopicError], or nil.
// A topic is <namespace>::<name>, neither of them empty, in valid UTF-8 of at
// most MaxTopic bytes, and without a line break, which no "*" would match.
func CheckTopic(topic string) error {
	refuse := func(err error, reason, hint string) error {
		return &TopicError{Topic: topic, Err: err, Reason: reason, Hint: hint}
	}
	namespace, name, ok := Split(topic)
	switch {
	case len(topic) > MaxTopic:
		return refuse(ErrTooLong, fmt.Sprintf("it has more than %d bytes", MaxTopic),
			"put what varies into the data of the event")
	case !ok:
		return refuse(ErrNoNamespace, "the namespace is missing",
			fmt.Sprintf("write <namespace>::%s, the namespace being a module or an orc name", topic))
	case namespace == "" || name == "":
		return refuse(ErrBadTopic, "a part beside \"::\" is empty", "write <namespace>::<name>")
	case !utf8.ValidString(topic):
		return refuse(ErrBadTopic, "it is not valid UTF-8", "encode the bytes, e.g. as hex")
	case hasLineBreak(topic):
		return refuse(ErrBadTopic, "it holds a line break, which no \"*\" of a subscription matches",
			"take the line break out")
	}
	return nil
}
