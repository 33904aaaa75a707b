package operators

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/xcraft-go/xbus/observable"
)

// SwitchMap emits the items of the stream f(v) of the latest item v of src:
//
//	live := SwitchMap(states, func(s State) observable.Observable[Event] {
//		if s != Connected {
//			return observable.Never[Event]()
//		}
//		return events
//	})
//
// A new item of src cancels the stream of the one before, and its own stream
// begins when that one has returned: two never overlap, and nothing stale comes
// after something new. An item that is overtaken before its turn is passed over,
// without f being called. The last one always has its turn: the stream is
// complete when src and the last f(v) are. An error of either ends it.
//
// One goroutine runs src. The streams run where the stream runs: their items
// cost no hand-over.
func SwitchMap[A, B any](src observable.Observable[A], f func(A) observable.Observable[B]) observable.Observable[B] {
	need(f != nil, "SwitchMap", aFunction)
	return observable.New(func(ctx context.Context, yield func(B) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			turn := &rotation{crew: c}
			next := make(chan A)
			c.branch(func(ctx context.Context) error {
				return src.Run(ctx, func(v A) bool {
					turn.overtake()
					return hand(c, next, v)
				})
			}, func() { close(next) })

			for v := range next {
				inner, ok := turn.begin()
				if !ok {
					continue
				}
				err := f(v).Run(inner.ctx, func(w B) bool {
					if inner.ended() {
						return false
					}
					left = !yield(w)
					return !left
				})
				turn.over(inner, err)
				if left {
					return true
				}
			}
			return false
		})
	})
}

// rotation is the state of one run of [SwitchMap]. The items of the source are
// counted on both sides of the hand-over: as long as more have been announced
// than taken, the stream of what was taken last is outdated.
type rotation struct {
	*crew

	mu        sync.Mutex
	announced int
	taken     int
	inner     *leash // of the stream that runs
}

// overtake announces an item. The branch of the source calls it.
func (r *rotation) overtake() {
	r.mu.Lock()
	r.announced++
	inner := r.inner
	r.mu.Unlock()
	if inner != nil {
		inner.pull()
	}
}

// begin takes an item and returns the leash for its stream, or false when the
// stream should not begin any more.
func (r *rotation) begin() (*leash, bool) {
	if r.ending() {
		return nil, false
	}
	inner := newLeash(r.ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken++
	if r.announced > r.taken {
		inner.pull()
		return nil, false
	}
	r.inner = &inner
	return &inner, true
}

// over takes in how the stream of an item ended.
func (r *rotation) over(inner *leash, err error) {
	r.mu.Lock()
	r.inner = nil
	r.mu.Unlock()
	replaced := inner.ended() && inner.cause() == nil
	switch {
	case inner.ended() && !replaced:
		r.cutOff()
		r.settle(err)
	case !replaced:
		inner.pull() // lets go of the context
		r.settle(err)
	default:
		lateUnlessEcho(inner.ctx, err)
	}
}

// ExhaustMap runs the stream f(v) of an item of src to its end, and drops the
// items of src that come meanwhile. It is complete when src and the last f(v)
// are; an error of either ends it.
//
// The drops are counted: after each stream, if there were some during it,
// dropped is called with their number, where the stream runs.
//
// One goroutine runs src. The streams run where the stream runs.
func ExhaustMap[A, B any](src observable.Observable[A], f func(A) observable.Observable[B], dropped func(n int)) observable.Observable[B] {
	need(f != nil, "ExhaustMap", aFunction)
	need(dropped != nil, "ExhaustMap", "a function that gets the number of dropped items, func(int) {} if it is of no interest")
	return observable.New(func(ctx context.Context, yield func(B) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			var busy atomic.Bool // from the hand-over of an item to the end of its stream
			var drops atomic.Int64
			next := make(chan A)
			c.branch(func(ctx context.Context) error {
				return src.Run(ctx, func(v A) bool {
					if busy.CompareAndSwap(false, true) {
						return hand(c, next, v)
					}
					drops.Add(1)
					return !c.ending()
				})
			}, func() { close(next) })

			report := func() {
				if n := drops.Swap(0); n > 0 {
					dropped(int(n))
				}
			}
			for v := range next {
				c.settle(f(v).Run(c.ctx, func(w B) bool {
					if c.ending() {
						return false
					}
					left = !yield(w)
					return !left
				}))
				if left {
					c.join()
					report()
					return true
				}
				report()
				busy.Store(false)
			}
			report()
			return false
		})
	})
}
