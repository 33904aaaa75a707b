package server

import (
	"sync"
	"time"
)

// limits are the time limits of a hall's commands. Most have that of the hall.
type limits struct {
	began    time.Time
	standard *deadlines
	others   sync.Map // time.Duration → *deadlines, of commands with one of their own
}

func (l *limits) init(standard time.Duration) {
	l.began = time.Now()
	l.standard = &deadlines{limits: l, limit: standard}
}

// of returns the deadlines of a command; nil when it has as much time as it
// wants.
func (l *limits) of(c *command) *deadlines {
	d := l.standard
	if c.timeout != 0 && c.timeout != d.limit {
		other, ok := l.others.Load(c.timeout)
		if !ok {
			other, _ = l.others.LoadOrStore(c.timeout, &deadlines{limits: l, limit: c.timeout})
		}
		d = other.(*deadlines)
	}
	if d.limit <= 0 {
		return nil
	}
	return d
}

// stop lets no deadline pass any more, and waits for those that do.
func (l *limits) stop() {
	l.standard.stop()
	l.others.Range(func(_, d any) bool { d.(*deadlines).stop(); return true })
}

// deadlines end the commands of one time limit when their handlers do not.
// Since all have the same limit they pass in the order in which they were set:
// a list and a timer for its head do for any number of commands.
type deadlines struct {
	limits *limits
	limit  time.Duration

	mu          sync.Mutex
	first, last *Request // linked by Request.due
	timer       *time.Timer
	armed       bool // the timer runs, or pass does
	stopped     bool
	passing     sync.WaitGroup // grows when armed, not after stop
}

// due is the place of a request among the deadlines; guarded by their lock.
type due struct {
	at            time.Duration // since the hall began; 0: there is none
	before, after *Request
}

// set begins the time of a request, anew if it had begun.
func (d *deadlines) set(r *Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unlink(r)
	r.due = due{at: time.Since(d.limits.began) + d.limit, before: d.last}
	if d.last != nil {
		d.last.due.after = r
	} else {
		d.first = r
	}
	d.last = r
	if !d.armed && !d.stopped {
		d.armed = true
		d.passing.Add(1)
		if d.timer == nil {
			d.timer = time.AfterFunc(d.limit, d.pass)
		} else {
			d.timer.Reset(d.limit)
		}
	}
}

// clear ends the time of a request. The timer may run for nothing.
func (d *deadlines) clear(r *Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unlink(r)
}

func (d *deadlines) unlink(r *Request) {
	if r.due.at == 0 {
		return
	}
	if r.due.before != nil {
		r.due.before.due.after = r.due.after
	} else {
		d.first = r.due.after
	}
	if r.due.after != nil {
		r.due.after.due.before = r.due.before
	} else {
		d.last = r.due.before
	}
	r.due = due{}
}

// pass ends the commands whose time is over, and waits for the next one.
func (d *deadlines) pass() {
	for r := d.over(); r != nil; r = d.over() {
		r.expire(d.limit)
	}
}

// over takes the next command whose time is over. For nil it has armed the timer
// again, if anything is left.
func (d *deadlines) over() *Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.first
	if r == nil || d.stopped {
		d.armed = false
		d.passing.Done()
		return nil
	}
	if wait := r.due.at - time.Since(d.limits.began); wait > 0 {
		d.timer.Reset(wait)
		return nil
	}
	d.unlink(r)
	return r
}

func (d *deadlines) stop() {
	d.mu.Lock()
	d.stopped = true
	if d.armed && d.timer.Stop() {
		d.armed = false
		d.passing.Done()
	}
	d.mu.Unlock()
	d.passing.Wait()
}
