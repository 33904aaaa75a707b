package operators

import (
	"context"

	"github.com/xcraft-go/xbus/observable"
)

// Filter emits the items for which keep is true. One that is rejected costs the
// call of keep and nothing else: the source goes on to the next.
func Filter[T any](src observable.Observable[T], keep func(T) bool) observable.Observable[T] {
	need(keep != nil, "Filter", aFunction)
	return src.Filter(keep)
}

// FilterMap emits what f makes of the items for which it returns true.
func FilterMap[A, B any](src observable.Observable[A], f func(A) (B, bool)) observable.Observable[B] {
	need(f != nil, "FilterMap", aFunction)
	return observable.New(func(ctx context.Context, yield func(B) bool) error {
		return src.Run(ctx, func(v A) bool {
			w, ok := f(v)
			return !ok || yield(w)
		})
	})
}

// Skip leaves out the first n items.
func Skip[T any](src observable.Observable[T], n int) observable.Observable[T] {
	need(n >= 0, "Skip", "the number of items to leave out, 0 or more")
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		skipped := 0
		return src.Run(ctx, func(v T) bool {
			if skipped < n {
				skipped++
				return true
			}
			return yield(v)
		})
	})
}

// SkipWhile leaves out items until one comes for which pred is false; that one
// and all after it are emitted, and pred is not asked any more.
func SkipWhile[T any](src observable.Observable[T], pred func(T) bool) observable.Observable[T] {
	need(pred != nil, "SkipWhile", aFunction)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		through := false
		return src.Run(ctx, func(v T) bool {
			if !through && pred(v) {
				return true
			}
			through = true
			return yield(v)
		})
	})
}

// Distinct leaves out an item that equals the one before it. The first item
// always passes, the zero value too. Only the last item is remembered.
//
// Items are compared by ==: a NaN differs from itself, and == panics on an
// interface that holds a slice, a map or a function.
func Distinct[T comparable](src observable.Observable[T]) observable.Observable[T] {
	return DistinctFunc(src, func(a, b T) bool { return a == b })
}

// DistinctBy leaves out an item whose key equals that of the item before it.
func DistinctBy[T any, K comparable](src observable.Observable[T], key func(T) K) observable.Observable[T] {
	need(key != nil, "DistinctBy", aFunction)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		var last K
		some := false
		return src.Run(ctx, func(v T) bool {
			k := key(v)
			if some && k == last {
				return true
			}
			last, some = k, true
			return yield(v)
		})
	})
}

// DistinctFunc leaves out an item that equals the last one emitted, as equal
// has it.
func DistinctFunc[T any](src observable.Observable[T], equal func(last, v T) bool) observable.Observable[T] {
	need(equal != nil, "DistinctFunc", aFunction)
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		var last T
		some := false
		return src.Run(ctx, func(v T) bool {
			if some && equal(last, v) {
				return true
			}
			last, some = v, true
			return yield(v)
		})
	})
}
