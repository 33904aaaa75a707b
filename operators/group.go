package operators

import (
	"context"
	"errors"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// ErrTooManyGroups ends a [GroupBy] whose consumer does not take its groups:
// 1024 of them wait for it, or GroupConfig.Max if that is more.
var ErrTooManyGroups = errors.New("operators: too many groups wait to be taken: take them faster, or raise GroupConfig.Max")

// GroupConfig shapes a [GroupBy]. Zero fields take the defaults.
type GroupConfig struct {
	// Max is how many groups may be open at a time. To open one more, the group
	// that got nothing for longest is closed. Default: 1024.
	Max int

	// Idle closes a group that got nothing for so long. 0: never.
	Idle time.Duration

	// Buffer shapes the queue of each group. Default: 1024 items, DropOldest,
	// counted in Group.Stats. Block is refused: a group must not stop the others.
	Buffer []observable.SubscribeOption
}

// A Group is the stream of the items of one key, with a queue of its own. It
// has one run in it, which may go on elsewhere and at any time; until then its
// items wait in the queue.
type Group[K comparable, T any] struct {
	Key K
	observable.Observable[T]
	queue *observable.Subscription[T]
}

// Stats returns the counters of the queue of the group.
func (g Group[K, T]) Stats() observable.Stats { return g.queue.Stats() }

// GroupBy emits a [Group] when an item comes whose key has none, and passes each
// item to the group of its key.
//
// No group stops the others, whether its consumer is slow, is absent or fails:
// items go into the queue of their group, by its policy. Nor does a consumer
// that is slow to take new groups: they wait for it, until there are so many
// that the stream ends with [ErrTooManyGroups].
//
// A group is closed, and completes after what is in its queue, when src is
// complete, when it was idle for too long or had to make room for another one.
// It is over as well when its consumer leaves it, or by its own policy. The next
// item with that key opens another group. When src fails or is cancelled the
// groups fail with it. A consumer that leaves GroupBy leaves its groups too:
// those that are still read fail with [ErrLeft].
//
// One goroutine runs src and key; one timer runs if groups can be idle.
func GroupBy[T any, K comparable](src observable.Observable[T], key func(T) K, cfg GroupConfig) observable.Observable[Group[K, T]] {
	need(key != nil, "GroupBy", aFunction)
	need(cfg.Max >= 0, "GroupBy", "the largest number of groups, 0 for 1024")
	need(cfg.Idle >= 0, "GroupBy", "the time after which a group is idle, 0 for never")
	if cfg.Max == 0 {
		cfg.Max = 1024
	}
	cfg.Buffer = append([]observable.SubscribeOption{observable.NoBlock()}, cfg.Buffer...)
	err := observable.ValidateOptionsFor[T](cfg.Buffer...)
	need(err == nil, "GroupBy", "another GroupConfig.Buffer: "+text(err))

	return observable.New(func(ctx context.Context, yield func(Group[K, T]) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			g := newGroups[K, T](cfg)
			var end error // of src; to be read when the queue of new groups is finished
			forGroups := ErrPanicked
			c.branch(func(ctx context.Context) error {
				var failed error
				err := src.Run(ctx, func(v T) bool {
					if c.ending() {
						return false
					}
					out := g.route(ctx, key(v), v)
					if out == observable.Rejected {
						failed = ErrTooManyGroups
					}
					return out == observable.Accepted
				})
				end = firstThen(ctx, failed, err)
				forGroups = groupsEnd(c, end)
				return nil
			}, func() {
				g.close(forGroups)
				g.opened.Finish(nil)
			})
			return drain(c, g.opened, &end, yield)
		})
	})
}

// groupsEnd is how the groups end when src has ended with err.
func groupsEnd(c *crew, err error) error {
	switch {
	case !c.ended() || err != nil && !c.echoes(err):
		return err
	case c.cause() != nil:
		return c.cause()
	}
	return ErrLeft
}
