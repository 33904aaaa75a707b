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
	open map[*Request]struct{}
	room chan struct{} // closed when one leaves; nil unless the reader waits
}

func (l *ledger) init(limit int, waits *atomic.Uint64) {
	l.limit, l.waits, l.open = limit, waits, make(map[*Request]struct{})
}

// enter adds a command and reports whether there was room within ctx.
func (l *ledger) enter(ctx context.Context, r *Request) bool {
	for first := true; ; first = false {
		l.mu.Lock()
		if len(l.open) < l.limit {
			l.open[r] = struct{}{}
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
	delete(l.open, r)
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}

func (l *ledger) list() []*Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.open))
}

// busy counts the goroutines that run handlers.
type busy struct {
	mu    sync.Mutex
	n     int
	idle  chan struct{}       // closed when n is 0; nil unless somebody waits
	stuck map[*Request]string // answered by the hall, and still running
}

func (b *busy) add() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
}

func (b *busy) done(r *Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n--
	delete(b.stuck, r)
	if b.n == 0 && b.idle != nil {
		close(b.idle)
		b.idle = nil
	}
}

// outlived notes that the answer of r was given before its handler returned.
func (b *busy) outlived(r *Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stuck == nil {
		b.stuck = make(map[*Request]string)
	}
	b.stuck[r] = r.command.name
}

// wait reports whether all have returned within ctx.
func (b *busy) wait(ctx context.Context) bool {
	b.mu.Lock()
	if b.n == 0 {
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

func (b *busy) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

// names lists the commands whose handlers were given up and still run.
func (b *busy) names() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Compact(slices.Sorted(maps.Values(b.stuck)))
}
