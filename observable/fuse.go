package observable

import "slices"

// A step is one stage that keeps the type of the values: it lets a value through
// or changes it. One of the two is set.
type step[T any] struct {
	keep   func(T) bool
	change func(T) T
}

// Filter is the stream of the values for which keep is true. A run of Filter and
// Map one after the other is one loop over their functions: a value costs one
// call for each. It panics when keep is nil.
func (o Observable[T]) Filter(keep func(T) bool) Observable[T] {
	if keep == nil {
		panic("observable: Filter(nil): give the function that tells which values to keep")
	}
	return o.with(step[T]{keep: keep})
}

// Map is the stream of what f makes of the values, of the same type; for
// another type use operators.Map. It panics when f is nil.
func (o Observable[T]) Map(f func(T) T) Observable[T] {
	if f == nil {
		panic("observable: Map(nil): give the function that changes the values")
	}
	return o.with(step[T]{change: f})
}

func (o Observable[T]) with(s step[T]) Observable[T] {
	o.steps = append(slices.Clip(o.steps), s) // others may share what was there
	return o
}

// through takes a value through the steps and then to yield.
func through[T any](steps []step[T], yield func(T) bool) func(T) bool {
	return func(v T) bool {
		for _, s := range steps {
			if s.keep == nil {
				v = s.change(v)
			} else if !s.keep(v) {
				return true
			}
		}
		return yield(v)
	}
}
