package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// A Sender hands a message to the present session.
type Sender interface {
	// Send never waits for a session: without one its error wraps
	// ErrNotConnected. m is not used after it has returned.
	Send(ctx context.Context, m *wire.Message) (Receipt, error)
	// Ready waits for a session.
	Ready(ctx context.Context) error
	// Connected reports whether there is a session now.
	Connected() bool
}

// A Receipt names one message among those of all sessions.
type Receipt struct{ Epoch, Number uint64 }

// Config shapes a [Calls]. Sender is required; zero fields take the defaults.
type Config struct {
	Sender Sender
	// Timeout bounds calls whose context has no deadline, default 60 s;
	// negative for none. It is looked at once a second.
	Timeout time.Duration
	// MaxInFlight bounds the calls in flight, default 262,144.
	MaxInFlight int
	// MaxQueued bounds the calls that wait under Queue, default 1,024.
	MaxQueued int
	// Registry is asked by CheckFirst and for better messages; may be nil.
	Registry func() *Registry
}

// Calls are the calls in flight of one client. All methods may be called from
// any goroutine.
type Calls struct {
	cfg    Config
	shards [shardCount]shard

	inFlight  atomic.Int64
	withEvent atomic.Int64 // calls in flight that want progress
	counts    callCounters
	sweep     sweeper

	mu     sync.Mutex // guards what follows
	queue  []*Pending // wait for a session
	closed error
	lost   loss // the last session that was lost
}

// A loss is what is known of a session that has ended.
type loss struct {
	epoch, written uint64
	cause          error
}

const shardCount = 32

type shard struct {
	mu    sync.Mutex
	calls map[string]*Pending
}

// Stats count calls since the client was made. At every moment
// Started = Answered + Failed + Unanswered + InFlight.
type Stats struct {
	Started    uint64
	Answered   uint64 // ended with a result
	Failed     uint64 // ended with an *Error of the far side
	Unanswered uint64 // ended with a *CallError
	InFlight   uint64
	// Ignored counts answers under our own name that no call waited for:
	// duplicates, and answers that came after the end of their call.
	Ignored uint64
}

type callCounters struct{ started, answered, failed, unanswered, ignored atomic.Uint64 }

// New makes the table of the calls of one client.
func New(cfg Config) *Calls {
	if cfg.Sender == nil {
		panic("rpc: Config.Sender is missing: give what sends messages")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 60 * time.Second
	}
	if cfg.MaxInFlight <= 0 {
		cfg.MaxInFlight = 1 << 18
	}
	if cfg.MaxQueued <= 0 {
		cfg.MaxQueued = 1024
	}
	c := &Calls{cfg: cfg}
	c.sweep.calls = c
	for i := range c.shards {
		c.shards[i].calls = make(map[string]*Pending)
	}
	return c
}

// Stats returns the counters.
func (c *Calls) Stats() Stats {
	s := Stats{
		Answered: c.counts.answered.Load(), Failed: c.counts.failed.Load(),
		Unanswered: c.counts.unanswered.Load(), Ignored: c.counts.ignored.Load(),
		Started: c.counts.started.Load(),
	}
	s.InFlight = s.Started - s.Answered - s.Failed - s.Unanswered
	return s
}

// Call sends a command and returns its future. It never fails by itself: what
// went wrong is found in the future. ctx bounds the whole call; the data is
// what payload.Pack takes, nil for none.
func (c *Calls) Call(ctx context.Context, command string, data any, opts ...Option) *Pending {
	p := &Pending{calls: c, ctx: ctx}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	p.observe = o.observe
	if err := p.prepare(command, data, &o); err != nil {
		p.refuse(err)
		return p
	}
	c.start(p, o.down)
	return p
}

// Send sends a command without waiting for an answer: nobody will know what
// became of it. ctx bounds the wait for a session and for room.
func (c *Calls) Send(ctx context.Context, command string, data any, opts ...Option) error {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	p := &Pending{calls: c, ctx: ctx}
	if err := p.prepare(command, data, &o); err != nil {
		return err
	}
	if err := c.ready(ctx, o.down); err != nil {
		return &CallError{command, p.msg.ID, NotSent, err}
	}
	if _, err := c.cfg.Sender.Send(ctx, &p.msg); err != nil {
		return &CallError{command, p.msg.ID, NotSent, sendReason(err)}
	}
	return nil
}

// Retry sends the message of a call again as it is, with the same id, in the
// present session. It fails with ErrInFlight when that call has not ended.
func (c *Calls) Retry(ctx context.Context, old *Pending) *Pending {
	p := &Pending{calls: c, ctx: ctx, keep: old.keep, horde: old.horde, observe: old.observe}
	p.msg = wire.Message{
		Topic: old.msg.Topic, ID: old.msg.ID, OrcName: old.orcName, Data: old.msg.Data, Chunk: old.msg.Chunk,
		Nested: old.msg.Nested, Immu: old.msg.Immu, Shred: old.msg.Shred, Context: old.msg.Context, Stream: old.msg.Stream,
	}
	p.orcName = old.orcName
	p.setDeadline(0)
	c.start(p, Wait)
	return p
}

// start registers p and sends it, in this order: the answer cannot come first.
func (c *Calls) start(p *Pending, down WhenDown) {
	if p.observe != nil {
		p.observe(Step{Command: p.msg.Topic, ID: p.msg.ID})
	}
	if err := c.register(p); err != nil {
		p.refuse(err)
		return
	}
	c.sweep.arm()
	if down == Queue && c.enqueue(p) {
		return
	}
	for {
		if err := c.ready(p.ctx, down); err != nil {
			p.end(nil, p.failure(NotSent, err))
			return
		}
		err := p.send()
		if errors.Is(err, ErrNotConnected) && down == Wait && p.ctx.Err() == nil && !c.isClosed() {
			continue // the session went between the two
		}
		if err != nil {
			p.end(nil, p.failure(NotSent, sendReason(err)))
		}
		return
	}
}

func (c *Calls) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed != nil
}

func (c *Calls) ready(ctx context.Context, down WhenDown) error {
	if down == FailFast {
		return nil // Send tells
	}
	if err := c.cfg.Sender.Ready(ctx); err != nil {
		if ctx.Err() != nil {
			return reason(ErrNotConnected, contextReason(ctx))
		}
		return reason(ErrNotConnected, err)
	}
	return nil
}

func (c *Calls) register(p *Pending) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed != nil {
		return closed
	}
	if c.inFlight.Add(1) > int64(c.cfg.MaxInFlight) {
		c.inFlight.Add(-1)
		return fmt.Errorf("%w: %d are in flight, the limit is MaxInFlight", ErrTooMany, c.cfg.MaxInFlight)
	}
	s := c.shard(p.msg.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[p.msg.ID] != nil {
		c.inFlight.Add(-1)
		return fmt.Errorf("%w: id %s", ErrInFlight, p.msg.ID)
	}
	s.calls[p.msg.ID] = p
	c.counts.started.Add(1)
	p.registered = true
	if p.progress != nil {
		c.withEvent.Add(1)
	}
	return nil
}

func (c *Calls) shard(id string) *shard {
	var h uint32 = 2166136261
	for i := max(0, len(id)-6); i < len(id); i++ {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return &c.shards[h%shardCount]
}

// take removes a call from the table; nil when it is not there (any more).
func (c *Calls) take(id, command string) *Pending {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.calls[id]
	if p == nil || command != "" && !strings.HasSuffix(command, p.msg.Topic) {
		return nil
	}
	delete(s.calls, id)
	return p
}

// drop removes p from the table, and no other call that has its id.
func (c *Calls) drop(p *Pending) {
	s := c.shard(p.msg.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[p.msg.ID] == p {
		delete(s.calls, p.msg.ID)
	}
}

// Settle gives an answer to the call that waits for it and reports whether
// there was one. own tells that the event is under a name of this client: an
// answer that nobody waits for is then counted.
func (c *Calls) Settle(m *wire.Message, own bool) bool {
	prefix, id, ok := AnswerID(m.Topic)
	if !ok {
		return false
	}
	p := c.take(id, prefix)
	if p == nil {
		if own {
			c.counts.ignored.Add(1)
		}
		return false
	}
	if m.IsError {
		err := newError(p.msg.Topic, m)
		c.suggest(err)
		p.end(nil, err)
	} else {
		p.end(m, nil)
	}
	return true
}

// AnswerID cuts the topic of an answer, <orc>::<command>.<id>.finished or
// .error, into what stands before the id, and the id.
func AnswerID(topic string) (prefix, id string, ok bool) {
	rest, found := strings.CutSuffix(topic, ".finished")
	if !found {
		if rest, found = strings.CutSuffix(topic, ".error"); !found {
			return "", "", false
		}
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot < 0 {
		return "", "", false
	}
	return rest[:dot], rest[dot+1:], true
}

// suggest adds to the error of an unknown command what may have been meant.
func (c *Calls) suggest(err *Error) {
	if c.cfg.Registry == nil || !err.Is(ErrCommandNotAvailable) {
		return
	}
	if registry := c.cfg.Registry(); registry != nil {
		err.Message = registry.unknown(err.Command).Error()
	}
}

// Lost tells that a session has ended: calls that were sent in it end with
// ErrConnectionLost, but those that asked to be kept. written is the number of
// the last message of which a byte may have gone out.
func (c *Calls) Lost(epoch, written uint64, cause error) {
	c.mu.Lock()
	c.lost = loss{epoch, written, cause}
	c.mu.Unlock()
	for _, p := range c.all() {
		p.lostSession(c.lost)
	}
}

// Attached tells that a session has begun: calls that wait for one are sent.
func (c *Calls) Attached() {
	c.mu.Lock()
	queue := c.queue
	c.queue = nil
	c.mu.Unlock()
	for _, p := range queue {
		if p.Settled() {
			continue
		}
		err := p.send()
		switch {
		case err == nil:
		case errors.Is(err, ErrNotConnected):
			c.enqueue(p)
		default:
			p.end(nil, p.failure(NotSent, sendReason(err)))
		}
	}
}

// enqueue makes p wait for a session, unless there is one now.
func (c *Calls) enqueue(p *Pending) bool {
	c.mu.Lock()
	if len(c.queue) >= c.cfg.MaxQueued {
		c.mu.Unlock()
		p.end(nil, p.failure(NotSent, fmt.Errorf("%w: %d are queued, the limit is MaxQueued", ErrTooMany, c.cfg.MaxQueued)))
		return true
	}
	c.queue = append(c.queue, p)
	c.mu.Unlock()
	if c.cfg.Sender.Connected() {
		c.Attached() // there is one: send what waits, p included
	}
	return true
}

// all returns the calls in flight at this moment.
func (c *Calls) all() []*Pending {
	var list []*Pending
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for _, p := range s.calls {
			list = append(list, p)
		}
		s.mu.Unlock()
	}
	return list
}

// Abort ends the call with this id and reports whether there was one. The hall
// is not told: there is no message for it (protocol §5.1).
func (c *Calls) Abort(id string, cause error) bool {
	p := c.take(id, "")
	if p == nil {
		return false
	}
	p.end(nil, p.failure(p.verdict(), reason(ErrAborted, cause)))
	return true
}

// AbortAll ends all calls in flight and returns their number.
func (c *Calls) AbortAll(cause error) int {
	n := 0
	for _, p := range c.all() {
		if p.end(nil, p.failure(p.verdict(), reason(ErrAborted, cause))) {
			n++
		}
	}
	return n
}

// Close ends all calls with cause and refuses later ones.
func (c *Calls) Close(cause error) {
	err := reason(ErrClosed, cause)
	if errors.Is(cause, ErrClosed) {
		err = cause
	}
	c.mu.Lock()
	if c.closed == nil {
		c.closed = err
	}
	c.mu.Unlock()
	for _, p := range c.all() {
		p.end(nil, p.failure(p.verdict(), err))
	}
	c.sweep.stop()
}

// Refuse lets no new call begin; those in flight go on.
func (c *Calls) Refuse(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil {
		c.closed = reason(ErrClosed, cause)
	}
}

// Idle waits until no call is in flight.
func (c *Calls) Idle(ctx context.Context) error {
	for _, p := range c.all() {
		select {
		case <-p.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// InFlight returns the number of calls that have not ended.
func (c *Calls) InFlight() int { return int(c.inFlight.Load()) }

// Event offers an event to the calls that asked for progress: those whose mark
// is in its context, or whose id is in its topic.
func (c *Calls) Event(m *wire.Message) {
	if c.withEvent.Load() == 0 || strings.HasSuffix(m.Topic, ".activity") {
		return
	}
	if id := markOf(m.Context); id != "" {
		c.progressed(id, m)
		return
	}
	for part := range strings.SplitSeq(m.Topic, ".") {
		if len(part) == wire.IDLen && c.progressed(part, m) {
			return
		}
	}
}

func (c *Calls) progressed(id string, m *wire.Message) bool {
	s := c.shard(id)
	s.mu.Lock()
	p := s.calls[id]
	s.mu.Unlock()
	if p == nil || p.progress == nil {
		return false
	}
	p.progress.Offer(context.Background(), Event{Message: m})
	return true
}

// markName is the member of a message context that holds the id of a call.
const markName = "_xbusCall"

func markOf(raw json.RawMessage) string {
	if raw == nil || !strings.Contains(string(raw), markName) {
		return ""
	}
	var mark struct {
		ID string `json:"_xbusCall"`
	}
	_ = json.Unmarshal(raw, &mark) // another kind of context: no mark
	return mark.ID
}
