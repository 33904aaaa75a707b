package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/xcraft-go/xbus/wire"
)

// The table of calls under random lives: a model in a bubble does one thing
// after the other, lets everything come to rest, and checks what must be true
// at every moment.

// An op is one thing that happens.
type op struct {
	Kind    string
	Which   int // of the calls so far
	Down    WhenDown
	Keep    bool
	Horde   bool
	Watch   bool // progress
	Timeout time.Duration
	Error   bool
	Written int
	Wait    time.Duration
}

var kinds = []string{
	"call", "call", "call", "call", "settle", "settle", "settle", "attach", "attach", "lose", "lose",
	"late", "wrong", "abort", "abort all", "retry", "cancel", "sleep", "give up", "done", "event", "dead link", "live link", "too large",
}

func drawOps(t *rapid.T) []op {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) op {
		return op{
			Kind:    rapid.SampledFrom(kinds).Draw(t, "kind"),
			Which:   rapid.IntRange(0, 30).Draw(t, "which"),
			Down:    rapid.SampledFrom([]WhenDown{Wait, FailFast, Queue}).Draw(t, "down"),
			Keep:    rapid.Bool().Draw(t, "keep"),
			Horde:   rapid.IntRange(0, 4).Draw(t, "horde") == 0,
			Watch:   rapid.Bool().Draw(t, "watch"),
			Timeout: rapid.SampledFrom([]time.Duration{0, 0, -1, time.Second, 90 * time.Second}).Draw(t, "timeout"),
			Error:   rapid.Bool().Draw(t, "error"),
			Written: rapid.IntRange(0, 8).Draw(t, "written"),
			Wait:    rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 20 * time.Second}).Draw(t, "wait"),
		}
	}), 1, 60).Draw(t, "ops")
}

// A tracked call is one of the model.
type tracked struct {
	made        atomic.Pointer[Pending] // nil while Call waits
	p           *Pending                // what made was when all was at rest
	cancel      context.CancelFunc
	begun       atomic.Int32
	over        atomic.Int32
	end         atomic.Pointer[Step] // the last one
	begins      int32
	ends        int32
	ended       error // of the last end
	sentAtEnd   int
	checkedOnce bool
}

type model struct {
	link    *link
	calls   *Calls
	list    []*tracked
	settled map[*Pending]bool // got an answer while they were in flight
	fails   []string
}

func (m *model) failf(format string, args ...any) {
	m.fails = append(m.fails, fmt.Sprintf(format, args...))
}

func TestCallsStateMachine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ops := drawOps(rt)
		maxInFlight := rapid.SampledFrom([]int{3, 1000}).Draw(rt, "maxInFlight")
		maxQueued := rapid.SampledFrom([]int{2, 1000}).Draw(rt, "maxQueued")
		var fails []string
		synctest.Test(t, func(t *testing.T) {
			l := &link{up: make(chan struct{})}
			l.calls = New(Config{Sender: l, MaxInFlight: maxInFlight, MaxQueued: maxQueued})
			m := &model{link: l, calls: l.calls, settled: make(map[*Pending]bool)}
			for i, o := range ops {
				m.do(o)
				synctest.Wait()
				if m.check(); len(m.fails) > 0 {
					m.failf("after step %d, %+v", i, o)
					break
				}
			}
			m.close()
			fails = m.fails
		})
		if len(fails) > 0 {
			rt.Fatal(fails)
		}
	})
}

func (m *model) pick(which int) *tracked {
	if len(m.list) == 0 {
		return nil
	}
	c := m.list[which%len(m.list)]
	if c.p == nil {
		return nil
	}
	return c
}

func (m *model) do(o op) {
	c := m.pick(o.Which)
	switch o.Kind {
	case "call":
		m.call(o)
	case "attach":
		m.link.attach()
	case "lose":
		m.link.lose(uint64(o.Written), errors.New("cut"))
	case "sleep":
		time.Sleep(o.Wait)
	case "abort all":
		m.calls.AbortAll(nil)
	case "dead link":
		m.link.refuse = fmt.Errorf("%w: the link is dead", ErrConnectionLost)
	case "too large":
		m.link.refuse = errTooLarge
	case "live link":
		m.link.refuse = nil
	}
	if c == nil {
		return
	}
	id, command := c.p.ID(), c.p.Command()
	switch o.Kind {
	case "settle":
		inFlight := m.calls.find(id)
		ok := m.settle(command, id, o.Error)
		if ok != (inFlight != nil) {
			m.failf("Settle says %v, in flight was %v", ok, inFlight != nil)
		}
		m.settled[inFlight] = ok
	case "late":
		if c.ends > 0 && m.calls.find(id) == nil && m.settle(command, id, o.Error) {
			m.failf("an answer was taken after the end")
		}
	case "wrong":
		if m.settle("other."+command+".x", id, false) || m.settle("x"+command, id, false) {
			m.failf("the answer of another command was taken")
		}
	case "abort":
		was := m.calls.find(id) != nil
		if m.calls.Abort(id, nil) != was {
			m.failf("Abort does not say whether the call was in flight")
		}
	case "retry":
		m.track(func(t *tracked, ctx context.Context) *Pending { return m.retry(t, ctx, c) })
	case "cancel":
		c.cancel()
	case "give up":
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		settled := c.p.Settled() || c.p.ctx.Err() != nil
		_, err := c.p.Await(ctx)
		if v, _ := VerdictOf(err); !settled && (v != MaybeExecuted || !errors.Is(err, context.Canceled)) {
			m.failf("given up: %v", err)
		}
	case "done":
		c.p.Done()
	case "event":
		m.calls.Event(&wire.Message{Topic: "demo::" + id + ".x"})
	}
}

func (m *model) settle(command, id string, isError bool) bool {
	if isError {
		return m.calls.Settle(failure(command, id, `{"message":"no"}`), true)
	}
	return m.calls.Settle(answer(command, id, `1`), true)
}

// track makes a call on a goroutine of its own: it may have to wait.
func (m *model) track(call func(*tracked, context.Context) *Pending) {
	c := &tracked{}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	m.list = append(m.list, c)
	go func() { c.made.Store(call(c, ctx)) }()
}

func (m *model) call(o op) {
	m.track(func(c *tracked, ctx context.Context) *Pending {
		opts := []Option{Down(o.Down), Timeout(o.Timeout), Trace(c.observe)}
		if o.Keep {
			opts = append(opts, KeepAcrossLoss())
		}
		if o.Horde {
			opts = append(opts, Horde())
		}
		if o.Watch {
			opts = append(opts, Progress())
		}
		return m.calls.Call(ctx, "demo.run", nil, opts...)
	})
}

func (m *model) retry(c *tracked, ctx context.Context, old *tracked) *Pending {
	// The observer goes along with the options; this call needs its own.
	opts := *old.p.opts
	opts.observe = c.observe
	copied := &Pending{command: old.p.command, id: old.p.id, data: old.p.data, opts: &opts, rare: old.p.rare}
	return m.calls.Retry(ctx, copied)
}

func (c *tracked) observe(s Step) {
	if s.End {
		c.over.Add(1)
		c.end.Store(&s)
	} else {
		c.begun.Add(1)
	}
}

// look copies what the goroutines of the calls have written.
func (c *tracked) look() {
	c.p, c.begins, c.ends = c.made.Load(), c.begun.Load(), c.over.Load()
	if end := c.end.Load(); end != nil {
		c.ended = end.Err
	}
}

// check looks at what must be true whenever everything is at rest.
func (m *model) check() {
	s := m.calls.Stats()
	if s.Started != s.Answered+s.Failed+s.Unanswered+s.InFlight {
		m.failf("the law of the counters: %+v", s)
	}
	if table := len(m.calls.all()); int(s.InFlight) != table || m.calls.InFlight() != table {
		m.failf("%d calls in the table, counted %+v and %d", table, s, m.calls.InFlight())
	}
	watching := 0
	for _, p := range m.calls.all() {
		if p.progress() != nil {
			watching++
		}
	}
	if n := m.calls.withEvent.Load(); int(n) != watching {
		m.failf("withEvent is %d, %d calls watch", n, watching)
	}
	for i, c := range m.list {
		m.checkCall(i, c)
	}
}

func (m *model) checkCall(i int, c *tracked) {
	c.look()
	if c.begins != 1 || c.ends > 1 {
		m.failf("call %d began %d times and ended %d times", i, c.begins, c.ends)
	}
	if c.p == nil {
		return
	}
	if c.p.Settled() != (c.ends == 1) {
		m.failf("call %d: settled %v, ends seen %d", i, c.p.Settled(), c.ends)
	}
	if c.ends == 0 {
		return
	}
	n, maybe := m.link.fate(c.p)
	if !c.checkedOnce {
		c.checkedOnce, c.sentAtEnd = true, n
	}
	if n != c.sentAtEnd {
		m.failf("call %d was sent after its end", i)
	}
	verdict, unanswered := VerdictOf(c.ended)
	switch {
	case unanswered && verdict == NotSent && maybe:
		m.failf("call %d: %v, and it may have been written", i, c.ended)
	case unanswered && verdict == MaybeExecuted && n == 0:
		m.failf("call %d: %v, and it was never given to a link", i, c.ended)
	case !unanswered && !m.settled[c.p]:
		m.failf("call %d ended with an answer that nobody gave: %v", i, c.ended)
	}
}

// fate tells how often the message of p was given to a link, and whether a byte
// of it may have been written.
func (l *link) fate(p *Pending) (given int, maybe bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sent {
		if s.of != p.ctx {
			continue
		}
		given++
		maybe = maybe || !s.lost || s.written
	}
	return given, maybe
}

func (m *model) close() {
	m.link.end(ErrClosed)
	m.calls.Close(nil)
	synctest.Wait()
	m.check()
	for i, c := range m.list {
		if c.p == nil || c.ends != 1 {
			m.failf("call %d outlives Close", i)
		}
		c.cancel()
	}
	if n := len(m.calls.all()); n != 0 || m.calls.withEvent.Load() != 0 || m.calls.InFlight() != 0 {
		m.failf("%d calls are left in the table", n)
	}
	if p := m.calls.Call(context.Background(), "demo.run", nil); !p.Settled() {
		m.failf("a call after Close is in flight")
	}
	synctest.Wait()
}
