package operators

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/xcraft-go/xbus/observable"
)

// A leash is a context by which an operator ends what it runs, and which knows
// the errors that say nothing but that it was pulled.
type leash struct {
	ctx    context.Context // of what hangs on the leash
	cancel context.CancelCauseFunc
	pulled *stopped // the cause of ctx when the operator ended it
}

// stopped is the cause by which operators end streams. It is a
// context.Canceled to whoever looks at it from inside.
type stopped struct{ _ byte } // not of size zero: each has an address of its own

func (*stopped) Error() string { return "operators: the stream was stopped, nobody needs it any more" }
func (*stopped) Unwrap() error { return context.Canceled }

func newLeash(parent context.Context) leash {
	ctx, cancel := context.WithCancelCause(parent)
	return leash{ctx: ctx, cancel: cancel, pulled: new(stopped)}
}

// pull ends what hangs on the leash. It may be called often and from anywhere.
func (l *leash) pull() { l.cancel(l.pulled) }

// ended says that the leash was pulled or that the context around it is done.
func (l *leash) ended() bool { return l.ctx.Err() != nil }

// cause returns the reason for which the context around the leash is done, or
// nil when it is not, or when the leash was pulled before.
func (l *leash) cause() error {
	if err := context.Cause(l.ctx); err != l.pulled {
		return err
	}
	return nil
}

// echoes says that err only repeats that the leash has ended.
func (l *leash) echoes(err error) bool { return echoes(l.ctx, err) }

// echoes says that err only repeats that ctx is done.
func echoes(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err()))
}

// A crew is one run of an operator that needs more than one goroutine: the
// lead, which is the goroutine that runs the stream, and branches beside it.
// Only the lead calls the consumer. Branches hand their values over to it
// through unbuffered channels, so that one value at most is under way in each.
//
// The first branch that fails ends the others. [gather] returns when the last
// goroutine is gone.
type crew struct {
	leash // of the branches; the lead pulls it when the stream is over
	wg    sync.WaitGroup

	mu       sync.Mutex // guards what follows; never held while user code runs
	errs     []error    // of branches, in the order in which they failed
	cut      bool       // some stream ended because the leash did, not by itself
	panicked *observable.Panic
	exited   bool // a branch called runtime.Goexit
}

// gather runs lead with a crew, waits for its branches and returns the result
// of the run. lead returns true when the consumer has left.
func gather(ctx context.Context, lead func(c *crew) (left bool)) error {
	c := &crew{leash: newLeash(ctx)}
	returned := false
	defer func() {
		if !returned { // the lead panics: what the branches met must not vanish
			c.join()
			late(c.errs...)
			if c.panicked != nil {
				late(c.panicked)
			}
		}
	}()
	left := lead(c)
	returned = true
	c.join()
	return c.result(left)
}

// join ends the branches and waits for them.
func (c *crew) join() {
	c.pull()
	c.wg.Wait()
}

// result is called after join.
func (c *crew) result(left bool) error {
	switch {
	case c.panicked != nil:
		late(c.errs...)
		panic(c.panicked)
	case c.exited:
		late(c.errs...)
		runtime.Goexit()
	case left:
		late(c.errs...)
		return nil
	case len(c.errs) == 1:
		return c.errs[0]
	case len(c.errs) > 1:
		return errors.Join(c.errs...)
	case c.cut:
		return c.cause()
	}
	return nil
}

// branch starts run on a goroutine of its own. What it returns is settled
// before ended is called, whichever way it ends.
func (c *crew) branch(run func(ctx context.Context) error, ended func()) {
	c.wg.Go(func() {
		returned := false
		defer func() {
			if !returned {
				c.broke(recover())
			}
			ended()
		}()
		err := run(c.ctx)
		returned = true
		c.settle(err)
	})
}

// settle takes in how a stream of the crew ended. An error ends the crew. One
// that reaches it by several branches, as that of [GroupBy] and its groups does,
// counts once.
func (c *crew) settle(err error) {
	if err == nil {
		return
	}
	if c.echoes(err) {
		c.cutOff()
		return
	}
	c.mu.Lock()
	if !slices.ContainsFunc(c.errs, func(known error) bool { return errors.Is(known, err) }) {
		c.errs = append(c.errs, err)
	}
	c.mu.Unlock()
	c.pull()
}

// broke takes in what recover returned on the goroutine of a branch.
func (c *crew) broke(value any) {
	p, again := value.(*observable.Panic) // of a crew within the branch
	if value != nil && !again {
		p = &observable.Panic{Value: value, Stack: debug.Stack()}
	}
	c.mu.Lock()
	defer c.pull()
	defer c.mu.Unlock()
	switch {
	case p == nil:
		c.exited = true
	case c.panicked == nil:
		c.panicked = p
	default:
		c.errs = append(c.errs, p)
	}
}

// cutOff notes that a stream ended because the crew did.
func (c *crew) cutOff() {
	c.mu.Lock()
	c.cut = true
	c.mu.Unlock()
}

// ending says that the crew ends, to a stream that the lead runs itself and
// that therefore must not go on.
func (c *crew) ending() bool {
	if c.ended() {
		c.cutOff()
		return true
	}
	return false
}

// clean says that nothing has failed or been cut so far: a channel of [feed]
// that is closed then means that its stream is complete.
func (c *crew) clean() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.errs) == 0 && !c.cut && c.panicked == nil && !c.exited
}

// feed runs src in a branch and returns the channel of its values, which is
// closed when it is over.
func feed[T any](c *crew, src observable.Observable[T]) <-chan T {
	to := make(chan T)
	c.branch(pump(c, src, to), func() { close(to) })
	return to
}

// pump returns the work of a branch that hands the values of src to a channel.
func pump[T any](c *crew, src observable.Observable[T], to chan<- T) func(context.Context) error {
	return func(ctx context.Context) error {
		return src.Run(ctx, func(v T) bool { return hand(c, to, v) })
	}
}

// hand hands v over to the lead, or returns false when the crew is ending.
func hand[T any](c *crew, to chan<- T, v T) bool {
	if c.ending() {
		return false
	}
	select {
	case to <- v: // the lead waits already: a third of the price of what follows
		return true
	default:
	}
	select {
	case to <- v:
		return true
	case <-c.ctx.Done():
		c.cutOff()
		return false
	}
}
