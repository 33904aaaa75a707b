package conn

import (
	"sync"
	"time"
)

// A lookout runs a check by a timer: first after some time, and then again
// after the time that the check returns, until that is 0 or stop is called. It
// has no goroutine while it waits.
type lookout struct {
	check func() (next time.Duration)

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
	pending sync.WaitGroup // a check that waits for the timer or runs
}

func lookOut(first time.Duration, check func() (next time.Duration)) *lookout {
	l := &lookout{check: check}
	l.mu.Lock() // the timer may be faster than the assignment
	defer l.mu.Unlock()
	l.pending.Add(1)
	l.timer = time.AfterFunc(first, l.run)
	return l
}

func (l *lookout) run() {
	next := time.Duration(0)
	if !l.over() {
		next = l.check()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || next <= 0 {
		l.pending.Done()
		return
	}
	l.timer.Reset(next)
}

func (l *lookout) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

// stop ends the lookout. A check that runs has returned when stop returns.
func (l *lookout) stop() {
	l.mu.Lock()
	if !l.stopped {
		l.stopped = true
		if l.timer.Stop() {
			l.pending.Done()
		}
	}
	l.mu.Unlock()
	l.pending.Wait()
}
