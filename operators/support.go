package operators

import (
	"context"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// need panics with a message that names the operator and says what to give,
// when ok is false. It guards against mistakes in the program, at the moment
// when the pipeline is built and not when its first value comes.
func need(ok bool, operator, give string) {
	if !ok {
		panic("operators: " + operator + ": give " + give)
	}
}

const aFunction = "a function, not nil"

// needPositive asks for a duration above zero.
func needPositive(d time.Duration, operator string) {
	need(d > 0, operator, "a duration above zero")
}

// text is the message of an error, or nothing.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// late reports errors that nobody is there to receive, to observable.OnLateError.
func late(errs ...error) {
	for _, err := range errs {
		observable.ReportLate(context.Background(), err)
	}
}

// lateUnlessEcho reports what a stream said after it was stopped, unless that
// only repeats that ctx is done.
func lateUnlessEcho(ctx context.Context, err error) {
	if err != nil && !echoes(ctx, err) {
		late(err)
	}
}
