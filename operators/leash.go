package operators

import (
	"context"
	"errors"
)

// A leash is a context by which an operator ends what it runs, and which knows
// the errors that say nothing but that it was pulled.
type leash struct {
	ctx    context.Context // of what hangs on the leash
	cancel context.CancelCauseFunc
	pulled *stopped // the cause of ctx when the operator ended it
}

// stopped is the cause by which operators end streams. It is a
// context.Canceled to whoever looks at it from inside.
type stopped struct{ _ byte } // not of size zero: each has an address of its own

func (*stopped) Error() string { return "operators: the stream was stopped, nobody needs it any more" }
func (*stopped) Unwrap() error { return context.Canceled }

func newLeash(parent context.Context) leash {
	ctx, cancel := context.WithCancelCause(parent)
	return leash{ctx: ctx, cancel: cancel, pulled: new(stopped)}
}

// pull ends what hangs on the leash. It may be called often and from anywhere.
func (l *leash) pull() { l.cancel(l.pulled) }

// ended says that the leash was pulled or that the context around it is done.
func (l *leash) ended() bool { return l.ctx.Err() != nil }

// cause returns the reason for which the context around the leash is done, or
// nil when it is not, or when the leash was pulled before.
func (l *leash) cause() error {
	if err := context.Cause(l.ctx); err != l.pulled {
		return err
	}
	return nil
}

// echoes says that err only repeats that the leash has ended.
func (l *leash) echoes(err error) bool { return echoes(l.ctx, err) }

// echoes says that err only repeats that ctx is done.
func echoes(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err()))
}
