package server

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// A ledger lists the commands of one connection that are not answered yet. When
// it is full the reader waits, and with it the client.
type ledger struct {
	limit int
	waits *atomic.Uint64 // how often the reader had to wait, in all

	mu   sync.Mutex
	open []*Request    // in no order; each knows its place
	room chan struct{} // closed when one leaves; nil unless the reader waits
}

func (l *ledger) init(limit int, waits *atomic.Uint64) {
	l.limit, l.waits = limit, waits
}

// enter adds a command and reports whether there was room within ctx.
func (l *ledger) enter(ctx context.Context, r *Request) bool {
	for first := true; ; first = false {
		l.mu.Lock()
		if len(l.open) < l.limit {
			l.open = append(l.open, r)
			r.place = len(l.open)
			l.mu.Unlock()
			return true
		}
		if first {
			l.waits.Add(1)
		}
		if l.room == nil {
			l.room = make(chan struct{})
		}
		room := l.room
		l.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}

func (l *ledger) leave(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.place == 0 {
		return
	}
	end := len(l.open) - 1
	last := l.open[end]
	l.open[r.place-1], last.place, r.place = last, r.place, 0
	l.open[end] = nil
	l.open = l.open[:end]
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}

// alone reports whether at most one command is not answered yet.
func (l *ledger) alone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open) <= 1
}

func (l *ledger) list() []*Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.open)
}

// busy counts the goroutines that run handlers.
type busy struct {
	n      atomic.Int64
	looked atomic.Bool // somebody waits, or stuck is not empty; written under mu

	mu    sync.Mutex
	idle  chan struct{}       // closed when n is 0; nil unless somebody waits
	stuck map[*Request]string // answered by the hall, and still running
}

func (b *busy) add() { b.n.Add(1) }

// done takes a goroutine off, that of r if it is one of a request.
func (b *busy) done(r *Request) {
	if r != nil {
		r.returned.Store(true)
	}
	if b.n.Add(-1); !b.looked.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.stuck, r)
	if b.n.Load() == 0 && b.idle != nil {
		close(b.idle)
		b.idle = nil
	}
	b.looked.Store(b.idle != nil || len(b.stuck) > 0)
}

// outlived notes that the answer of r was given before its handler returned.
func (b *busy) outlived(r *Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looked.Store(true) // before the look at r: done does both the other way round
	if r.returned.Load() {
		return
	}
	if b.stuck == nil {
		b.stuck = make(map[*Request]string)
	}
	b.stuck[r] = r.command.name
}

// wait reports whether all have returned within ctx.
func (b *busy) wait(ctx context.Context) bool {
	b.mu.Lock()
	b.looked.Store(true) // before the look at n: done does both the other way round
	if b.n.Load() == 0 {
		b.mu.Unlock()
		return true
	}
	if b.idle == nil {
		b.idle = make(chan struct{})
	}
	idle := b.idle
	b.mu.Unlock()
	select {
	case <-idle:
		return true
	case <-ctx.Done():
		return false
	}
}

func (b *busy) count() int { return int(b.n.Load()) }

// names lists the commands whose handlers were given up and still run.
func (b *busy) names() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Compact(slices.Sorted(maps.Values(b.stuck)))
}
