package operators

import (
	"context"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// Chunk collects items and emits them together: as soon as there are count of
// them, or when d has passed since the first of them, whichever is first. With
// d = 0 only the count decides.
//
// A chunk is never empty, never longer than count, and belongs to who receives
// it. When the source completes, the last chunk is emitted as it is; when it
// fails, the items collected so far are dropped.
//
// With d = 0 there is no goroutine. Otherwise one runs src, and one timer runs
// while a chunk waits.
func Chunk[T any](src observable.Observable[T], count int, d time.Duration) observable.Observable[[]T] {
	need(count > 0, "Chunk", "the largest number of items in a chunk, 1 or more")
	need(d >= 0, "Chunk", "the longest time that an item may wait, or 0 for no limit")
	if d == 0 {
		return chunkByCount(src, count)
	}
	return observable.New(func(ctx context.Context, yield func([]T) bool) error {
		return gather(ctx, func(c *crew) (left bool) {
			timer := idleTimer()
			defer timer.Stop()
			chunk := collector[T]{limit: count}
			from := feed(c, src)
			for {
				select {
				case v, ok := <-from:
					if !ok {
						return len(chunk.items) > 0 && c.clean() && !yield(chunk.take())
					}
					if len(chunk.items) == 0 {
						timer.Reset(d)
					}
					if !chunk.add(v) {
						continue
					}
					timer.Stop()
				case <-timer.C:
				}
				if !yield(chunk.take()) {
					return true
				}
			}
		})
	})
}

func chunkByCount[T any](src observable.Observable[T], count int) observable.Observable[[]T] {
	return observable.New(func(ctx context.Context, yield func([]T) bool) error {
		chunk := collector[T]{limit: count}
		left := false
		err := src.Run(ctx, func(v T) bool {
			if !chunk.add(v) {
				return true
			}
			left = !yield(chunk.take())
			return !left
		})
		if err == nil && !left && len(chunk.items) > 0 {
			yield(chunk.take())
		}
		return err
	})
}

// collector fills one chunk after the other.
type collector[T any] struct {
	limit int
	last  int // length of the chunk before, the best guess for the next
	items []T
}

// add says that the chunk is full.
func (c *collector[T]) add(v T) bool {
	if c.items == nil {
		c.items = make([]T, 0, max(c.last, 1))
	}
	c.items = append(c.items, v)
	return len(c.items) == c.limit
}

// take returns the chunk, which the collector forgets.
func (c *collector[T]) take() []T {
	chunk := c.items
	c.last, c.items = len(chunk), nil
	return chunk
}
