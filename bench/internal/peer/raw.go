package peer

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
)

// rawPeer is the practical limit of what goes through a socket on this machine:
// frames with a length and a number, one write for all that is queued, no more.
func rawPeer() Peer {
	return Peer{
		Name: "raw",
		Calls: func(context.Context) (Caller, error) {
			r := new(rawCaller)
			return begin(r, r.start)
		},
		Events: func(_ context.Context, c EventConfig) (Publisher, error) {
			r := &rawEvents{gate: newGate(c), frame: appendFrame(nil, 0, Object(c.Size))}
			return begin(r, func() error { return r.start(c) })
		},
	}
}

// A frame is its length, the number of its slot, and data.
const frameHead = 8

func appendFrame(b []byte, slot int, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	b = binary.BigEndian.AppendUint32(b, uint32(slot))
	return append(b, data...)
}

// readFrame reads a frame into what place returns for its slot and length.
func readFrame(r *bufio.Reader, place func(slot, length int) []byte) error {
	head, err := r.Peek(frameHead)
	if err != nil {
		return err
	}
	length, slot := binary.BigEndian.Uint32(head), binary.BigEndian.Uint32(head[4:])
	r.Discard(frameHead)
	_, err = io.ReadFull(r, place(int(slot), int(length)))
	return err
}

// tcpPair is a connection of this process with itself.
func tcpPair(c *closing) (near, far net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	c.thenQuietly(func() { near.Close() })
	if far, err = l.Accept(); err == nil {
		c.thenQuietly(func() { far.Close() })
	}
	return near, far, err
}

const rawBuffer = 64 << 10

// A rawCaller has a slot for each goroutine that calls.
type rawCaller struct {
	closing
	near, far net.Conn

	mu      sync.Mutex
	queued  []byte
	spare   []byte
	writing bool

	slots []*slot // of a run; set while no call is in flight
}

type slot struct {
	answer []byte
	ready  chan error
}

// newSlots makes a place for each goroutine to wait for its answer.
func newSlots(n int) []*slot {
	list := make([]*slot, n)
	for i := range list {
		list[i] = &slot{ready: make(chan error, 1)}
	}
	return list
}

func (r *rawCaller) start() (err error) {
	if r.near, r.far, err = tcpPair(&r.closing); err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { echoFrames(r.far) })
	wg.Go(r.receive)
	r.thenWait(&wg)
	r.thenQuietly(func() { r.near.Close() })
	return nil
}

// echoFrames answers what has come so far in one write.
func echoFrames(c net.Conn) {
	in, out := bufio.NewReaderSize(c, rawBuffer), make([]byte, 0, 2*rawBuffer)
	for {
		err := readFrame(in, func(slot, length int) []byte {
			out = binary.BigEndian.AppendUint32(out, uint32(length))
			out = binary.BigEndian.AppendUint32(out, uint32(slot))
			out = append(out, make([]byte, length)...)
			return out[len(out)-length:]
		})
		if err != nil {
			return
		}
		if in.Buffered() < frameHead || len(out) >= rawBuffer {
			if _, err := c.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
	}
}

func (r *rawCaller) receive() {
	in := bufio.NewReaderSize(r.near, rawBuffer)
	for {
		var s *slot
		err := readFrame(in, func(number, length int) []byte {
			s = r.slots[number]
			if cap(s.answer) < length {
				s.answer = make([]byte, length)
			}
			s.answer = s.answer[:length]
			return s.answer
		})
		if err != nil {
			return // closed: no call is in flight
		}
		s.ready <- nil
	}
}

func (r *rawCaller) PIDs() []int { return nil }

func (r *rawCaller) Calls(ctx context.Context, n, inFlight int) error {
	r.mu.Lock()
	r.slots = newSlots(inFlight)
	r.mu.Unlock()
	return callMany(ctx, n, inFlight, func(ctx context.Context, worker int) error {
		if err := r.send(worker, inFlight > 1); err != nil {
			return err
		}
		select {
		case <-r.slots[worker].ready:
			return checkEcho(r.slots[worker].answer)
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", context.Cause(ctx))
		}
	})
}

// send queues a call. Who finds nobody writing writes what is queued, after the
// others had a moment to queue theirs.
func (r *rawCaller) send(slot int, others bool) error {
	r.mu.Lock()
	r.queued = appendFrame(r.queued, slot, callData)
	if r.writing {
		r.mu.Unlock()
		return nil
	}
	r.writing = true
	r.mu.Unlock()
	if others {
		runtime.Gosched()
	}
	for {
		r.mu.Lock()
		batch := r.queued
		if len(batch) == 0 {
			r.writing = false
			r.mu.Unlock()
			return nil
		}
		r.queued = r.spare[:0]
		r.mu.Unlock()
		if _, err := r.near.Write(batch); err != nil {
			return err
		}
		r.spare = batch
	}
}

// rawEvents is one publisher, one connection for each receiver.
type rawEvents struct {
	closing
	gate  *gate
	frame []byte
	batch []byte
	outs  []net.Conn
}

func (r *rawEvents) start(c EventConfig) error {
	var wg sync.WaitGroup
	r.thenWait(&wg)
	for i := range c.Receivers {
		near, far, err := tcpPair(&r.closing)
		if err != nil {
			return err
		}
		r.outs = append(r.outs, near)
		wg.Go(func() {
			buffer := make([]byte, c.Size+frameHead)
			for in := bufio.NewReaderSize(far, rawBuffer); ; r.gate.received(i) {
				if err := readFrame(in, func(_, length int) []byte { return buffer[:length] }); err != nil {
					return
				}
			}
		})
	}
	return nil
}

func (r *rawEvents) PIDs() []int { return nil }

func (r *rawEvents) Events(ctx context.Context, n int) error {
	return r.gate.publish(ctx, n, func() error {
		r.batch = append(r.batch, r.frame...)
		if len(r.batch) < rawBuffer {
			return nil
		}
		return r.flush()
	}, r.flush)
}

func (r *rawEvents) flush() error {
	for _, c := range r.outs {
		if _, err := c.Write(r.batch); err != nil {
			return err
		}
	}
	r.batch = r.batch[:0]
	return nil
}
