package server

import "sync"

// workers are goroutines that run handlers. A few that have nothing to do stay
// for the next command, since a new one would have to grow its stack first.
type workers struct {
	mu     sync.Mutex
	idle   []chan func()
	closed bool
	wg     sync.WaitGroup // those that are idle, once close was called
}

// maxIdle is how many goroutines stay without work.
const maxIdle = 256

// run calls f on a goroutine of its own.
func (w *workers) run(f func()) {
	w.mu.Lock()
	if n := len(w.idle); n > 0 {
		next := w.idle[n-1]
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		next <- f
		return
	}
	w.mu.Unlock()
	go w.work(f)
}

func (w *workers) work(f func()) {
	next := make(chan func(), 1)
	for f != nil {
		f()
		if !w.rest(next) {
			return
		}
		f = <-next
	}
	w.wg.Done()
}

// rest makes the goroutine one of those that wait for work.
func (w *workers) rest(next chan func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) >= maxIdle {
		return false
	}
	w.idle = append(w.idle, next)
	return true
}

// close ends those that have nothing to do, and the others when they are done.
func (w *workers) close() {
	w.mu.Lock()
	w.closed = true
	idle := w.idle
	w.idle = nil
	w.wg.Add(len(idle))
	w.mu.Unlock()
	for _, next := range idle {
		next <- nil
	}
	w.wg.Wait()
}
