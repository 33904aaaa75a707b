package observable

import (
	"context"
	"sync/atomic"
)

// A Value is what is true now: the state of a connection, a token, a registry.
// It always has a value, and those who watch it see the latest: one that lags
// skips what was true in between. Do not send events through a Value: two equal
// ones in a row are no change, and of several quick ones only the last is seen.
//
// All methods may be called from any goroutine. Make one with NewValue or
// NewValueFunc.
type Value[T any] struct {
	now   atomic.Pointer[node[T]]
	equal func(a, b T) bool
}

// A node is one state of a Value. It never changes; what replaces it tells those
// who wait on changed.
type node[T any] struct {
	value   T
	closes  *node[T]               // the state that Close keeps for ever, which is no new one; nil while open
	changed atomic.Pointer[signal] // made by the first who waits
}

// A signal wakes all who wait at the cost of waking one: the setter leaves a
// token in wake, and whoever receives it closes the channel for the others.
type signal struct {
	wake   chan struct{}
	passed atomic.Bool
}

// NewValue makes a Value that holds v. Values are compared with ==.
func NewValue[T comparable](v T) *Value[T] {
	return NewValueFunc(v, func(a, b T) bool { return a == b })
}

// NewValueFunc makes a Value that holds v. equal tells when a new value is no
// change; it is called outside of locks.
func NewValueFunc[T any](v T, equal func(a, b T) bool) *Value[T] {
	if equal == nil {
		panic("observable: NewValueFunc: equal is nil: give the function that tells whether two values are the same")
	}
	val := &Value[T]{equal: equal}
	val.now.Store(&node[T]{value: v})
	return val
}

// Load returns the present value. After Close it is the last one.
func (v *Value[T]) Load() T { return v.now.Load().value }

// Set makes x the present value and wakes those who watch, at a cost that does
// not depend on their number. It returns false, and changes nothing, when x
// equals the present value or when the Value is closed.
func (v *Value[T]) Set(x T) bool {
	for {
		old := v.now.Load()
		if old.closes != nil || v.equal(old.value, x) {
			return false
		}
		if v.replace(old, &node[T]{value: x}) {
			return true
		}
	}
}

// Update sets what f makes of the present value and returns what is then
// present. Where others set at the same time f is called again, so it must be a
// function of its argument and nothing else. A closed Value stays as it is.
func (v *Value[T]) Update(f func(T) T) T {
	for {
		old := v.now.Load()
		if old.closes != nil {
			return old.value
		}
		x := f(old.value)
		if v.equal(old.value, x) {
			return old.value
		}
		if v.replace(old, &node[T]{value: x}) {
			return x
		}
	}
}

// Close keeps the value for ever: Set has no effect any more, streams complete
// after the last value, and waits that it does not satisfy return ErrClosed.
func (v *Value[T]) Close() {
	for {
		old := v.now.Load()
		if old.closes != nil || v.replace(old, &node[T]{value: old.value, closes: old}) {
			return
		}
	}
}

func (v *Value[T]) replace(old, new *node[T]) bool {
	if !v.now.CompareAndSwap(old, new) {
		return false
	}
	// Whoever makes the signal after this line looks at now once more.
	if s := old.changed.Load(); s != nil {
		s.wake <- struct{}{} // never blocks: there is room for one, and a node is replaced once
	}
	return true
}

// Wait returns the first value for which pred is true, at once when it is the
// present one. Like every watcher it may skip values that were soon replaced. It
// returns context.Cause(ctx) when ctx is done first, and ErrClosed when the
// Value is closed on a value for which pred is false.
func (v *Value[T]) Wait(ctx context.Context, pred func(T) bool) (T, error) {
	var zero T
	for n := v.now.Load(); ; {
		if pred(n.value) {
			return n.value, nil
		}
		if n.closes != nil {
			return zero, ErrClosed
		}
		next, err := v.after(ctx, n)
		if err != nil {
			return zero, err
		}
		n = next
	}
}

// Observable is the stream of the present value and then of the changes. Each
// run skips what was replaced before it came to it, and what equals the value it
// handed over last. It completes when the Value is closed.
func (v *Value[T]) Observable() Observable[T] {
	return New(func(ctx context.Context, yield func(T) bool) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := v.now.Load()
		for shown := n; ; shown = n {
			if !yield(shown.value) {
				return nil
			}
			for n = shown; n == shown || n.closes == shown || v.equal(n.value, shown.value); {
				if n.closes != nil {
					return nil
				}
				next, err := v.after(ctx, n)
				if err != nil {
					return err
				}
				n = next
			}
		}
	})
}

// after waits until n is not the present node any more and returns the one that is.
func (v *Value[T]) after(ctx context.Context, n *node[T]) (*node[T], error) {
	if now := v.now.Load(); now != n {
		return now, nil
	}
	s := n.signal()
	if now := v.now.Load(); now != n {
		return now, nil
	}
	select {
	case <-s.wake:
		if s.passed.CompareAndSwap(false, true) {
			close(s.wake)
		}
		return v.now.Load(), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (n *node[T]) signal() *signal {
	if s := n.changed.Load(); s != nil {
		return s
	}
	n.changed.CompareAndSwap(nil, &signal{wake: make(chan struct{}, 1)})
	return n.changed.Load()
}

// View returns the read-only side of the Value.
func (v *Value[T]) View() View[T] { return View[T]{v} }

// A View reads a Value and cannot change it. The zero View stands for a Value
// that never was: Load returns the zero T, Observable is empty and Wait returns
// ErrClosed.
type View[T any] struct{ of *Value[T] }

// Load returns the present value.
func (w View[T]) Load() T {
	if w.of == nil {
		var zero T
		return zero
	}
	return w.of.Load()
}

// Wait is Value.Wait.
func (w View[T]) Wait(ctx context.Context, pred func(T) bool) (T, error) {
	if w.of == nil {
		var zero T
		return zero, ErrClosed
	}
	return w.of.Wait(ctx, pred)
}

// Observable is Value.Observable.
func (w View[T]) Observable() Observable[T] {
	if w.of == nil {
		return Observable[T]{}
	}
	return w.of.Observable()
}
