package rpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// A Sender hands a message to the present session.
type Sender interface {
	// Send never waits for a session: without one its error wraps
	// ErrNotConnected, and when the session ends meanwhile ErrConnectionLost.
	// An error means that no byte of m was written, unless it is a *CallError
	// that says MaybeExecuted. m is not used after Send has returned. ctx
	// bounds the wait for room.
	Send(ctx context.Context, m *wire.Message) (Receipt, error)
	// Ready waits for a session.
	Ready(ctx context.Context) error
	// Connected reports whether there is a session now.
	Connected() bool
}

// A promptSender is a Sender that can write a message at once, instead of together
// with others. It is asked to for a call that is the only one in flight.
type promptSender interface {
	SendNow(ctx context.Context, m *wire.Message) (Receipt, error)
}

// A Receipt names one message among those of all sessions: Epoch counts the
// sessions from 1, Number the messages of one of them from 1, in the order in
// which they are written.
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
	prompt promptSender // the Sender; nil when it cannot do that
	began  time.Time
	shards *[shardCount]shard

	inFlight  atomic.Int64
	withEvent atomic.Int64 // calls in flight that want progress
	ignored   atomic.Uint64
	sweep     sweeper
	closed    atomic.Pointer[error] // why no call begins any more
	waiting   waiting               // calls without a session, and the last loss

	// Channels for one value, used by one Await after the other. They are the
	// client's own, since those of a synctest bubble must not leave it.
	waiters sync.Pool
}

// Stats count calls since the client was made. At every moment
// Started = Answered + Failed + Unanswered + InFlight. A call that was refused
// before it could begin, such as one with a wrong name, is not among them.
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
	c := &Calls{cfg: cfg, began: time.Now(), shards: new([shardCount]shard)}
	c.prompt, _ = cfg.Sender.(promptSender)
	c.sweep.calls = c
	c.waiters.New = func() any { return make(chan struct{}, 1) }
	return c
}

// Stats returns the counters.
func (c *Calls) Stats() Stats {
	s := Stats{Ignored: c.ignored.Load()}
	for i := range c.shards {
		sh := &c.shards[i]
		sh.mu.Lock()
		s.Started += sh.started
		s.Answered += sh.answered
		s.Failed += sh.failed
		s.Unanswered += sh.unanswered
		sh.mu.Unlock()
	}
	s.InFlight = s.Started - s.Answered - s.Failed - s.Unanswered
	return s
}

// register puts p into the table. An error means that it is not there.
func (c *Calls) register(p *Pending) error {
	if closed := c.closed.Load(); closed != nil {
		return *closed
	}
	if c.inFlight.Add(1) > int64(c.cfg.MaxInFlight) {
		c.inFlight.Add(-1)
		return fmt.Errorf("%w: %d are in flight, the limit is MaxInFlight", ErrTooMany, c.cfg.MaxInFlight)
	}
	if !c.insert(p) {
		c.inFlight.Add(-1)
		return fmt.Errorf("%w: id %s", ErrInFlight, p.id)
	}
	if closed := c.closed.Load(); closed != nil {
		p.fail(*closed) // Close may have looked through the table before
	}
	return nil
}

func (c *Calls) insert(p *Pending) bool {
	p.hash = hashOf(p.id)
	s := c.shard(p.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(p.hash, p.id) != nil {
		return false
	}
	s.add(p)
	p.registered = true
	if p.progress() != nil {
		c.withEvent.Add(1)
	}
	return true
}

func (c *Calls) shard(hash uint32) *shard { return &c.shards[hash%shardCount] }

// find returns the call with this id; nil when it is not in flight.
func (c *Calls) find(id string) *Pending {
	hash := hashOf(id)
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(hash, id)
}

// ended takes p, which is there, out of the table and counts its end.
func (c *Calls) ended(p *Pending, err error) {
	s := c.shard(p.hash)
	s.mu.Lock()
	s.remove(p, err)
	s.mu.Unlock()
	c.inFlight.Add(-1)
	if p.progress() != nil {
		c.withEvent.Add(-1)
	}
}

// all returns the calls in flight at this moment.
func (c *Calls) all() []*Pending {
	var list []*Pending
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		list = slices.AppendSeq(list, s.all())
		s.mu.Unlock()
	}
	return list
}

// Abort ends the call with this id and reports whether there was one. The hall
// is not told: there is no message for it (protocol §5.1).
func (c *Calls) Abort(id string, cause error) bool {
	p := c.find(id)
	return p != nil && p.Abort(cause)
}

// AbortAll ends all calls in flight and returns their number.
func (c *Calls) AbortAll(cause error) int {
	n := 0
	for _, p := range c.all() {
		if p.Abort(cause) {
			n++
		}
	}
	return n
}

// Close ends all calls with cause and refuses later ones. It waits for the
// timer of the table, so it must not be called by what a call runs: see Trace.
func (c *Calls) Close(cause error) {
	c.Refuse(cause)
	why := closing(cause)
	for _, p := range c.all() {
		p.fail(why)
	}
	c.forgetQueue()
	c.sweep.stop()
}

// Refuse lets no new call begin; those in flight go on.
func (c *Calls) Refuse(cause error) {
	why := closing(cause)
	c.closed.CompareAndSwap(nil, &why)
}

func closing(cause error) error {
	if errors.Is(cause, ErrClosed) {
		return cause
	}
	return reason(ErrClosed, cause)
}

// Idle waits until no call is in flight, at that moment.
func (c *Calls) Idle(ctx context.Context) error {
	for {
		list := c.all()
		if len(list) == 0 {
			return nil
		}
		for _, p := range list {
			select {
			case <-p.Done():
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// InFlight returns the number of calls that have not ended.
func (c *Calls) InFlight() int { return int(c.inFlight.Load()) }
