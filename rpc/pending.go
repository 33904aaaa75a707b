package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/wire"
)

// A Pending is a call in flight, or one that has ended: a future without a
// type. All methods may be called from any goroutine.
type Pending struct {
	calls   *Calls
	ctx     context.Context // of the call
	msg     wire.Message    // as it is sent
	orcName string          // asked for by As

	keep, horde bool
	registered  bool
	deadline    time.Time // by the default time-out; zero for none
	cancel      func()    // of an own Timeout
	observe     func(Step)
	progress    *observable.Subscription[Event]

	mu      sync.Mutex // guards what follows
	receipt Receipt    // zero: not handed to a link yet
	ended   bool
	answer  *wire.Message
	err     error
	done    chan struct{} // made when somebody waits
	unwatch func() bool   // stops the watch of ctx that Done starts
}

// An Event is one event that a call has caused.
type Event struct {
	*wire.Message
	// Lost counts the events lost just before this one: see [Pending.Progress].
	Lost uint64
}

// Decode stores the payload of the event in what dst points to.
func (e Event) Decode(dst any) error { return decode(e.Message, dst) }

// ID returns the id of the message.
func (p *Pending) ID() string { return p.msg.ID }

// Command returns the name of the command.
func (p *Pending) Command() string { return p.msg.Topic }

// prepare writes the message, but what the session stamps on it.
func (p *Pending) prepare(command string, data any, o *options) error {
	p.msg.Topic, p.msg.OrcName, p.orcName = command, o.orcName, o.orcName
	p.msg.Nested = !o.activity
	p.keep, p.horde = o.keep, o.horde
	switch {
	case o.err != nil:
		return o.err
	case command == "" || strings.Contains(command, "::") || strings.ContainsAny(command, " \n"):
		return fmt.Errorf("rpc: %q is no name of a command: write module.name, e.g. warehouse.get", command)
	case strings.ContainsAny(o.id, ". :"):
		return fmt.Errorf("rpc: the id %q holds a dot, a colon or a space: ids are parts of topics", o.id)
	}
	if p.msg.ID = o.id; o.id == "" {
		p.msg.ID = wire.NewID()
	}
	if o.check && p.calls.cfg.Registry != nil {
		if registry := p.calls.cfg.Registry(); registry != nil {
			if _, err := registry.Lookup(command); err != nil {
				return err
			}
		}
	}
	if err := p.setData(command, data); err != nil {
		return err
	}
	if err := p.setContext(o); err != nil {
		return err
	}
	p.setDeadline(o.timeout)
	return nil
}

func (p *Pending) setData(command string, data any) error {
	parts, err := pack(data)
	if err != nil {
		return fmt.Errorf("rpc: call %q: the data cannot be sent: %w", command, err)
	}
	p.msg.Data, p.msg.Immu, p.msg.Shred, p.msg.Chunk = parts.Data, parts.Immu, parts.Shred, parts.Chunk
	if !p.horde {
		return nil
	}
	if p.msg.Data, err = addMember(parts.Data, "_xcraftRPC", "true"); err != nil {
		return fmt.Errorf("rpc: call %q: the data of a command for the horde must be an object: %w", command, err)
	}
	return nil
}

func pack(data any) (payload.Parts, error) {
	switch v := data.(type) {
	case nil:
		return payload.Parts{}, nil
	case payload.Parts:
		return v, nil
	case json.RawMessage:
		if v != nil && !wire.Valid(v) {
			return payload.Parts{}, errors.New("it is not valid JSON")
		}
		return payload.Parts{Data: v}, nil
	}
	return payload.Pack(data)
}

// addMember adds a member at the end of a JSON object; no object becomes one.
func addMember(object json.RawMessage, name, value string) (json.RawMessage, error) {
	s := strings.TrimSpace(string(object))
	switch {
	case s == "" || s == "{}":
		return json.RawMessage(`{"` + name + `":` + value + `}`), nil
	case s[0] != '{':
		return nil, fmt.Errorf("it is %.20s", s)
	}
	return json.RawMessage(s[:len(s)-1] + `,"` + name + `":` + value + `}`), nil
}

func (p *Pending) setContext(o *options) error {
	p.msg.Context = o.context
	if !o.progress {
		return nil
	}
	marked, err := addMember(o.context, markName, `"`+p.msg.ID+`"`)
	if err != nil {
		return fmt.Errorf("rpc: Progress marks the message context, which must be an object: %w", err)
	}
	p.msg.Context = marked
	p.progress = observable.NewSubscription[Event](
		observable.WithPolicy(observable.FailOnOverflow), observable.NoBlock(),
		observable.SizeOf(func(e Event) int { return len(e.Raw()) }))
	return nil
}

func (p *Pending) setDeadline(timeout time.Duration) {
	switch {
	case timeout > 0:
		p.ctx, p.cancel = context.WithTimeoutCause(p.ctx, timeout, reason(ErrTimeout, context.DeadlineExceeded))
	case timeout < 0 || p.calls.cfg.Timeout < 0:
	default:
		if _, bounded := p.ctx.Deadline(); !bounded {
			p.deadline = time.Now().Add(p.calls.cfg.Timeout)
		}
	}
}

// send hands the message to the session.
func (p *Pending) send() error {
	p.msg.OrcName = p.orcName // the session's own when empty
	receipt, err := p.calls.cfg.Sender.Send(p.ctx, &p.msg)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.receipt = receipt
	p.mu.Unlock()
	// The session may have been lost before the receipt was known.
	p.calls.mu.Lock()
	lost := p.calls.lost
	p.calls.mu.Unlock()
	if lost.epoch >= receipt.Epoch {
		p.lostSession(lost)
	}
	return nil
}

// sendReason keeps what a link says, under a reason of this package.
func sendReason(err error) error {
	if errors.Is(err, ErrNotConnected) {
		return err
	}
	return reason(ErrConnectionLost, err)
}

// lostSession ends the call, or leaves it in flight when it asked for that.
func (p *Pending) lostSession(l loss) {
	p.mu.Lock()
	receipt := p.receipt
	p.mu.Unlock()
	if receipt.Epoch == 0 || receipt.Epoch > l.epoch {
		return // waits for a session, or was sent in a later one
	}
	verdict := MaybeExecuted
	if receipt.Epoch == l.epoch && receipt.Number > l.written {
		verdict = NotSent
	}
	switch {
	case p.keep && p.horde: // as the reference (protocol §5.6)
		p.end(nil, p.failure(verdict, reason(ErrAborted, l.cause)))
	case p.keep && verdict == NotSent:
		p.mu.Lock()
		p.receipt = Receipt{}
		p.mu.Unlock()
		p.calls.enqueue(p)
	case !p.keep:
		p.end(nil, p.failure(verdict, reason(ErrConnectionLost, l.cause)))
	}
}

func (p *Pending) failure(verdict Verdict, err error) error {
	return &CallError{p.msg.Topic, p.msg.ID, verdict, err}
}

// verdict is what is known of a call that has no answer yet.
func (p *Pending) verdict() Verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.receipt == (Receipt{}) {
		return NotSent
	}
	return MaybeExecuted
}

// refuse ends a call that never began.
func (p *Pending) refuse(err error) {
	if p.msg.ID != "" && !errors.As(err, new(*CallError)) && p.msg.Topic != "" {
		err = p.failure(NotSent, err)
	}
	p.end(nil, err)
}

// end gives the call its only end and reports whether this was it.
func (p *Pending) end(answer *wire.Message, err error) bool {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return false
	}
	p.ended, p.answer, p.err = true, answer, err
	done, unwatch := p.done, p.unwatch
	p.mu.Unlock()

	if p.registered {
		p.calls.ended(p, err)
	}
	if unwatch != nil {
		unwatch()
	}
	if p.cancel != nil {
		p.cancel()
	}
	if p.observe != nil {
		p.observe(Step{Command: p.msg.Topic, ID: p.msg.ID, Err: err, End: true})
	}
	if p.progress != nil {
		p.progress.Finish(nil)
	}
	if done != nil {
		close(done)
	}
	return true
}

func (c *Calls) ended(p *Pending, err error) {
	c.drop(p)
	c.inFlight.Add(-1)
	if p.progress != nil {
		c.withEvent.Add(-1)
	}
	var far *Error
	switch {
	case err == nil:
		c.counts.answered.Add(1)
	case errors.As(err, &far):
		c.counts.failed.Add(1)
	default:
		c.counts.unanswered.Add(1)
	}
}
