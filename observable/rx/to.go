package rx

import (
	"context"

	"github.com/reactivex/rxgo/v2"

	"github.com/xcraft-go/xbus/observable"
)

// buffer is the room between the stream and rxgo, unless WithBufferedChannel
// says otherwise: without any, each value costs two changes of goroutine.
const buffer = 128

// To makes an rxgo Observable of src. Each Observe runs src on a goroutine of its
// own until src ends, until ctx is done or until the context given to Observe by
// rxgo.WithContext is; that one, cancelled, is the way to leave. An error of src,
// and the end of ctx, come as an error item.
//
// Values are items as they are: nil, errors and slices too.
func To[T any](ctx context.Context, src observable.Observable[T], opts ...rxgo.Option) rxgo.Observable {
	opts = append([]rxgo.Option{rxgo.WithContext(ctx), rxgo.WithBufferedChannel(buffer)}, opts...)
	producer := func(observed context.Context, items chan<- rxgo.Item) {
		// observed replaces ctx where Observe was given a context.
		run, cancel := context.WithCancelCause(observed)
		stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
		defer func() { stop(); cancel(nil) }()
		if err := produce(run, src, items); err != nil {
			send(observed, items, rxgo.Error(err))
		}
	}
	return rxgo.Defer([]rxgo.Producer{producer}, opts[:len(opts):len(opts)]...)
}

func produce[T any](ctx context.Context, src observable.Observable[T], items chan<- rxgo.Item) error {
	cut := false
	err := src.Run(ctx, func(v T) bool {
		cut = !send(ctx, items, rxgo.Of(v))
		return !cut
	})
	if err == nil && cut {
		return context.Cause(ctx)
	}
	return err
}

// send tries first, which spares the two-way select wherever there is room.
func send(ctx context.Context, items chan<- rxgo.Item, item rxgo.Item) bool {
	select {
	case items <- item:
		return true
	default:
	}
	select {
	case items <- item:
		return true
	case <-ctx.Done():
		return false
	}
}
