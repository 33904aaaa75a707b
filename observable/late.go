package observable

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
)

var lateHook atomic.Pointer[func(error)]

// OnLateError sets the function that gets the errors which nobody is there to
// receive: those that arise after the consumer has left, such as a failure to
// close something. There is one for the process; nil, and the beginning, means a
// warning in slog.Default(). It is called on the goroutine that met the error,
// perhaps on several at a time. restore puts back what was set before.
func OnLateError(f func(error)) (restore func()) {
	var next *func(error)
	if f != nil {
		next = &f
	}
	previous := lateHook.Swap(next)
	return func() { lateHook.Store(previous) }
}

// ReportLate hands an error that cannot be returned any more to OnLateError. It
// is for those who make sources and operators. An error that only says that ctx
// is done is no news and is not reported, nor is nil.
func ReportLate(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil && (err == context.Cause(ctx) || err == ctx.Err()) {
		return
	}
	if hook := lateHook.Load(); hook != nil {
		(*hook)(err)
		return
	}
	slog.Default().Warn("observable: a stream failed after its consumer had left", "err", err)
}

// A Panic is what a run panics with when a goroutine that worked for it has
// panicked: the value, and where it happened. A panic on the goroutine that runs
// the stream passes as it is.
type Panic struct {
	Value any
	Stack []byte
}

// Error prints the value and the stack, so that a crash shows both.
func (p *Panic) Error() string {
	return fmt.Sprintf("observable: a goroutine of the stream panicked: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns the value when it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}
