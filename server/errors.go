package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Codes of the errors that a hall answers by itself.
const (
	CodeNotAvailable = "CMD_NOT_AVAILABLE"   // there is no such command
	CodeArguments    = "INVALID_ARGUMENTS"   // the data does not fit the command
	CodeForbidden    = "FORBIDDEN"           // Authorize said no
	CodeTimeout      = "TIMEOUT"             // the handler took too long
	CodeAborted      = "ABORTED"             // the handler was ended: the hall stops
	CodePanic        = "PANIC"               // the handler panicked
	CodeDraining     = "HALL_DRAINING"       // the hall takes no new commands
	CodeNameTaken    = "ORC_NAME_TAKEN"      // the orc name belongs to another connection
	CodeUnsendable   = "RESULT_NOT_SENDABLE" // the result has no form on the wire
)

// What can go wrong with a hall; test with [errors.Is].
var (
	// ErrClosed: the hall is closed.
	ErrClosed = errors.New("the hall is closed")
	// ErrRegistered: a command with this name exists.
	ErrRegistered = errors.New("the command is registered already")
	// ErrOpen: the hall would be open to anybody by accident.
	ErrOpen = errors.New("the hall would be open to everybody")
	// ErrCallerGone ends the context of a handler whose caller has left.
	ErrCallerGone = errors.New("the caller is gone")
	// ErrDeadline ends the context of a handler that takes too long.
	ErrDeadline = errors.New("the command took longer than its limit")
	// ErrStopping ends the context of a handler when the hall stops.
	ErrStopping = errors.New("the hall is stopping")
)

// An Error is what a handler returns to give its caller a code, a name or more:
// the client finds the same members (protocol §5.2). Other errors are answered
// with their text.
type Error struct {
	Code    string // e.g. "ROOM_UNKNOWN"; none: the client says XCRAFT_CMD_ERROR
	Name    string // the kind of the error, e.g. "RangeError"
	Message string
	Info    any    // whatever JSON can hold
	Stack   string // where it happened; callers outside of the team need not know
	Err     error  // the error beneath: it stays in the hall
}

// Errorf makes an *[Error] with a code. %w works as in fmt.Errorf.
func Errorf(code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Error returns the message and the code.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Message
	}
	return e.Message + " (" + e.Code + ")"
}

// Unwrap returns the error beneath.
func (e *Error) Unwrap() error { return e.Err }

// WithInfo returns a copy with further information for the caller.
func (e *Error) WithInfo(info any) *Error {
	c := *e
	c.Info = info
	return &c
}

// errorData is the data of an ".error" event.
type errorData struct {
	Message json.RawMessage `json:"message"`
	ID      json.RawMessage `json:"id,omitempty"`
	Code    json.RawMessage `json:"code,omitempty"`
	Name    json.RawMessage `json:"name,omitempty"`
	Stack   json.RawMessage `json:"stack,omitempty"`
	Info    json.RawMessage `json:"info,omitempty"`
}

// far is an error that came over a bus, with the members that it had there: it
// is passed on as it is.
type far interface {
	error
	Member(name string) json.RawMessage
}

// encodeError makes the data of an ".error" event.
func encodeError(err error) json.RawMessage {
	var d errorData
	if passed, ok := err.(*passedError); ok {
		return passed.data
	}
	var remote far
	if errors.As(err, &remote) && remote.Member("message") != nil {
		d = errorData{remote.Member("message"), remote.Member("id"), remote.Member("code"), remote.Member("name"),
			remote.Member("stack"), remote.Member("info")}
	} else {
		d.Message = textJSON(err.Error())
		if e, ok := errors.AsType[*Error](err); ok {
			d.fill(e, err)
		} else if errors.Is(err, context.DeadlineExceeded) {
			d.Code = textJSON(CodeTimeout)
		}
	}
	raw, _ := json.Marshal(d) // its parts are JSON
	return raw
}

func (d *errorData) fill(e *Error, whole error) {
	if whole == error(e) {
		d.Message = textJSON(e.Message)
	}
	d.Code, d.Name, d.Stack = textJSON(e.Code), textJSON(e.Name), textJSON(e.Stack)
	if e.Info == nil {
		return
	}
	info, err := json.Marshal(e.Info)
	if err != nil {
		info = textJSON(fmt.Sprintf("%v", e.Info))
	}
	d.Info = info
}

// textJSON is nil for no text, so that the member is left out.
func textJSON(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	raw, _ := json.Marshal(s)
	return raw
}

// A passedError is the data of an error that another hall has answered.
type passedError struct{ data json.RawMessage }

func (e *passedError) Error() string { return fmt.Sprintf("%.200s", e.data) }
