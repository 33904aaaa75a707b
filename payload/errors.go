package payload

import (
	"fmt"
	"reflect"
	"strings"
)

// A SyntaxError says that a text is not what it should be.
type SyntaxError struct {
	Offset int    // byte of the text
	Reason string // what is wrong there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("payload: byte %d: %s", e.Offset, e.Reason)
}

// A LimitError says that a text, or a value, is beyond a limit of [Limits].
type LimitError struct {
	Limit string // "Text", "Depth" or "Values"
	Max   int    // what was allowed
}

func (e *LimitError) Error() string {
	unit := map[string]string{"Text": "bytes of text", "Depth": "levels", "Values": "values"}[e.Limit]
	return fmt.Sprintf("payload: more than %d %s: raise Limits.%s if this is expected", e.Max, unit, e.Limit)
}

// An UnsupportedError says that a value cannot travel where it was put. Nothing
// was written: what a receiver would not get as it is, is refused.
type UnsupportedError struct {
	Path   string // where it is, from the root: "$.user.created"
	What   string // what it is: "time.Time", "9007199254740993"
	Reason string // "cannot travel inside an Immutable payload"
	Advice string // what to do about it
}

func (e *UnsupportedError) Error() string {
	return "payload: " + e.Path + ": " + e.What + " " + e.Reason + ": " + e.Advice
}

// A TypeError says that a value does not fit into the Go type it was asked for.
type TypeError struct {
	Path   string       // where it is, from the root
	Kind   Kind         // what it is
	Type   reflect.Type // what was asked for
	Reason string       // why it does not fit
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("payload: %s: %s into %s: %s", e.Path, e.Kind, e.Type, e.Reason)
}

// A PartError says which immutable member of a message could not be decoded.
type PartError struct {
	Part string // "_xImmu" or "_xShred"
	Key  string // the member of data, "." for data itself; empty: the part as a whole
	Err  error
}

func (e *PartError) Error() string {
	where := e.Part
	if e.Key != "" {
		where += nameStep(e.Key)
	}
	return "payload: " + where + ": " + strings.TrimPrefix(e.Err.Error(), "payload: ")
}

// Unwrap returns what is wrong with the text.
func (e *PartError) Unwrap() error { return e.Err }

const (
	inImmutable = "cannot travel inside an Immutable payload"
	inJSON      = "cannot travel in plain JSON"
)

func unsupported(what, reason, advice string) *UnsupportedError {
	return &UnsupportedError{Path: "$", What: what, Reason: reason, Advice: advice}
}

// within puts a step of the path in front of the path of err, on its way up.
func within(step string, err error) error {
	switch e := err.(type) {
	case *UnsupportedError:
		return e.within(step)
	case *TypeError:
		moved := *e
		moved.Path = "$" + step + e.Path[1:]
		return &moved
	}
	return err
}

func (e *UnsupportedError) within(step string) *UnsupportedError {
	moved := *e
	moved.Path = "$" + step + e.Path[1:]
	return &moved
}
