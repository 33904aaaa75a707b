package faultproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	chunkSize   = 32 << 10
	queueChunks = 64
)

// A chunk is what one read returned.
type chunk struct {
	data []byte
	at   time.Time // of the read
}

// A pipe is one direction of a session. A goroutine reads, another one writes,
// so that bytes that are delayed do not delay the bytes behind them.
type pipe struct {
	session  *session
	dir      Direction
	src, dst *net.TCPConn
	queue    chan chunk
	closed   atomic.Bool // by HalfClose: what comes now is swallowed

	// Owned by the writer.
	written int64    // bytes of the connection that went through distort
	setting *setting // the last one seen
	since   int64    // bytes since it was seen first
	next    time.Time
}

var errCutAfter = errors.New("CutAfter bytes were forwarded")

func newPipe(s *session, d Direction, src, dst *net.TCPConn) *pipe {
	return &pipe{session: s, dir: d, src: src, dst: dst, queue: make(chan chunk, queueChunks)}
}

// run forwards until the end of the stream, which it passes on, or until the
// session ends.
func (p *pipe) run() {
	var readErr error
	var reader sync.WaitGroup
	reader.Go(func() { readErr = p.read(p.session.ctx) })
	writeErr := p.write(p.session.ctx)
	if writeErr != nil {
		p.session.end(endFor(writeErr))
	}
	p.drain()
	reader.Wait()

	switch {
	case writeErr != nil:
	case readErr == io.EOF:
		p.dst.CloseWrite()
	default:
		p.session.end(endFor(readErr))
	}
}

// endFor is how a session ends because of an error of one of its sides.
func endFor(err error) End {
	if err == errCutAfter {
		return Close
	}
	return Reset
}

func (p *pipe) faults() *setting { return p.session.proxy.faults[p.dir].Load() }

func (p *pipe) count(change func(*Flow)) {
	p.session.proxy.counters.updateFlow(p.dir, change)
}

// read fills the queue, and closes it at the end.
func (p *pipe) read(ctx context.Context) error {
	defer close(p.queue)
	buf := make([]byte, chunkSize)
	for {
		for s := p.faults(); s.Stall; s = p.faults() {
			if err := s.awaitChange(ctx); err != nil {
				return err
			}
		}
		n, err := p.src.Read(buf)
		if n > 0 {
			p.count(func(f *Flow) { f.Received += int64(n) })
			p.queue <- chunk{bytes.Clone(buf[:n]), time.Now()} // write or drain takes it
		}
		if err != nil {
			return err
		}
	}
}

// drain counts what nobody will write any more, until the reader has ended.
func (p *pipe) drain() {
	for c := range p.queue {
		p.count(func(f *Flow) { f.Lost += int64(len(c.data)) })
	}
}

// write empties the queue.
func (p *pipe) write(ctx context.Context) error {
	for c := range p.queue {
		for len(c.data) > 0 {
			n, err := p.forward(ctx, c)
			c.data = c.data[n:]
			if err != nil {
				p.count(func(f *Flow) { f.Lost += int64(len(c.data)) })
				return err
			}
		}
	}
	return nil
}

// forward deals with the first piece of a chunk, and returns how many bytes
// that was.
func (p *pipe) forward(ctx context.Context, c chunk) (int, error) {
	s, err := p.hold(ctx, c.at)
	if err != nil {
		return 0, err
	}
	if s.Swallow || p.closed.Load() {
		p.count(func(f *Flow) { f.Swallowed += int64(len(c.data)) })
		return len(c.data), nil
	}
	piece := c.data[:s.piece(len(c.data))]
	cut := false
	if left := s.CutAfter - p.since; s.CutAfter > 0 && left <= int64(len(piece)) {
		piece, cut = piece[:left], true
	}
	flipped := p.distort(piece, s.FlipEvery)
	n, err := p.dst.Write(piece)
	p.since += int64(n)
	p.count(func(f *Flow) {
		f.Forwarded += int64(n)
		f.Flipped += flipped
		f.Writes++
	})
	switch {
	case err != nil && p.closed.Load():
		// HalfClose came between the look at closed and the write.
		p.count(func(f *Flow) { f.Swallowed += int64(len(piece) - n) })
		return len(piece), nil
	case err != nil:
		return n, err
	case cut:
		return n, errCutAfter
	}
	p.next = later(p.next, time.Now()).Add(s.pace(n))
	return n, nil
}

// hold waits until bytes that came at a moment may go, and returns the faults
// that are then in force.
func (p *pipe) hold(ctx context.Context, at time.Time) (*setting, error) {
	for {
		s := p.faults()
		if s != p.setting {
			p.setting, p.since = s, 0
		}
		due := at.Add(s.Delay)
		if s.Limit > 0 {
			due = later(due, p.next)
		}
		var err error
		switch {
		case s.Stall:
			err = s.awaitChange(ctx)
		case time.Now().Before(due):
			err = s.await(ctx, due)
		default:
			return s, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
}

// distort flips bits in place, and returns how many.
func (p *pipe) distort(piece []byte, every int64) (flipped int64) {
	for i := range piece {
		p.written++
		if every > 0 && p.written%every == 0 {
			piece[i] ^= 1
			flipped++
		}
	}
	return flipped
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
