package observable

import (
	"errors"
	"fmt"
)

var (
	// ErrEmpty is returned by First and Last when the stream completed without a value.
	ErrEmpty = errors.New("observable: the stream completed without a value")

	// ErrClosed says that a Value, a Subject or a Subscription was closed before
	// what was asked of it could happen.
	ErrClosed = errors.New("observable: closed")

	// ErrOverflow ends a subscription under FailOnOverflow that had no room for
	// a value. What it returns is an *OverflowError.
	ErrOverflow = errors.New("observable: overflow")

	// ErrOneShot is returned by the second run of a source that has only one run
	// in it. What it returns is a *OneShotError.
	ErrOneShot = errors.New("observable: this source can be run only once")

	// ErrBusy is returned to a second consumer of one subscription: a
	// subscription has one reader at a time, so subscribe once per reader.
	ErrBusy = errors.New("observable: the subscription is being read already: subscribe once per reader")
)

// An OverflowError says how full a subscription was when it had to end.
type OverflowError struct {
	Buffered, Limit          int // values waiting, and how many may
	BufferedBytes, ByteLimit int // their sizes; 0 when sizes are not counted
}

func (e *OverflowError) Error() string {
	if e.ByteLimit > 0 {
		return fmt.Sprintf("observable: overflow: %d of %d values (%d of %d bytes) wait to be read and one more came: read faster, raise the limit or choose a policy that drops",
			e.Buffered, e.Limit, e.BufferedBytes, e.ByteLimit)
	}
	return fmt.Sprintf("observable: overflow: %d of %d values wait to be read and one more came: read faster, raise the limit or choose a policy that drops",
		e.Buffered, e.Limit)
}

// Is makes errors.Is(err, ErrOverflow) true.
func (e *OverflowError) Is(target error) bool { return target == ErrOverflow }

// A OneShotError names the source that was run a second time.
type OneShotError struct {
	Source string // such as "FromChan"
	Advice string // what to do instead
}

func (e *OneShotError) Error() string {
	return fmt.Sprintf("observable: %s was run before and has nothing more to give: %s", e.Source, e.Advice)
}

// Is makes errors.Is(err, ErrOneShot) true.
func (e *OneShotError) Is(target error) bool { return target == ErrOneShot }

// An OptionError says which option is wrong and what to give instead.
type OptionError struct {
	Option string // such as "WithLimit(-1)"
	Reason string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("observable: %s: %s", e.Option, e.Reason)
}
