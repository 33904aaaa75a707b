package wire

import (
	"encoding/json"
	"fmt"
)

// A text is JSON that is walked once, without building anything: see walk.go.
// It accepts exactly what encoding/json accepts, up to maxDepth.
type text []byte

// maxDepth is how deep a message may nest (field experience: real ones stay
// under 20).
const maxDepth = 1000

// A SyntaxError says where a JSON text is wrong.
type SyntaxError struct {
	Offset int    // bytes from the beginning of the argument
	Reason string // what is wrong there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

// Valid reports whether b is one JSON value that may be sent: what JSON is for
// encoding/json, nested at most 1,000 deep.
func Valid(b []byte) bool {
	return checkJSON(b) == nil
}

// checkJSON makes sure that b is one value.
func checkJSON(b []byte) error {
	t := text(b)
	i := t.value(t.space(0), 0)
	if i < 0 {
		return syntaxError(i)
	}
	if i = t.space(i); i != len(t) {
		return &SyntaxError{i, "something follows the value"}
	}
	return nil
}

// Members walk an object one member at a time. The object itself does not count
// for the depth, so that what [Valid] accepts fits into any envelope.
type members struct {
	text  text
	at    int  // where the next member begins; behind the object at last
	over  bool // the closing brace was walked
	whole bool // the object is an envelope as we write it, see usual
	wrong int  // negative when the text is wrong
}

// membersOf begins at an opening brace.
func membersOf(t text, begin int) members {
	w := members{text: t, at: t.space(begin + 1)}
	if w.at < len(t) && t[w.at] == '}' {
		w.at++
		w.over = true
	}
	return w
}

// next returns the next member, the key with its quotes, until there are no
// more. Neither can be appended to: what stands behind them belongs to somebody
// else.
func (w *members) next() (key, value text, ok bool) {
	if w.over || w.wrong < 0 {
		return nil, nil, false
	}
	t, i := w.text, w.at
	if i >= len(t) || t[i] != '"' {
		return w.stop(wrong(i, noName))
	}
	end := t.str(i)
	if end < 0 {
		return w.stop(end)
	}
	key = t[i:end:end]
	if i = t.space(end); i >= len(t) || t[i] != ':' {
		return w.stop(wrong(i, noColon))
	}
	i = t.space(i + 1)
	if end = t.value(i, 0); end < 0 {
		return w.stop(end)
	}
	w.after(end)
	return key, t[i:end:end], true
}

// after walks what stands between two members, or behind the last one.
func (w *members) after(end int) {
	t := w.text
	switch i := t.space(end); {
	case i < len(t) && t[i] == ',':
		w.at = t.space(i + 1)
	case i < len(t) && t[i] == '}':
		w.at, w.over = i+1, true
	default:
		w.wrong = wrong(i, noBrace)
	}
}

func (w *members) stop(why int) (key, value text, ok bool) {
	w.wrong = why
	return nil, nil, false
}

// lookup finds a member of an envelope that was parsed before; the last of two
// equal names counts.
func lookup(envelope []byte, name string) (value json.RawMessage) {
	if len(envelope) == 0 {
		return nil
	}
	walk := membersOf(text(envelope), 0)
	for key, v, ok := walk.next(); ok; key, v, ok = walk.next() {
		if key.unquoted() == name {
			value = json.RawMessage(v)
		}
	}
	return value
}

// truthy is what JavaScript makes of a value in a condition.
func (t text) truthy() bool {
	switch t[0] {
	case 'f', 'n':
		return false
	case '"':
		return len(t) > 2
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		var f float64
		err := json.Unmarshal(t, &f)
		return err != nil || f != 0 // out of range is Infinity in JavaScript
	}
	return true
}
