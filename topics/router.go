package topics

import (
	"sync"
	"sync/atomic"
)

// A Router knows which subscribers listen to a topic. What a subscriber is, S,
// is the caller's: a queue, a function, a number.
//
// All methods may be called concurrently. No lock is held while code of the
// caller runs. A subscriber that Add has returned is found by each lookup that
// begins afterwards, one that Remove has returned is not.
type Router[S any] struct {
	compat bool

	mu      sync.RWMutex
	entries map[string]*entry[S] // by the text of the pattern
	cells   table[S]             // by the hash of a word
	rest    cell[S]              // patterns without a word
	known   filter               // the words of cells
	spaces  spaces               // what patterns there are for which namespaces
	seq     uint64               // of the last entry
	count   int                  // subscriptions
	changes atomic.Uint64        // see Changes

	overflow sync.Pool // of *[]hit[S], for topics that many patterns match
	called   sync.Pool // of *[]S, for Each
}

// A Subscription is one subscriber to one pattern, as Add returned it.
type Subscription[S any] struct {
	subscriber S
	next, prev *Subscription[S]
	entry      *entry[S] // nil once removed
}

// An Option changes how a [Router] behaves.
type Option func(*options)

type options struct{ compat bool }

// Compat makes the router miss what the reference misses: a topic that matches
// a pattern is only delivered when the key of the pattern is one of the ids of
// the topic (protocol §6.2). By default it is delivered.
func Compat() Option { return func(o *options) { o.compat = true } }

// NewRouter returns a router without subscribers.
func NewRouter[S any](opts ...Option) *Router[S] {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	r := &Router[S]{
		compat:  o.compat,
		entries: make(map[string]*entry[S]),
		cells:   newTable[S](),
		known:   newFilter(),
	}
	r.overflow.New = func() any { return new([]hit[S]) }
	r.called.New = func() any { return new([]S) }
	return r
}

// Add subscribes s to p. The same subscriber may be added several times; each
// Subscription counts for itself. Add panics when p is nil.
func (r *Router[S]) Add(p *Pattern, s S) *Subscription[S] {
	if p == nil {
		panic("topics: Router.Add without a pattern: give one that Compile has returned")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[p.text]
	var sub *Subscription[S]
	if e == nil {
		r.seq++
		e = newEntry[S](p, r.seq)
		r.file(e)
		sub = &e.own
	} else {
		sub = new(Subscription[S])
	}
	*sub = Subscription[S]{subscriber: s, entry: e, prev: e.last}
	if e.last == nil {
		e.first = sub
	} else {
		e.last.next = sub
	}
	e.last = sub
	r.count++
	r.changes.Add(1)
	return sub
}

// Remove ends a subscription and reports whether it was there. Others to the
// same pattern stay.
func (r *Router[S]) Remove(sub *Subscription[S]) bool {
	if sub == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := sub.entry
	if e == nil {
		return false
	}
	if sub.prev == nil {
		e.first = sub.next
	} else {
		sub.prev.next = sub.next
	}
	if sub.next == nil {
		e.last = sub.prev
	} else {
		sub.next.prev = sub.prev
	}
	sub.entry, sub.prev, sub.next = nil, nil, nil
	r.count--
	r.changes.Add(1)
	if e.first == nil {
		r.unfile(e)
	}
	return true
}

// RemoveAll ends all subscriptions to a pattern and returns their subscribers
// in order.
func (r *Router[S]) RemoveAll(pattern string) []S {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[pattern]
	if e == nil {
		return nil
	}
	var removed []S
	for sub := e.first; sub != nil; {
		next := sub.next
		removed = append(removed, sub.subscriber)
		sub.entry, sub.prev, sub.next = nil, nil, nil
		sub = next
	}
	e.first, e.last = nil, nil
	r.count -= len(removed)
	r.changes.Add(1)
	r.unfile(e)
	return removed
}

// Changes counts what Add and Remove have changed. As long as it is what it was
// before a lookup, the same topic has the same subscribers.
func (r *Router[S]) Changes() uint64 { return r.changes.Load() }

// Len returns the number of subscriptions.
func (r *Router[S]) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.count
}
