package observable

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// A ShareOption changes one thing about Share or ShareReplay.
type ShareOption func(*shareOptions)

type shareOptions struct {
	linger           time.Duration
	resetOnError     bool
	resetOnCompleted bool
	subscribe        []SubscribeOption
	replay           int
}

// WithLinger keeps the run of the source going for d after the last consumer has
// left; one who comes meanwhile joins it. Default: 0. With it, the goroutine of
// the source outlives the consumers by d.
func WithLinger(d time.Duration) ShareOption {
	return func(o *shareOptions) { o.linger = d }
}

// WithResetOnError tells what comes to those who run the stream after its source
// has failed: a new run of the source (true, the default), or what is replayed
// and then the same error (false).
func WithResetOnError(reset bool) ShareOption {
	return func(o *shareOptions) { o.resetOnError = reset }
}

// WithResetOnComplete tells what comes to those who run the stream after its
// source has completed: a new run of the source (true, the default of Share), or
// what is replayed and then completion (false, the default of ShareReplay).
func WithResetOnComplete(reset bool) ShareOption {
	return func(o *shareOptions) { o.resetOnCompleted = reset }
}

// WithConsumers sets the queue between the source and each consumer. Default:
// Block with a limit of 1024 values, so that nothing is lost and a consumer that
// lags by more holds up the others; a policy that drops sets them free.
func WithConsumers(opts ...SubscribeOption) ShareOption {
	return func(o *shareOptions) { o.subscribe = append(o.subscribe, opts...) }
}

// Share makes all runs that go on at the same time share one run of src. It
// begins with the first consumer, which misses nothing, and ends when the last
// has left; the last waits for its end. Those who come later get what comes
// after, and a new run of src begins only when the one before is over.
//
// The source runs on a goroutine of its own, with the values but without the end
// of the first consumer's context.
func Share[T any](src Observable[T], opts ...ShareOption) Observable[T] {
	return share(src, shareOptions{resetOnError: true, resetOnCompleted: true}, "Share", opts)
}

// ShareReplay is Share, and who comes later gets the last n values first. They
// are forgotten when the last consumer has left, unless the source had completed.
func ShareReplay[T any](src Observable[T], n int, opts ...ShareOption) Observable[T] {
	if n < 1 {
		panic(fmt.Sprintf("observable: ShareReplay(%d): give at least 1: how many values are replayed; or use Share", n))
	}
	return share(src, shareOptions{resetOnError: true, replay: n}, "ShareReplay", opts)
}

func share[T any](src Observable[T], o shareOptions, name string, opts []ShareOption) Observable[T] {
	o.subscribe = []SubscribeOption{WithPolicy(Block)}
	for i, opt := range opts {
		if opt == nil {
			panic(fmt.Sprintf("observable: %s: option %d is nil: leave it out", name, i))
		}
		opt(&o)
	}
	if o.linger < 0 {
		panic(fmt.Sprintf("observable: WithLinger(%v): give 0 or more", o.linger))
	}
	if err := ValidateOptionsFor[T](o.subscribe...); err != nil {
		panic(err.Error())
	}
	return New((&shared[T]{shareOptions: o, src: src}).follow)
}

// shared is the source of all consumers.
type shared[T any] struct {
	shareOptions
	src Observable[T]

	mu      sync.Mutex
	current *sharedRun[T]   // nil when the next consumer begins a run
	before  <-chan struct{} // closed when the run before is over
}

// sharedRun is one run of the source.
type sharedRun[T any] struct {
	subject   *Subject[T]
	consumers int // guarded by shared.mu
	cancel    context.CancelCauseFunc
	gone      chan struct{} // closed when its goroutine has ended
}

var (
	errUnwanted = errors.New("observable: the last consumer has left")
	errExited   = errors.New("observable: the source of a shared stream called runtime.Goexit")
)

// follow is one consumer.
func (s *shared[T]) follow(ctx context.Context, yield func(T) bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	run, past, sub := s.join(ctx)
	defer s.leave(run, sub)
	for _, v := range past {
		if !yield(v) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	err := sub.run(ctx, yield)
	if p, ok := err.(*Panic); ok {
		panic(p)
	}
	return err
}

// join subscribes to the current run, or to a new one that begins after that.
func (s *shared[T]) join(ctx context.Context) (*sharedRun[T], []T, *Subscription[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run := s.current
	begin := run == nil
	if begin {
		run = &sharedRun[T]{subject: newReplaySubject[T](s.replay, s.subscribe), gone: make(chan struct{})}
		s.current = run
	}
	run.consumers++
	past, sub := run.subject.subscribe(nil)
	if begin {
		runCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		run.cancel = cancel
		go s.feed(runCtx, run, s.before)
		s.before = run.gone
	}
	return run, past, sub
}

// leave ends a consumer, and the run with the last one.
func (s *shared[T]) leave(run *sharedRun[T], sub *Subscription[T]) {
	sub.Close()
	s.mu.Lock()
	run.consumers--
	last := run.consumers == 0
	if last && s.linger > 0 && s.current == run {
		time.AfterFunc(s.linger, func() { s.expire(run) })
		last = false
	}
	if last {
		s.drop(run)
	}
	s.mu.Unlock()
	if last {
		run.cancel(errUnwanted)
		<-run.gone
	}
}

// expire ends a run that nobody has joined while it lingered.
func (s *shared[T]) expire(run *sharedRun[T]) {
	s.mu.Lock()
	last := run.consumers == 0
	if last {
		s.drop(run)
	}
	s.mu.Unlock()
	if last {
		run.cancel(errUnwanted)
	}
}

// drop makes the next consumer begin anew, unless the run is over and its end is
// to be told to those who come.
func (s *shared[T]) drop(run *sharedRun[T]) {
	if s.current == run && !run.subject.over() {
		s.current = nil
	}
}

// feed is the goroutine of a run. It begins when the one before is over.
func (s *shared[T]) feed(ctx context.Context, run *sharedRun[T], before <-chan struct{}) {
	defer close(run.gone)
	defer run.cancel(nil)
	if before != nil {
		<-before
	}
	err := errExited // unless pump returns
	defer func() { s.end(ctx, run, err) }()
	err = s.pump(ctx, run)
}

// pump runs the source; a panic in it becomes an error that its consumers raise.
func (s *shared[T]) pump(ctx context.Context, run *sharedRun[T]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Panic{Value: p, Stack: debug.Stack()}
		}
	}()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.src.Run(ctx, func(v T) bool {
		run.subject.Publish(ctx, v)
		return ctx.Err() == nil
	})
}

// end passes the end of the source on.
func (s *shared[T]) end(ctx context.Context, run *sharedRun[T], err error) {
	s.mu.Lock()
	left := run.consumers == 0
	reset := s.resetOnCompleted
	if err != nil {
		reset = s.resetOnError
	}
	if reset && s.current == run {
		s.current = nil
	}
	s.mu.Unlock()
	run.subject.Close(err)
	if left {
		ReportLate(ctx, err)
	}
}
