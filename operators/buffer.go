package operators

import (
	"context"

	"github.com/xcraft-go/xbus/observable"
)

// Buffer lets src run ahead of its consumer: on a goroutine of its own, with a
// queue between them that the options shape as they shape a subscription. By
// default 1024 items may wait, and then the source does
// (observable.Block): nothing is dropped. With another policy the source never
// waits; make its losses visible with observable.WithLossStamp or
// observable.WithOnLoss.
//
//	latest := Buffer(states, observable.WithPolicy(observable.Conflate))
//
// The end of src keeps its place behind the items that wait. If the consumer
// leaves or the run is cancelled, those are dropped.
func Buffer[T any](src observable.Observable[T], opts ...observable.SubscribeOption) observable.Observable[T] {
	opts = append([]observable.SubscribeOption{observable.WithPolicy(observable.Block)}, opts...)
	err := observable.ValidateOptionsFor[T](opts...)
	need(err == nil, "Buffer", "other options: "+text(err))
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			queue := observable.NewSubscription[T](opts...)
			var end error // of src; to be read when the queue is finished
			c.branch(func(ctx context.Context) error {
				end = src.Run(ctx, func(v T) bool {
					return queue.Offer(ctx, v) < observable.Overflowed // closed when the lead is gone
				})
				return nil
			}, func() { queue.Finish(nil) })
			return drain(c, queue, &end, yield)
		})
	})
}

// drain runs what is in a queue that a branch fills, and after it the end of
// that branch. It returns when the branch is gone.
func drain[T any](c *crew, queue *observable.Subscription[T], end *error, yield func(T) bool) (left bool) {
	err := queue.Observable().Run(c.ctx, func(v T) bool {
		left = !yield(v)
		return !left
	})
	if err == nil && !left { // the queue is finished, and so is the branch
		c.settle(*end)
		return false
	}
	c.settle(err)
	c.join()
	if left {
		lateUnlessEcho(c.ctx, *end)
	} else { // cancelled; a group may hand the same error on, so that it must not go to the hook as well
		c.settle(*end)
	}
	return left
}
