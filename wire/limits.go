package wire

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Limits bound what a peer can make this side hold. Zero fields take the
// defaults beside them; a negative field switches that limit off.
type Limits struct {
	// MaxFrame is the size of one frame after inflating, in bytes, default
	// 64 MiB. The memory for a frame grows with what came, never with what
	// was announced.
	MaxFrame int
	// MaxTopic is the length of a topic or of the name of a command in bytes,
	// default 4 KiB.
	MaxTopic int
}

// Defaults of [Limits].
const (
	DefaultMaxFrame = 64 << 20
	DefaultMaxTopic = 4 << 10
)

func (l Limits) withDefaults() Limits {
	const none = math.MaxInt / 2 // sums of sizes stay integers
	for _, f := range []struct {
		field    *int
		standard int
	}{{&l.MaxFrame, DefaultMaxFrame}, {&l.MaxTopic, DefaultMaxTopic}} {
		switch {
		case *f.field == 0:
			*f.field = f.standard
		case *f.field < 0 || *f.field > none:
			*f.field = none
		}
	}
	return l
}

// Reasons of a [FormatError]; test with [errors.Is].
var (
	ErrVersion   = errors.New("AMP version not supported")
	ErrMagic     = errors.New("AMP magic bytes missing")
	ErrArguments = errors.New("number of arguments not supported")
	ErrTopic     = errors.New("invalid topic")    // the first argument
	ErrArgument  = errors.New("invalid argument") // of Reader.Frame, ParseArg
	ErrEnvelope  = errors.New("invalid message")  // the second argument
	ErrTooLarge  = errors.New("too large")        // over Limits, or over what a frame can hold
	ErrTruncated = errors.New("the stream ends inside a frame")
	ErrChunk     = errors.New("chunk cannot be sent") // only when writing
)

// A FormatError is what a peer has sent, or a caller wants to send, that is
// not the protocol. Reason is one of the errors above.
type FormatError struct {
	Reason error
	Detail string // what was seen, e.g. "version 3"
	Err    error  // the error beneath, if any
	Offset int64  // where the frame begins in the stream that was read, in bytes
}

func (e *FormatError) Error() string {
	s := "wire: " + e.Reason.Error()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Offset > 0 {
		s += " (in the frame at byte " + strconv.FormatInt(e.Offset, 10) + " of the stream)"
	}
	return s
}

// Unwrap makes errors.Is and errors.As find Reason and Err.
func (e *FormatError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

func formatError(reason error, format string, args ...any) error {
	return &FormatError{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// quote shows text of a peer in an error: short, and without tokens.
func quote(s string) string { return fmt.Sprintf("%.80q", Redact(s)) }
