package server

import "sync"

// activities are the commands that wait for their turn (protocol §5.3): an
// activity starts when none of the same orc and the same command runs, and when
// its command is parallel or no exclusive one runs at all.
//
// So a parallel command has a lane for each orc, and all exclusive ones share
// one. Among the exclusive ones the connections take turns: who sends many
// delays others by one at a time, not by all of them.
type activities struct {
	begin func(*Request) // starts one; called without the lock

	mu     sync.Mutex
	lanes  map[laneKey]*lane
	busy   bool    // an exclusive one runs
	turns  []*peer // who has exclusive ones waiting, next first
	queues map[*peer][]*Request
}

type laneKey struct{ orc, command string }

// A lane is one orc with one parallel command: it exists while one runs.
type lane struct{ waiting []*Request }

func (a *activities) init(begin func(*Request)) {
	a.begin = begin
	a.lanes = make(map[laneKey]*lane)
	a.queues = make(map[*peer][]*Request)
}

// enter starts r or lets it wait.
func (a *activities) enter(r *Request) {
	r.activity = true
	a.mu.Lock()
	start := a.admit(r)
	a.mu.Unlock()
	if start {
		a.begin(r)
	}
}

func (a *activities) admit(r *Request) bool {
	if r.command.parallel {
		key := laneKey{r.OrcName, r.command.name}
		if l := a.lanes[key]; l != nil {
			l.waiting = append(l.waiting, r)
			return false
		}
		a.lanes[key] = new(lane)
		return true
	}
	if a.busy {
		if len(a.queues[r.peer]) == 0 {
			a.turns = append(a.turns, r.peer)
		}
		a.queues[r.peer] = append(a.queues[r.peer], r)
		return false
	}
	a.busy = true
	return true
}

// leave ends the turn of r and starts the next one.
func (a *activities) leave(r *Request) {
	a.mu.Lock()
	next := a.next(r)
	a.mu.Unlock()
	if next != nil {
		a.begin(next)
	}
}

func (a *activities) next(r *Request) *Request {
	if r.command.parallel {
		key := laneKey{r.OrcName, r.command.name}
		l := a.lanes[key]
		if len(l.waiting) == 0 {
			delete(a.lanes, key)
			return nil
		}
		next := l.waiting[0]
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		return next
	}
	if len(a.turns) == 0 {
		a.busy = false
		return nil
	}
	p := a.turns[0]
	next := a.queues[p][0]
	a.turns = a.turns[1:]
	if rest := a.queues[p][1:]; len(rest) > 0 {
		a.queues[p] = rest
		a.turns = append(a.turns, p)
	} else {
		delete(a.queues, p)
	}
	return next
}

// abandon takes what a connection has waiting out of the queues and gives it
// to end.
func (a *activities) abandon(p *peer, end func(*Request)) {
	a.mu.Lock()
	gone := a.queues[p]
	delete(a.queues, p)
	kept := a.turns[:0]
	for _, other := range a.turns {
		if other != p {
			kept = append(kept, other)
		}
	}
	a.turns = kept
	for _, l := range a.lanes {
		rest := l.waiting[:0]
		for _, r := range l.waiting {
			if r.peer == p {
				gone = append(gone, r)
			} else {
				rest = append(rest, r)
			}
		}
		l.waiting = rest
	}
	a.mu.Unlock()
	for _, r := range gone {
		end(r)
	}
}
