package rpc

import (
	"context"
	"errors"

	"github.com/xcraft-go/xbus/wire"
)

// Call sends a command and returns its future. It never fails by itself: what
// went wrong is found in the future. ctx bounds the whole call; the data is
// what payload.Pack takes, nil for none.
//
// Call waits for a session while there is none, unless Down says otherwise, and
// for room where more is to be written than the link takes.
func (c *Calls) Call(ctx context.Context, command string, data any, opts ...Option) *Pending {
	p := &Pending{calls: c, ctx: ctx}
	if err := p.prepare(command, data, collect(opts)); err != nil {
		p.refuse(err)
		return p
	}
	c.start(p)
	return p
}

// Send sends a command without waiting for an answer: nobody will know what
// became of it. ctx, or the default time-out, bounds the wait for a session and
// for room; Queue is the same as Wait. An error is a *CallError.
func (c *Calls) Send(ctx context.Context, command string, data any, opts ...Option) error {
	p := &Pending{calls: c, ctx: ctx}
	defer p.release()
	if err := p.prepare(command, data, collect(opts)); err != nil {
		return p.unsent(err)
	}
	if closed := c.closed.Load(); closed != nil {
		return p.unsent(*closed)
	}
	return p.deliver()
}

// deliver sends p without registering it.
func (p *Pending) deliver() error {
	for {
		if err := p.awaitSession(); err != nil {
			return p.unsent(err)
		}
		err := p.send()
		if err == nil {
			return nil
		}
		if !p.again(err) {
			return p.unsent(err)
		}
	}
}

func (p *Pending) unsent(err error) error {
	verdict := NotSent
	if maybeSent(err) {
		verdict = MaybeExecuted
	}
	return p.failure(verdict, p.reasonOf(err))
}

// Retry sends the message of a call that has ended again as it is, with the
// same id and the same options, in the present session. The call that it
// returns fails with ErrInFlight when the old one has not ended.
func (c *Calls) Retry(ctx context.Context, old *Pending) *Pending {
	p := &Pending{
		calls: c, ctx: ctx, command: old.command, id: old.id, data: old.data, opts: old.opts,
	}
	if old.rare != nil && old.rare.beside != nil {
		p.makeRare().beside = old.rare.beside
	}
	if old.progress() != nil {
		p.makeRare().progress = newProgress()
	}
	if err := p.opts.err; err != nil {
		p.refuse(err)
		return p
	}
	p.setDeadline()
	c.start(p)
	return p
}

// refuse ends a call that cannot be sent at all. Retry will not send it either.
func (p *Pending) refuse(err error) {
	opts := *p.opts
	opts.err, p.opts = err, &opts
	p.step()
	p.fail(err)
}

// start registers p and sends it, in this order: the answer cannot come first.
func (c *Calls) start(p *Pending) {
	p.step()
	if err := c.register(p); err != nil {
		p.fail(err)
		return
	}
	c.sweep.arm()
	if p.opts.down == Queue {
		c.enqueue(p)
		return
	}
	for {
		if err := p.awaitSession(); err != nil {
			p.fail(err)
			return
		}
		err := p.send()
		switch {
		case err == nil:
			return
		case p.opts.keep && errors.Is(err, ErrConnectionLost) && !maybeSent(err):
			c.enqueue(p)
			return
		case !p.again(err):
			p.fail(err)
			return
		}
	}
}

// again reports whether a call that waits for sessions has just missed one.
func (p *Pending) again(err error) bool {
	return errors.Is(err, ErrNotConnected) && p.opts.down != FailFast && p.ctx.Err() == nil && p.calls.closed.Load() == nil && !p.Settled()
}

// awaitSession waits for a session, within the time of the call and as long as
// nothing else ends it.
func (p *Pending) awaitSession() error {
	if p.opts.down == FailFast || p.calls.cfg.Sender.Connected() {
		return nil // without a session Send tells
	}
	ctx, stop := p.lifetime()
	defer stop()
	err := p.calls.cfg.Sender.Ready(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return reason(ErrNotConnected, contextReason(ctx))
	case errors.Is(err, ErrClosed):
		return err
	}
	return reason(ErrNotConnected, err)
}

// lifetime returns a context that ends with the call, the default time-out
// included.
func (p *Pending) lifetime() (ctx context.Context, stop func()) {
	if p.deadline == 0 {
		ctx, stop = context.WithCancel(p.ctx)
	} else {
		ctx, stop = context.WithDeadlineCause(p.ctx, p.calls.began.Add(p.deadline), ErrTimeout)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watched().unwait = stop; p.ended {
		stop()
	}
	return ctx, stop
}

// send hands the message to the session. nil means that it did, or that the
// call has ended and is not to be sent.
func (p *Pending) send() error {
	if !p.beginSend() {
		return nil
	}
	m := messages.Get().(*wire.Message)
	p.fill(m)
	receipt, err := p.calls.give(p.ctx, m)
	*m = wire.Message{} // the pool keeps no payload
	messages.Put(m)
	if p.endSend(receipt, err); err != nil {
		return err
	}
	// The session may have been lost before the receipt was known.
	if lost := p.calls.lossSince(receipt.Epoch); lost != nil && p.registered && p.lostSession(*lost) {
		p.calls.enqueue(p)
	}
	return nil
}

func (c *Calls) give(ctx context.Context, m *wire.Message) (Receipt, error) {
	if c.prompt != nil && c.inFlight.Load() == 1 {
		return c.prompt.SendNow(ctx, m)
	}
	return c.cfg.Sender.Send(ctx, m)
}

// beginSend makes sure that from now on nobody says that p was not sent.
func (p *Pending) beginSend() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sending = !p.ended
	return p.sending
}

func (p *Pending) endSend(receipt Receipt, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sending = false
	if err == nil {
		p.receipt = receipt
	} else if maybeSent(err) {
		p.maybe = true
	}
}

func maybeSent(err error) bool {
	v, ok := VerdictOf(err)
	return ok && v == MaybeExecuted
}

// reasonOf makes err, from a Sender or from this package, the reason of a
// CallError.
func (p *Pending) reasonOf(err error) error {
	if e, ok := err.(*CallError); ok {
		err = e.Err
	}
	late := errors.Is(p.ctx.Err(), context.DeadlineExceeded) && errors.Is(err, context.Cause(p.ctx))
	if late && !errors.Is(err, ErrTimeout) {
		return reason(ErrTimeout, err)
	}
	return err
}
