package operators

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// groups is the open groups of one run of [GroupBy]. Its goroutine routes, its
// timer and the consumers of groups close.
type groups[K comparable, T any] struct {
	cfg    GroupConfig
	opened *observable.Subscription[Group[K, T]] // groups that wait to be taken

	mu    sync.Mutex // never held while user code runs
	table map[K]*list.Element
	order list.List // of *member, the one that got nothing for longest first
	timer *time.Timer
	armed bool           // the timer runs, or its function does
	rings sync.WaitGroup // its function
	over  bool
}

// member is an open group.
type member[K comparable, T any] struct {
	key   K
	queue *observable.Subscription[T]
	last  time.Time // when it got an item; kept only where groups can be idle
}

// untaken is how many groups may wait to be taken, or GroupConfig.Max if that is more.
const untaken = 1024

func newGroups[K comparable, T any](cfg GroupConfig) *groups[K, T] {
	return &groups[K, T]{
		cfg:   cfg,
		table: make(map[K]*list.Element),
		opened: observable.NewSubscription[Group[K, T]](
			observable.WithLimit(max(cfg.Max, untaken)), observable.WithPolicy(observable.DropNewest)),
	}
}

// route puts v into the queue of its group. Where there is none it opens one,
// and returns what became of the offer of that group.
func (g *groups[K, T]) route(ctx context.Context, key K, v T) observable.Outcome {
	if queue := g.find(key); queue != nil {
		switch queue.Offer(ctx, v) {
		case observable.Closed: // its consumer has just left
			g.forget(key, queue)
		case observable.Overflowed:
			g.forget(key, queue)
			return observable.Accepted
		default:
			return observable.Accepted
		}
	}
	queue := observable.NewSubscription[T](g.cfg.Buffer...)
	queue.Offer(ctx, v)
	g.add(key, queue)
	queue.OnClose(func() { g.forget(key, queue) })
	return g.opened.Offer(ctx, Group[K, T]{key, queue.Observable(), queue})
}

// find returns the queue of the group of key, and nil when it is not open.
func (g *groups[K, T]) find(key K) *observable.Subscription[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.table[key]
	if e == nil {
		return nil
	}
	m := e.Value.(*member[K, T])
	g.order.MoveToBack(e)
	if g.cfg.Idle > 0 {
		m.last = time.Now()
	}
	return m.queue
}

// add enters an open group, in the place of the idlest one if there are enough.
func (g *groups[K, T]) add(key K, queue *observable.Subscription[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.order.Len() >= g.cfg.Max {
		g.retire(g.order.Front(), nil)
	}
	m := &member[K, T]{key: key, queue: queue}
	g.table[key] = g.order.PushBack(m)
	if g.cfg.Idle > 0 {
		m.last = time.Now()
		g.arm()
	}
}

// forget takes out the group of key if queue is its queue.
func (g *groups[K, T]) forget(key K, queue *observable.Subscription[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.table[key]; e != nil && e.Value.(*member[K, T]).queue == queue {
		g.retire(e, nil)
	}
}

// retire closes a group.
func (g *groups[K, T]) retire(e *list.Element, end error) {
	m := g.order.Remove(e).(*member[K, T])
	delete(g.table, m.key)
	m.queue.Finish(end)
}

// arm starts the timer for the idlest group, unless it runs already.
func (g *groups[K, T]) arm() {
	if g.armed || g.over || g.order.Len() == 0 {
		return
	}
	g.armed = true
	g.rings.Add(1)
	d := time.Until(g.order.Front().Value.(*member[K, T]).last.Add(g.cfg.Idle))
	if g.timer == nil {
		g.timer = time.AfterFunc(d, g.expire)
	} else {
		g.timer.Reset(d)
	}
}

// expire closes the groups that were idle for too long.
func (g *groups[K, T]) expire() {
	defer g.rings.Done()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed = false
	for e := g.order.Front(); e != nil; e = g.order.Front() {
		if time.Since(e.Value.(*member[K, T]).last) < g.cfg.Idle {
			break
		}
		g.retire(e, nil)
	}
	g.arm()
}

// close ends all groups and waits for the function of the timer.
func (g *groups[K, T]) close(end error) {
	g.mu.Lock()
	g.over = true
	if g.armed && g.timer.Stop() {
		g.rings.Done()
	}
	for g.order.Len() > 0 {
		g.retire(g.order.Front(), end)
	}
	g.mu.Unlock()
	g.rings.Wait()
}
