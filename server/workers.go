package server

import "sync"

// workers are goroutines that run handlers. A few that have nothing to do stay
// for the next command, since a new one would have to grow its stack first.
type workers struct {
	mu     sync.Mutex
	idle   []chan *Request
	closed bool
	wg     sync.WaitGroup // those that are idle, once close was called
}

// maxIdle is how many goroutines stay without work.
const maxIdle = 256

// run serves r on a goroutine of its own.
func (w *workers) run(r *Request) {
	w.mu.Lock()
	if n := len(w.idle); n > 0 {
		next := w.idle[n-1]
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		next <- r
		return
	}
	w.mu.Unlock()
	go w.work(r)
}

func (w *workers) work(r *Request) {
	next := make(chan *Request, 1)
	for r != nil {
		r.hall.serve(r)
		if !w.rest(next) {
			return
		}
		r = <-next
	}
	w.wg.Done()
}

// rest makes the goroutine one of those that wait for work.
func (w *workers) rest(next chan *Request) bool {
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
