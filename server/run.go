package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// start runs a command on one of the workers.
func (h *Hall) start(r *Request) {
	h.busy.add()
	if !r.arm() { // it was aborted while it waited
		h.busy.done(r)
		r.giveTurn()
		return
	}
	h.workers.run(r)
}

// serve runs a command and all that follows from it.
func (h *Hall) serve(r *Request) {
	defer h.busy.done(r)
	defer r.ctx.end(context.Canceled)
	h.run(r)
}

// arm begins the time of the request, unless it is settled.
func (r *Request) arm() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settled.Load() {
		return false
	}
	r.began, r.ctx.request = true, r
	if r.deadlines = r.hall.limits.of(r.command); r.deadlines != nil {
		r.deadlines.set(r)
	}
	return true
}

// expire answers for a handler that has not returned before its deadline, and
// ends its turn: nothing waits for it any more.
func (r *Request) expire(limit time.Duration) {
	if r.settled.Load() {
		return
	}
	if r.settle(nil, Errorf(CodeTimeout, "%s took longer than %v", r.command.name, limit)) {
		r.hall.counts.timeouts.Add(1)
	}
	r.ctx.end(fmt.Errorf("%w: %v", ErrDeadline, limit))
}

// abort answers for a request because of the hall, whether it runs or waits, and
// reports whether that was its answer. The handler learns of it afterwards: what
// it returns then is late.
func (r *Request) abort(cause error) bool {
	aborted := r.settle(nil, Errorf(CodeAborted, "%s was ended: %w", r.command.name, cause))
	r.ctx.end(cause)
	return aborted
}

// run calls the handler. Whatever it does, the request is settled afterwards.
func (h *Hall) run(r *Request) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover() // nil when the handler has called runtime.Goexit
		h.counts.panics.Add(1)
		h.cfg.Logger.Error("handler panicked", "command", r.command.name, "panic", v, "stack", string(debug.Stack()))
		r.settle(nil, Errorf(CodePanic, "the handler of %s panicked", r.command.name))
	}()
	out, err := r.command.handler(&r.ctx, r)
	returned = true
	r.settle(out, err)
}

// settle gives the answer, once: by the handler, its deadline, or the hall. It
// reports whether this was it.
func (r *Request) settle(out any, err error) bool {
	r.mu.Lock()
	first := r.settled.CompareAndSwap(false, true)
	deadlines, began, upload := r.deadlines, r.began, r.upload
	r.mu.Unlock()
	h := r.hall
	if !first {
		h.counts.late.Add(1)
		dropStream(out)
		return false
	}
	if deadlines != nil {
		deadlines.clear(r)
	}
	if began && isForced(err) {
		h.busy.outlived(r)
	}
	r.conclude(out, err)
	if upload != nil {
		upload.unread()
	}
	r.leave()
	if began {
		r.giveTurn()
	}
	return true
}

// release ends a builtin command that has no answer, or has given it.
func (r *Request) release() {
	r.settled.Store(true)
	r.hall.counts.finished.Add(1)
	r.leave()
}

// leave takes the request out of those in flight.
func (r *Request) leave() {
	r.hall.counts.inFlight.Add(-1)
	if r.inside == nil {
		r.peer.ledger.leave(r)
	}
}

// isForced reports whether an answer was given in place of the handler.
func isForced(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == CodeTimeout || e.Code == CodeAborted)
}

// giveTurn lets the next activity begin.
func (r *Request) giveTurn() {
	if r.activity {
		r.hall.queue.leave(r)
	}
}

// conclude sends the answer, or hands it to the caller inside of the hall.
func (r *Request) conclude(out any, err error) {
	h := r.hall
	if err == nil {
		out, err = h.streams.announce(r, out)
	}
	packed, packErr := pack(out)
	if err == nil && packErr != nil {
		err = Errorf(CodeUnsendable, "the result of %s cannot be sent: %w", r.command.name, packErr)
	}
	switch {
	case errors.Is(err, ErrCallerGone) || errors.Is(err, ErrStopping):
		h.counts.aborted.Add(1)
	case err != nil:
		h.counts.failed.Add(1)
	default:
		h.counts.finished.Add(1)
	}
	if r.inside != nil {
		r.inside.outcome(packed, err)
		return
	}
	if err != nil {
		h.answer(r, true, parts{Data: encodeError(err)})
		return
	}
	h.answer(r, false, packed)
}

// refuse answers a command that does not run, to the connection that sent it.
func (r *Request) refuse(err error) {
	r.hall.answer(r, true, parts{Data: encodeError(err)})
}
