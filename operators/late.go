package operators

import (
	"context"

	"github.com/xcraft-go/xbus/observable"
)

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
