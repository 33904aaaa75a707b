package rpc

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/wire"
)

// closedChan is the Done of a call that had ended before somebody asked.
var closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Await waits for the end of the call and returns the answer, or the error it
// ended with: an *Error of the far side, or a *CallError. When ctx is done first
// Await gives up with a *CallError and the call goes on, so that it may still
// run; when the context that the call was made with is done, the call ends. A
// result that is there wins over a context that is done.
func (p *Pending) Await(ctx context.Context) (*wire.Message, error) {
	end, first := p.wait()
	mine, theirs := p.ctx.Done(), ctx.Done()
	if theirs == mine {
		theirs = nil // most calls have one context
	}
	select {
	case <-end:
	case <-mine:
		p.expire()
		<-end
	case <-theirs:
		if p.ctx.Err() != nil {
			p.expire()
		}
		if p.leave(end, first) {
			return nil, p.failure(MaybeExecuted, contextReason(ctx))
		}
		<-end
	}
	if first {
		p.calls.waiters.Put(end)
	}
	return p.answer, p.err
}

// wait returns a channel by which the end of the call comes to one Await. The
// first one that waits gets a channel to be used again.
func (p *Pending) wait() (end chan struct{}, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.waiter != nil {
		return p.closing(), false
	}
	p.waiter = p.calls.waiters.Get().(chan struct{})
	return p.waiter, true
}

// leave takes back what wait has given, and reports whether the call goes on.
func (p *Pending) leave(end chan struct{}, first bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	if first {
		p.waiter = nil
		p.calls.waiters.Put(end)
	}
	return true
}

// contextReason turns the end of a context into a reason that matches both its
// error and its cause.
func contextReason(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	switch {
	case errors.Is(cause, ErrTimeout):
		return cause
	case errors.Is(err, context.DeadlineExceeded):
		return reason(ErrTimeout, cause)
	case errors.Is(cause, err):
		return cause
	}
	return reason(err, cause)
}

// expire ends the call because its context is done.
func (p *Pending) expire() { p.fail(contextReason(p.ctx)) }

// closing returns the channel that is closed at the end of the call; mu is held.
func (p *Pending) closing() chan struct{} {
	if p.ended {
		return closedChan
	}
	w := p.watched()
	if w.done == nil {
		w.done = make(chan struct{})
	}
	return w.done
}

// Done returns a channel that is closed when the call has ended, also because
// its context is done. Then Result returns at once.
func (p *Pending) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.closing()
	if !p.ended && p.watch.unwatch == nil && p.ctx.Done() != nil {
		p.watch.unwatch = context.AfterFunc(p.ctx, p.expire)
	}
	return done
}

// Settled reports whether the call has ended.
func (p *Pending) Settled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Result returns what the call ended with; nil and nil while it has not.
func (p *Pending) Result() (*wire.Message, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answer, p.err
}

// Abort ends the call on this side and reports whether it was in flight.
func (p *Pending) Abort(cause error) bool {
	return p.fail(reason(ErrAborted, cause))
}

// Observable is the stream of the one answer; it can be run any number of times.
func (p *Pending) Observable() observable.Observable[*wire.Message] {
	return observable.New(func(ctx context.Context, yield func(*wire.Message) bool) error {
		m, err := p.Await(ctx)
		if err != nil {
			return err
		}
		yield(m)
		return nil
	})
}

// Progress is the stream of the events that the call has caused, for calls made
// with the option [Progress]; it completes at the end of the call. It can be run
// once. Events are queued from the moment the call is sent; when more wait than
// the queue holds (1,024 events, 64 MiB) the stream ends with
// observable.ErrOverflow: a gap in a result is an error.
func (p *Pending) Progress() observable.Observable[Event] {
	progress := p.progress()
	if progress == nil {
		return observable.Fail[Event](errors.New("rpc: this call was not made with the option Progress"))
	}
	return progress.Observable()
}

// A sweeper looks once a second at the calls in flight, while there are any, for
// deadlines and contexts that nobody awaits.
type sweeper struct {
	calls *Calls
	mu    sync.Mutex
	timer *time.Timer
	armed atomic.Bool // written under mu
	ended bool
	wg    sync.WaitGroup // runs of look; grows under mu and not after ended
}

const sweepEvery = time.Second

// arm is called for each call, after it was counted as one in flight.
func (s *sweeper) arm() {
	if s.armed.Load() {
		return // that look counts the calls when it is over
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed.Load() || s.ended {
		return
	}
	s.armed.Store(true)
	s.wg.Add(1)
	if s.timer == nil {
		s.timer = time.AfterFunc(sweepEvery, s.look)
	} else {
		s.timer.Reset(sweepEvery)
	}
}

func (s *sweeper) look() {
	defer s.wg.Done()
	now := time.Since(s.calls.began)
	for _, p := range s.calls.all() {
		switch {
		case p.ctx.Err() != nil:
			p.expire()
		case p.deadline > 0 && now >= p.deadline:
			p.fail(reason(ErrTimeout, context.DeadlineExceeded))
		}
	}
	s.mu.Lock()
	s.armed.Store(false)
	s.mu.Unlock()
	if s.calls.InFlight() > 0 {
		s.arm()
	}
}

// stop ends the sweeper for good and waits for a look that goes on.
func (s *sweeper) stop() {
	s.mu.Lock()
	s.ended = true
	if s.armed.Load() && s.timer.Stop() {
		s.armed.Store(false)
		s.wg.Done()
	}
	s.mu.Unlock()
	s.wg.Wait()
}
