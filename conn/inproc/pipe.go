package inproc

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// queueLimit is how many messages may wait in one direction; who sends more
// waits for room.
const queueLimit = 1 << 16

// messagesAtOnce is how many copies are allocated together: who keeps one keeps
// all of them.
const messagesAtOnce = 8

var (
	errGone   = errors.New("the reader is gone")
	errEnded  = errors.New("the writer has ended it")
	errNoRoom = errors.New("no room in time")
)

// A pipe carries messages one way, to one reader.
type pipe struct {
	ready chan struct{} // holds a value when the reader is to look again

	mu     sync.Mutex
	queue  []*wire.Message
	number uint64         // of the last message that was put
	slab   []wire.Message // copies to come
	asleep bool           // the reader waits
	room   chan struct{}  // closed when there is room or it is over; nil unless somebody waits
	ended  bool           // by the writer: what is queued is still read
	gone   bool           // by the reader
	came   time.Time      // when the message of the number noted came, or a little later
	noted  uint64

	// The reader's own.
	batch []*wire.Message
	taken int // the beginning of batch
}

func newPipe() *pipe { return &pipe{ready: make(chan struct{}, 1), came: time.Now()} }

// put queues a copy of m, with this chunk, and returns its number.
func (p *pipe) put(ctx context.Context, m *wire.Message, chunk []byte) (number uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.gone:
			return 0, errGone
		case p.ended:
			return 0, errEnded
		case len(p.queue) < queueLimit:
			p.queue = append(p.queue, p.copy(m, chunk))
			p.number++
			if p.asleep {
				p.note()
				p.wake()
			}
			return p.number, nil
		case !p.awaitRoom(ctx):
			return 0, errNoRoom
		}
	}
}

func (p *pipe) copy(m *wire.Message, chunk []byte) *wire.Message {
	if len(p.slab) == 0 {
		p.slab = make([]wire.Message, messagesAtOnce)
	}
	c := &p.slab[0]
	p.slab = p.slab[1:]
	*c = *m
	c.Chunk = chunk
	return c
}

// wake lets a reader that waits look again; mu is held.
func (p *pipe) wake() {
	if p.asleep {
		p.asleep = false
		p.ready <- struct{}{} // one that is asleep has taken the value before
	}
}

// note notes the time of the last message, unless it was; mu is held. It is called
// when the reader is woken and when it has nothing more to do, so that not each
// message of many takes a look at the clock.
func (p *pipe) note() {
	if p.noted != p.number {
		p.came, p.noted = time.Now(), p.number
	}
}

// awaitRoom gives up the lock while it waits, and reports whether ctx is not
// done.
func (p *pipe) awaitRoom(ctx context.Context) bool {
	if p.room == nil {
		p.room = make(chan struct{})
	}
	room := p.room
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-room:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *pipe) makeRoom() {
	if p.room != nil {
		close(p.room)
		p.room = nil
	}
}

// next returns the next message, errGone after leave, and errEnded after end
// when nothing is left.
func (p *pipe) next() (*wire.Message, error) {
	for p.taken == len(p.batch) {
		if err := p.more(); err != nil {
			return nil, err
		}
	}
	m := p.batch[p.taken]
	p.batch[p.taken] = nil
	p.taken++
	return m, nil
}

// more takes all that is queued at once, or waits until something is.
func (p *pipe) more() error {
	p.mu.Lock()
	switch {
	case p.gone:
		p.mu.Unlock()
		return errGone
	case len(p.queue) > 0:
		if cap(p.batch) > queueLimit/16 {
			p.batch = nil // it was a burst
		}
		p.batch, p.queue, p.taken = p.queue, p.batch[:0], 0
		p.makeRoom()
		p.mu.Unlock()
		return nil
	case p.ended:
		p.mu.Unlock()
		return errEnded
	}
	p.note()
	p.asleep = true
	p.mu.Unlock()
	<-p.ready
	return nil
}

// end is called by the writer: nothing comes any more.
func (p *pipe) end() { p.stop(&p.ended) }

// leave is called by the reader: it takes nothing any more.
func (p *pipe) leave() { p.stop(&p.gone) }

func (p *pipe) stop(how *bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*how = true
	p.makeRoom()
	p.wake()
}

// lastCame is when the last message came.
func (p *pipe) lastCame() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note()
	return p.came
}

// written is the number of the last message that the reader has or could have.
func (p *pipe) written() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.number
}
