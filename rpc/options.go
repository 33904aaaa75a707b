package rpc

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/xcraft-go/xbus/payload"
)

// Parts are data that is already in the form in which it travels, with a binary
// chunk beside it.
type Parts = payload.Parts

// WhenDown says what a call does while there is no session.
type WhenDown uint8

const (
	// Wait for a session, as long as the context of the call allows.
	Wait WhenDown = iota
	// FailFast returns ErrNotConnected at once.
	FailFast
	// Queue puts the call into a bounded queue that is sent when a session
	// begins, and returns its future at once.
	Queue
)

type options struct {
	activity bool
	orcName  string
	id       string
	context  json.RawMessage
	horde    bool
	stream   bool
	keep     bool
	down     WhenDown
	progress bool
	timeout  time.Duration
	check    bool
	observe  func(Step)
	err      error
}

// A Step tells an observer of a call where it is: see Trace.
type Step struct {
	Command, ID string
	Err         error // of the end; nil for a result
	End         bool  // false: the call begins; true: it has ended
}

// An Option shapes one call. A later one stands over an earlier one.
type Option func(*options)

var noOptions options // never changed

func collect(opts []Option) *options {
	if len(opts) == 0 {
		return &noOptions
	}
	o := new(options)
	for _, opt := range opts {
		if opt == nil {
			o.fail("an option is nil: leave it out")
			continue
		}
		opt(o)
	}
	return o
}

func (o *options) fail(format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf(format, args...)
	}
}

// Activity makes the command an activity of the hall: it waits there while the
// same orc runs the same command, or an exclusive one runs (protocol §5.3). By
// default a command runs at once ("nested").
func Activity() Option { return func(o *options) { o.activity = true } }

// As sends the command under another orc name than one's own ("which" and
// "$orcName" of the reference). Its answers come back all the same.
func As(orcName string) Option { return func(o *options) { o.orcName = orcName } }

// WithID gives the message an id of its own, so that a command that is
// repeated can be told by it. It becomes a part of topics: no dots, colons,
// stars, angle brackets or spaces. The default is a new UUID.
func WithID(id string) Option { return func(o *options) { o.id = id } }

// WithContext sets the message context, any value that JSON can hold: it
// follows the command through the hall and comes back in its events
// (protocol §5.7). nil is none.
func WithContext(v any) Option {
	return func(o *options) {
		raw, err := json.Marshal(v)
		if err != nil {
			o.fail("the message context cannot be sent: %w", err)
		}
		if o.context = raw; string(raw) == "null" {
			o.context = nil
		}
	}
}

// Horde runs the command in a node of the horde and not in the hall itself
// (_xcraftRPC, protocol §5.6). The data must be an object or nothing.
func Horde() Option { return func(o *options) { o.horde = true } }

// Stream marks the command as one whose data announces a stream
// (protocol §7.5).
func Stream() Option { return func(o *options) { o.stream = true } }

// KeepAcrossLoss leaves the call in flight when the session is lost, as the
// reference does: a hall that lives on still answers after the return. A call
// that was certainly not sent is sent again. By default a loss ends it with
// ErrConnectionLost.
func KeepAcrossLoss() Option { return func(o *options) { o.keep = true } }

// Down says what the call does while there is no session, default Wait.
func Down(w WhenDown) Option {
	return func(o *options) {
		if w > Queue {
			o.fail("Down(%d): give Wait, FailFast or Queue", w)
		}
		o.down = w
	}
}

// Progress attaches the events that the command causes to the call: see
// [Pending.Progress]. The call then carries a mark in its message context,
// which must be an object or absent.
func Progress() Option { return func(o *options) { o.progress = true } }

// Timeout bounds the call, whatever its context says; the call then keeps a
// timer. 0 means the default, a negative one none.
func Timeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// CheckFirst looks the command up in the registry before it is sent.
func CheckFirst() Option { return func(o *options) { o.check = true } }

// Trace calls f when the call begins and when it has ended, on the goroutine
// where that happens, which can be the connection's reader: f must be quick and
// must not wait for anything, the end of the client included.
// Several add up.
func Trace(f func(Step)) Option {
	return func(o *options) {
		before := o.observe
		if before == nil {
			o.observe = f
			return
		}
		o.observe = func(s Step) { before(s); f(s) }
	}
}
