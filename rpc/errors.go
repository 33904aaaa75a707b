package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/xcraft-go/xbus/wire"
)

// What can end a call here; test with [errors.Is].
var (
	// ErrCommandNotAvailable: the hall does not know the command. Errors of
	// the hall and of [Registry.Lookup] match it alike.
	ErrCommandNotAvailable = errors.New("command not available")
	// ErrConnectionLost: the session ended before the answer came.
	ErrConnectionLost = errors.New("connection lost")
	// ErrNotConnected: there was no session and the call does not wait for one.
	ErrNotConnected = errors.New("not connected")
	// ErrTimeout: no answer within the deadline. It matches
	// context.DeadlineExceeded too.
	ErrTimeout error = timeout{}
	// ErrAborted: the call was aborted on this side.
	ErrAborted = errors.New("aborted")
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("client closed")
	// ErrTooMany: more calls are in flight, or queued, than the limit allows.
	ErrTooMany = errors.New("too many calls")
	// ErrInFlight: a call with the same id has not ended yet.
	ErrInFlight = errors.New("the same call is in flight")
)

// A timeout is what package net calls one too.
type timeout struct{}

func (timeout) Error() string        { return "no answer in time" }
func (timeout) Timeout() bool        { return true }
func (timeout) Is(target error) bool { return target == context.DeadlineExceeded }

// Codes that the hall or the reference client use.
const (
	CodeDefault      = "XCRAFT_CMD_ERROR"
	CodeNotAvailable = "CMD_NOT_AVAILABLE"
)

// An Error is what the far side answered instead of a result, read exactly as
// the reference client reads it (protocol §5.2), so that an application finds
// the same members.
type Error struct {
	Command string // the name of the command
	Topic   string // of the event that brought the error
	Code    string // CodeDefault when the far side gave none
	Message string // text; JSON text when the far side sent something else
	Name    string
	ID      string
	Stack   string          // where it happened in the far program
	Info    json.RawMessage // nil when absent

	// Data is the payload as it came, with the members that the reference
	// loses.
	Data json.RawMessage

	members  map[string]json.RawMessage
	registry *Registry // asked by Error what may have been meant; may be nil
}

// errorMembers are what the reference takes over, if truthy.
var errorMembers = []string{"id", "code", "name", "stack", "info"}

func newError(command string, m *wire.Message) *Error {
	e := &Error{Command: command, Topic: m.Topic, Data: m.Data, members: make(map[string]json.RawMessage)}
	var data map[string]json.RawMessage
	_ = json.Unmarshal(m.Data, &data) // other than an object: it has no members
	if message := data["message"]; wire.Truthy(message) {
		e.members["message"] = message
		for _, name := range errorMembers {
			if value := data[name]; wire.Truthy(value) {
				e.members[name] = value
			}
		}
	} else if m.Data != nil {
		e.members["message"] = m.Data
	}
	if e.members["code"] == nil {
		e.members["code"] = json.RawMessage(`"` + CodeDefault + `"`)
	}
	e.Code, e.Message = text(e.members["code"]), text(e.members["message"])
	e.Name, e.ID, e.Stack = text(e.members["name"]), text(e.members["id"]), text(e.members["stack"])
	e.Info = e.members["info"]
	if e.notAvailable(data) {
		e.Code, e.Message = CodeNotAvailable, ErrCommandNotAvailable.Error()
	}
	return e
}

// notAvailable looks in both places where the code of an unknown command can
// stand (protocol §5.2).
func (e *Error) notAvailable(data map[string]json.RawMessage) bool {
	return e.Code == CodeNotAvailable || !wire.Truthy(data["message"]) && text(data["code"]) == CodeNotAvailable
}

// text is a JSON string without its quotes, any other value as it is.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// Member returns a member of the error as the reference client has it:
// message, id, code, name, stack or info, as JSON; nil when absent. They can be
// of any type.
func (e *Error) Member(name string) json.RawMessage { return e.members[name] }

// Error names the command and what the far side said; of an unknown command
// also which one may have been meant.
func (e *Error) Error() string {
	s := fmt.Sprintf("rpc: call %q: ", e.Command)
	if e.Code == CodeNotAvailable && e.registry != nil && !e.registry.Has(e.Command) {
		return s + e.registry.unknown(e.Command).Error()
	}
	if e.Is(ErrCommandNotAvailable) {
		return s + e.Message
	}
	if e.Name != "" {
		s += e.Name + ": "
	}
	s += shorten(e.Message)
	if e.Code != CodeDefault {
		s += " (" + e.Code + ")"
	}
	return s
}

func shorten(s string) string {
	const most = 500
	if s == "" {
		return "failed without a message"
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// Is makes errors.Is(err, ErrCommandNotAvailable) work.
func (e *Error) Is(target error) bool {
	return target == ErrCommandNotAvailable && e.Code == CodeNotAvailable
}

// Verdict says whether a command can have run though no answer came.
type Verdict uint8

const (
	// MaybeExecuted: the command was written, or was about to be; it may have
	// run, it may still be running.
	MaybeExecuted Verdict = iota
	// NotSent: no byte of the command was written. It has not run.
	NotSent
)

// String says it in words.
func (v Verdict) String() string {
	if v == NotSent {
		return "it was not sent"
	}
	return "it may have run"
}

// A CallError is a call that ended without an answer, or was never begun.
type CallError struct {
	Command string
	ID      string  // of the message
	Verdict Verdict // whether it can have run
	Err     error   // why: wraps one of the errors of this package, or of context
}

// Error says what happened and whether the command can have run.
func (e *CallError) Error() string {
	return fmt.Sprintf("rpc: call %.100q: %v; %v", e.Command, e.Err, e.Verdict)
}

// Unwrap returns Err.
func (e *CallError) Unwrap() error { return e.Err }

// VerdictOf returns the verdict of err, and false for an error that is an
// answer or no end of a call.
func VerdictOf(err error) (v Verdict, ok bool) {
	var e *CallError
	if errors.As(err, &e) {
		return e.Verdict, true
	}
	return 0, false
}

// because joins a reason of this package and what lies beneath.
type because struct{ reason, err error }

func (b *because) Error() string {
	if b.err == nil {
		return b.reason.Error()
	}
	return b.reason.Error() + ": " + b.err.Error()
}

func (b *because) Unwrap() []error { return []error{b.reason, b.err} }

func reason(reason, err error) error {
	if err == nil {
		return reason
	}
	return &because{reason, err}
}
