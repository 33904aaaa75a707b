package operators

import (
	"context"

	"github.com/xcraft-go/xbus/observable"
)

// Map emits f(v) for each v. Where the type stays, a row of Map and Filter is one
// loop over their functions.
func Map[A, B any](src observable.Observable[A], f func(A) B) observable.Observable[B] {
	need(f != nil, "Map", aFunction)
	if same, ok := any(f).(func(A) A); ok {
		return any(src.Map(same)).(observable.Observable[B])
	}
	return observable.New(func(ctx context.Context, yield func(B) bool) error {
		return src.Run(ctx, func(v A) bool { return yield(f(v)) })
	})
}

// MapErr emits f(v) for each v as long as f succeeds. The first error stops the
// source and ends the stream; it is returned as it is, so that typed errors
// survive. To go on after an error make it a value: see [Result].
func MapErr[A, B any](src observable.Observable[A], f func(A) (B, error)) observable.Observable[B] {
	need(f != nil, "MapErr", aFunction)
	return observable.New(func(ctx context.Context, yield func(B) bool) error {
		var failed error
		err := src.Run(ctx, func(v A) bool {
			var w B
			if w, failed = f(v); failed != nil {
				return false
			}
			return yield(w)
		})
		return firstThen(ctx, failed, err)
	})
}

// firstThen returns the error for which an operator stopped its source, and
// reports what the source had to say after that.
func firstThen(ctx context.Context, failed, after error) error {
	if failed == nil {
		return after
	}
	lateUnlessEcho(ctx, after)
	return failed
}

// Scan emits the accumulated value after each item: f(acc, v), where acc begins
// as seed. The seed itself is not emitted; put it in front with [StartWith].
//
// Each run begins with the same seed. A map, slice or pointer would be shared
// by all runs: let f make a new one, or begin with nil.
func Scan[A, B any](src observable.Observable[A], seed B, f func(acc B, v A) B) observable.Observable[B] {
	need(f != nil, "Scan", aFunction)
	return observable.New(func(ctx context.Context, yield func(B) bool) error {
		acc := seed
		return src.Run(ctx, func(v A) bool {
			acc = f(acc, v)
			return yield(acc)
		})
	})
}

// Reduce emits one value when the source is complete: what [Scan] would have
// emitted last, or seed when there was nothing. An error or a cancellation ends
// the stream without it.
func Reduce[A, B any](src observable.Observable[A], seed B, f func(acc B, v A) B) observable.Observable[B] {
	need(f != nil, "Reduce", aFunction)
	return observable.New(func(ctx context.Context, yield func(B) bool) error {
		acc := seed
		err := src.Run(ctx, func(v A) bool {
			acc = f(acc, v)
			return true
		})
		if err == nil {
			yield(acc)
		}
		return err
	})
}

// A Pair is an item and the one before it.
type Pair[T any] struct{ Old, New T }

// Pairwise emits each item together with the one before it, from the second on:
// the transitions of a state.
func Pairwise[T any](src observable.Observable[T]) observable.Observable[Pair[T]] {
	return observable.New(func(ctx context.Context, yield func(Pair[T]) bool) error {
		var old T
		some := false
		return src.Run(ctx, func(v T) bool {
			pair := Pair[T]{old, v}
			old = v
			if !some {
				some = true
				return true
			}
			return yield(pair)
		})
	})
}

// A Result is a value or the error that came in its place: the way for a stream
// to go on after an error that concerns one item.
type Result[T any] struct {
	Value T
	Err   error
}

// ResultOf makes a Result of what a function returned:
//
//	Map(src, func(s string) Result[int] { return ResultOf(strconv.Atoi(s)) })
func ResultOf[T any](v T, err error) Result[T] { return Result[T]{v, err} }

// Materialize emits each value as a Result and the error that ends the source
// as the last one; the stream itself then completes. A cancellation remains the
// end of the run: it is no Result.
func Materialize[T any](src observable.Observable[T]) observable.Observable[Result[T]] {
	return observable.New(func(ctx context.Context, yield func(Result[T]) bool) error {
		left := false
		err := src.Run(ctx, func(v T) bool {
			left = !yield(Result[T]{Value: v})
			return !left
		})
		if err == nil || left || ctx.Err() != nil {
			return err
		}
		yield(Result[T]{Err: err})
		return nil
	})
}

// Dematerialize undoes [Materialize]: the first Result with an error stops the
// source and ends the stream with that error.
func Dematerialize[T any](src observable.Observable[Result[T]]) observable.Observable[T] {
	return MapErr(src, func(r Result[T]) (T, error) { return r.Value, r.Err })
}
