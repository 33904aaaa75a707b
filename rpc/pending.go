package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/wire"
)

// A Pending is a call in flight, or one that has ended: a future without a
// type. [Pending.Await] waits for its end, [Pending.Done] makes it part of a
// select, [Pending.Result] looks without waiting, [Pending.Observable] makes it
// a stream. [Typed] gives it a type. All methods may be called from any
// goroutine.
type Pending struct {
	calls   *Calls
	ctx     context.Context // of the call
	command string
	id      string
	idText  [wire.IDLen]byte // what id points to, unless it was given
	hash    uint32           // of id
	data    json.RawMessage
	opts    *options // not changed any more
	rare    *rare    // nil for most; not changed once the call is in the table

	deadline time.Duration // by the default time-out, since the table was made; 0 for none
	next     *Pending      // in the table, under the lock of its shard

	mu         sync.Mutex // guards what follows, but registered
	registered bool       // it is or was in the table; written under the lock of its shard
	sending    bool       // a link has the message, or is about to, and the receipt is not there yet
	maybe      bool       // the Sender does not know whether it was written
	ended      bool
	receipt    Receipt // zero: not handed to a link
	answer     *wire.Message
	err        error
	waiter     chan struct{} // of the first Await that waits: gets a value at the end
	watch      *watch        // nil for most
}

// rare is what few calls have.
type rare struct {
	beside   *payload.Parts // what else there is of the payload; nil for plain JSON
	cancel   func()         // of an own Timeout
	progress *observable.Subscription[Event]
}

// watch is what few calls need while they are in flight.
type watch struct {
	done    chan struct{} // closed at the end; made for others that wait
	unwatch func() bool   // stops the watch of ctx that Done starts
	unwait  func()        // ends a wait for a session
	order   uint64        // of those that are sent again: the number they had
}

// watched returns the watch of the call; mu is held.
func (p *Pending) watched() *watch {
	if p.watch == nil {
		p.watch = new(watch)
	}
	return p.watch
}

// makeRare returns the rare of a call that is being made.
func (p *Pending) makeRare() *rare {
	if p.rare == nil {
		p.rare = new(rare)
	}
	return p.rare
}

func (p *Pending) progress() *observable.Subscription[Event] {
	if p.rare == nil {
		return nil
	}
	return p.rare.progress
}

// ID returns the id of the message, "" for a call that could not begin.
func (p *Pending) ID() string { return strings.Clone(p.id) } // which keeps no call in memory

// Command returns the name of the command.
func (p *Pending) Command() string { return p.command }

// prepare makes what is to be sent, or says why it cannot be.
func (p *Pending) prepare(command string, data any, o *options) error {
	p.command, p.opts = command, o
	switch {
	case o.err != nil:
		return o.err
	case !isCommand(command):
		return errors.New("that is no name of a command: write module.name, e.g. warehouse.get")
	case o.id != "" && strings.ContainsAny(o.id, ".:<>* \t\r\n"):
		return fmt.Errorf("the id %.100q is no part of a topic: leave out dots, colons, stars, angle brackets and spaces", o.id)
	}
	if p.id = o.id; o.id == "" {
		wire.PutID(&p.idText)
		p.id = unsafe.String(&p.idText[0], len(p.idText)) // not written to any more
	}
	if o.check && p.calls.cfg.Registry != nil {
		if registry := p.calls.cfg.Registry(); registry != nil {
			if _, err := registry.Lookup(command); err != nil {
				return err
			}
		}
	}
	if err := p.setData(data); err != nil {
		return err
	}
	if o.progress {
		if err := p.mark(); err != nil {
			return err
		}
	}
	p.setDeadline()
	return nil
}

// isCommand reports whether s can be the name of a command.
func isCommand(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\r', '\n':
			return false
		case ':':
			if i > 0 && s[i-1] == ':' {
				return false
			}
		}
	}
	return s != ""
}

func (p *Pending) setData(data any) error {
	parts, err := pack(data)
	if err != nil {
		return fmt.Errorf("the data cannot be sent: %w", err)
	}
	p.data = parts.Data
	if parts.Immu != nil || parts.Shred != nil || parts.Chunk != nil {
		p.makeRare().beside = &payload.Parts{Immu: parts.Immu, Shred: parts.Shred, Chunk: parts.Chunk}
	}
	if !p.opts.horde {
		return nil
	}
	if p.data, err = addMember(parts.Data, "_xcraftRPC", "true"); err != nil {
		return fmt.Errorf("the data of a command for the horde must be an object: %w", err)
	}
	return nil
}

// messages are empty ones for Senders, which use none after Send has returned.
var messages = sync.Pool{New: func() any { return new(wire.Message) }}

// fill writes the message, but what the session stamps on it, into an empty one.
func (p *Pending) fill(m *wire.Message) {
	o := p.opts
	m.Topic, m.ID, m.Data = p.command, p.id, p.data
	m.OrcName = o.orcName // without a name: the session's own
	m.SetContext(o.context)
	m.Nested, m.Stream = !o.activity, o.stream
	if p.rare != nil && p.rare.beside != nil {
		b := p.rare.beside
		m.SetPayload(p.data, b.Immu, b.Shred, b.Chunk)
	}
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

// addMember adds a member at the end of a JSON object; nothing becomes an
// object. Of two members with one name the last one counts.
func addMember(object json.RawMessage, name, value string) (json.RawMessage, error) {
	s := strings.TrimSpace(string(object))
	if s == "" {
		s = "{}"
	}
	if s[0] != '{' {
		return nil, fmt.Errorf("it is %.20s", s)
	}
	inside := strings.TrimSpace(s[1 : len(s)-1])
	if inside != "" {
		inside += ","
	}
	return json.RawMessage("{" + inside + `"` + name + `":` + value + "}"), nil
}

// mark writes into the message context which call its events belong to. The
// options are still the call's own.
func (p *Pending) mark() error {
	marked, err := addMember(p.opts.context, markName, string(wire.AppendString(nil, p.id)))
	if err != nil {
		return fmt.Errorf("Progress marks the message context, which must be an object: %w", err)
	}
	p.opts.context, p.makeRare().progress = marked, newProgress()
	return nil
}

func (p *Pending) setDeadline() {
	limit := p.opts.timeout
	switch {
	case limit > 0:
		p.ctx, p.makeRare().cancel = context.WithTimeoutCause(p.ctx, limit, reason(ErrTimeout, context.DeadlineExceeded))
	case limit < 0 || p.calls.cfg.Timeout < 0:
	default:
		if _, bounded := p.ctx.Deadline(); !bounded {
			p.deadline = time.Since(p.calls.began) + p.calls.cfg.Timeout
		}
	}
}

func (p *Pending) failure(verdict Verdict, why error) *CallError {
	return &CallError{p.command, p.ID(), verdict, why}
}

// verdict is what is known of a call that has no answer yet; mu is held.
func (p *Pending) verdict() Verdict {
	if p.sending || p.maybe || p.receipt != (Receipt{}) {
		return MaybeExecuted
	}
	return NotSent
}

// fail ends the call without an answer and reports whether this was its end.
// The verdict is of the same moment: what no link had by then is not sent any
// more.
func (p *Pending) fail(why error) bool {
	why = p.reasonOf(why)
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return false
	}
	p.finish(nil, p.failure(p.verdict(), why))
	return true
}

// settle ends the call with an answer and reports whether this was its end.
func (p *Pending) settle(answer *wire.Message, far *Error) bool {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return false
	}
	if far != nil {
		p.finish(nil, far)
	} else {
		p.finish(answer, nil)
	}
	return true
}

// finish gives a call that has not ended its only end. mu is held when it is
// called and free when it returns.
func (p *Pending) finish(answer *wire.Message, err error) {
	p.ended, p.answer, p.err = true, answer, err
	waiter, w := p.waiter, watch{}
	if p.watch != nil {
		w = *p.watch
	}
	// Nobody sees the end before it is counted and Retry would take the id again:
	// an Await that comes now does not wait for what follows.
	if p.registered {
		p.calls.ended(p, err)
	}
	p.mu.Unlock()

	p.release()
	if w.unwait != nil {
		w.unwait()
	}
	if w.unwatch != nil {
		w.unwatch()
	}
	if observe := p.opts.observe; observe != nil {
		observe(Step{Command: p.command, ID: p.ID(), Err: err, End: true})
	}
	if progress := p.progress(); progress != nil {
		progress.Finish(nil)
	}
	if waiter != nil {
		waiter <- struct{}{} // there is room for it
	}
	if w.done != nil {
		close(w.done)
	}
}

// release ends the context of an own Timeout.
func (p *Pending) release() {
	if p.rare != nil && p.rare.cancel != nil {
		p.rare.cancel()
	}
}

// step tells the observer of the call that it begins.
func (p *Pending) step() {
	if observe := p.opts.observe; observe != nil {
		observe(Step{Command: p.command, ID: p.ID()})
	}
}
