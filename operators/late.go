package operators

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// lateHook is the function that OnLateError was given last.
var lateHook atomic.Pointer[func(error)]

// OnLateError sets the function that gets the errors which nobody is there to
// receive: a stream that an operator has stopped, because its consumer left,
// because [Take] had its last value or because [SwitchMap] went on to another
// stream, fails while it ends. That it was stopped is no such error. A panic
// that meets another panic on its way out comes as a [*Panic].
//
// There is one such function for the whole process; nil, and the beginning,
// means a warning in slog.Default(). It is called on the goroutine that runs
// the stream, perhaps on several at a time. The function returned puts back
// what was set before.
func OnLateError(f func(error)) (restore func()) {
	var next *func(error)
	if f != nil {
		next = &f
	}
	previous := lateHook.Swap(next)
	return func() { lateHook.Store(previous) }
}

// late hands errors over to the hook.
func late(errs ...error) {
	for _, err := range errs {
		if hook := lateHook.Load(); hook != nil {
			(*hook)(err)
		} else {
			slog.Default().Warn("operators: a stream failed after its consumer had left", "err", err)
		}
	}
}

// lateUnlessEcho reports err unless it is nil or repeats that ctx is done.
func lateUnlessEcho(ctx context.Context, err error) {
	if err != nil && !echoes(ctx, err) {
		late(err)
	}
}

// A Panic is what a run panics with when a branch of it, on a goroutine of its
// own, has panicked: the value, and where it happened. A panic on the goroutine
// that runs the stream passes as it is.
type Panic struct {
	Value any
	Stack []byte // of the goroutine of the branch
}

// Error prints the value and the stack, so that a crash shows both.
func (p *Panic) Error() string {
	return fmt.Sprintf("operators: a branch panicked: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns the value when it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}
