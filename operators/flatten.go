package operators

import (
	"context"

	"github.com/xcraft-go/xbus/observable"
)

// ConcatMap runs the stream f(v) of each item to its end before it takes the
// next item: one stream at a time, in order. Meanwhile the source waits, so that
// nothing is queued. It needs no goroutine.
func ConcatMap[A, B any](src observable.Observable[A], f func(A) observable.Observable[B]) observable.Observable[B] {
	need(f != nil, "ConcatMap", aFunction)
	return observable.New(func(ctx context.Context, yield func(B) bool) error {
		var failed error
		left := false
		one := func(w B) bool {
			left = !yield(w)
			return !left
		}
		err := src.Run(ctx, func(v A) bool {
			failed = f(v).Run(ctx, one)
			return failed == nil && !left
		})
		return firstThen(ctx, failed, err)
	})
}

// MergeMap runs the streams f(v) of up to n items at a time and emits their
// items as they come: order is kept within each of the streams only; see
// [MapOrdered]. While n streams run, the source waits. The first error stops
// everything else, and what fails meanwhile is joined to it.
//
// The source and each stream that runs have a goroutine of their own; f is
// called where the stream runs.
func MergeMap[A, B any](src observable.Observable[A], n int, f func(A) observable.Observable[B]) observable.Observable[B] {
	need(n > 0, "MergeMap", "the number of streams that may run at a time, 1 or more")
	need(f != nil, "MergeMap", aFunction)
	return observable.New(func(ctx context.Context, yield func(B) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			outer, inner := feed(c, src), make(chan B)
			over := make(chan struct{}, n) // one for each stream that is over: never blocks
			for running := 0; outer != nil || running > 0; {
				from := outer
				if running == n {
					from = nil
				}
				select {
				case v, ok := <-from:
					switch {
					case !ok:
						outer = nil
					case !c.ending():
						running++
						c.branch(pump(c, f(v), inner), func() { over <- struct{}{} })
					}
				case w := <-inner:
					if !yield(w) {
						return true
					}
				case <-over:
					running--
				}
			}
			return false
		})
	})
}

// MapOrdered calls f for up to n items at a time, each on a goroutine of its
// own, and emits the results in the order of the items. The items whose results
// wait for their turn count among the n. Meanwhile the source waits.
//
// Errors keep their turn too: the results of all items before it are emitted
// first, then the error ends the stream. The context of the calls after it is
// cancelled, and what they still return is of no use to anybody.
func MapOrdered[A, B any](src observable.Observable[A], n int, f func(ctx context.Context, v A) (B, error)) observable.Observable[B] {
	need(n > 0, "MapOrdered", "the number of calls that may run at a time, 1 or more")
	need(f != nil, "MapOrdered", aFunction)
	return observable.New(func(ctx context.Context, yield func(B) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			items := make(chan A)
			q := turns[B]{crew: c}
			c.branch(func(ctx context.Context) error {
				q.last = pump(c, src, items)(ctx)
				return nil
			}, func() { close(items) })
			defer q.drop()

			for source := (<-chan A)(items); source != nil || len(q.waiting) > 0; {
				from := source
				if len(q.waiting) == n {
					from = nil
				}
				select {
				case v, ok := <-from:
					if !ok {
						source = nil
					} else if !c.ending() {
						q.start(func(ctx context.Context) (B, error) { return f(ctx, v) })
					}
				case r, ok := <-q.first():
					q.waiting = q.waiting[1:]
					if !ok { // the call panicked
						return false
					}
					if r.Err != nil {
						c.settle(r.Err)
						return false
					}
					if !yield(r.Value) {
						return true
					}
				}
			}
			c.settle(q.last)
			q.last = nil
			return false
		})
	})
}

// turns is the calls of [MapOrdered] whose results have not been emitted, in
// the order of their items.
type turns[B any] struct {
	*crew
	waiting []chan Result[B]
	last    error // of the source: its turn comes after all results
}

// start calls f in a branch. Its channel gets the result, or is closed without
// one when f panics.
func (q *turns[B]) start(f func(context.Context) (B, error)) {
	slot := make(chan Result[B], 1)
	q.waiting = append(q.waiting, slot)
	q.branch(func(ctx context.Context) error {
		slot <- ResultOf(f(ctx))
		return nil
	}, func() { close(slot) })
}

// first returns the channel of the call whose turn it is; nil if there is none.
func (q *turns[B]) first() <-chan Result[B] {
	if len(q.waiting) == 0 {
		return nil
	}
	return q.waiting[0]
}

// drop ends what is still under way and reports the errors whose turn does not
// come any more.
func (q *turns[B]) drop() {
	q.join()
	lateUnlessEcho(q.ctx, q.last)
	for _, slot := range q.waiting {
		r := <-slot // the zero Result when the call panicked
		lateUnlessEcho(q.ctx, r.Err)
	}
}
