package server

import "sync"

// workers are goroutines that run handlers. A few that have nothing to do stay
// for the next command, since a new one would have to grow its stack first.
//
// A command does not wake a goroutine of its own: while one is on its way to
// the queue, that one does for all that come meanwhile. Whoever takes a command
// and leaves others behind sends the next one on its way before it begins, so
// that no command waits for the handler of another: short handlers are run one
// after the other by the same goroutine, and beside long ones there is always a
// free one. Commands are taken in the order in which they came.
type workers struct {
	mu     sync.Mutex
	queue  []*Request // that nobody has taken
	taken  int        // the beginning of queue
	coming bool       // one is on its way to the queue
	idle   []*worker
	closed bool
	wg     sync.WaitGroup // those that are idle, once close was called
}

// A worker is one of the goroutines, by how it is woken; false is its end.
type worker struct{ wake chan bool }

// maxIdle is how many goroutines stay without work.
const maxIdle = 256

// run serves r on one of the goroutines.
func (w *workers) run(r *Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, r)
	w.send()
}

// send lets a goroutine come to the queue; mu is held.
func (w *workers) send() {
	if w.coming {
		return
	}
	w.coming = true
	if n := len(w.idle); n > 0 {
		next := w.idle[n-1]
		w.idle = w.idle[:n-1]
		next.wake <- true // there is room for it
		return
	}
	go w.work(&worker{wake: make(chan bool, 1)})
}

func (w *workers) work(me *worker) {
	arrived := true
	for {
		r, stays := w.next(me, arrived)
		switch arrived = false; {
		case r != nil:
			r.hall.serve(r)
		case !stays:
			return
		default:
			if arrived = <-me.wake; !arrived {
				w.wg.Done()
				return
			}
		}
	}
}

// next takes a command from the queue. Without one the goroutine stays among
// the idle ones, or not. arrived tells that it was sent for.
func (w *workers) next(me *worker, arrived bool) (r *Request, stays bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if arrived {
		w.coming = false
	}
	if w.taken == len(w.queue) {
		stays = !w.closed && len(w.idle) < maxIdle
		if stays {
			w.idle = append(w.idle, me)
		}
		return nil, stays
	}
	r = w.queue[w.taken]
	w.queue[w.taken] = nil
	w.taken++
	if w.shorten(); len(w.queue) > 0 {
		w.send()
	}
	return r, true
}

// shorten takes the memory before the first command back, now and then; mu is
// held.
func (w *workers) shorten() {
	rest := len(w.queue) - w.taken
	if rest > 0 && w.taken < max(rest, maxIdle) {
		return
	}
	copy(w.queue, w.queue[w.taken:])
	clear(w.queue[rest:])
	if w.queue, w.taken = w.queue[:rest], 0; rest == 0 && cap(w.queue) > DefaultInFlight {
		w.queue = nil // it was a burst
	}
}

// close ends those that have nothing to do, and the others when they are done.
func (w *workers) close() {
	w.mu.Lock()
	w.closed = true
	idle := w.idle
	w.idle = nil
	w.wg.Add(len(idle))
	w.mu.Unlock()
	for _, worker := range idle {
		worker.wake <- false
	}
	w.wg.Wait()
}
