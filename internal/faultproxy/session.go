package faultproxy

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// closeWait is how long the sides have to end a connection that is closed in
// good order.
const closeWait = 2 * time.Second

// A session is one connection of a client and the one to the target behind it.
type session struct {
	proxy  *Proxy
	ctx    context.Context // ends when the forwarding has to stop
	cancel context.CancelFunc
	client *net.TCPConn

	mu     sync.Mutex
	ended  bool
	how    End
	target *net.TCPConn // nil before it is reached
	pipes  [2]*pipe     // nil before
}

// run forwards until both directions are over; finish comes next.
func (s *session) run() {
	target, err := s.proxy.dial(s.ctx, s.client.RemoteAddr())
	if err != nil {
		s.proxy.counters.update(func(st *Stats) { st.Unreachable++ })
		s.end(Reset)
		return
	}
	up := newPipe(s, Up, s.client, target)
	down := newPipe(s, Down, target, s.client)
	if !s.attach(target, up, down) {
		s.endTarget(target)
		return
	}
	var directions sync.WaitGroup
	directions.Go(up.run)
	directions.Go(down.run)
	directions.Wait()
}

// attach fails when the session was ended meanwhile.
func (s *session) attach(target *net.TCPConn, up, down *pipe) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.target = target
	s.pipes = [2]*pipe{Up: up, Down: down}
	return true
}

// endTarget ends a connection that was reached too late for the session, in the
// way in which that has ended.
func (s *session) endTarget(target *net.TCPConn) {
	s.mu.Lock()
	gently := s.how == Close
	s.mu.Unlock()
	if gently {
		target.Close() // nothing was read of it, and nothing waits to be
		return
	}
	reset(target)
}

// end stops the forwarding, unless that was done before: what the pipes meet
// after a cut must not change how it goes on.
func (s *session) end(how End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.stop(how)
	}
}

// cut is end by order of the user: a reset also ends a session that is being
// closed in good order.
func (s *session) cut(how End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended || how == Reset && s.how == Close {
		s.stop(how)
	}
}

// stop is for those who hold the lock.
func (s *session) stop(how End) {
	s.ended, s.how = true, how
	for _, conn := range s.conns() {
		if how == Reset {
			reset(conn)
			continue
		}
		// The end of the stream for both sides; finish does the rest once
		// the pipes, which wait for nothing any more, have stopped.
		conn.CloseWrite()
		conn.SetDeadline(time.Now())
	}
	s.cancel()
}

// conns is for those who hold the lock.
func (s *session) conns() []*net.TCPConn {
	if s.target == nil {
		return []*net.TCPConn{s.client}
	}
	return []*net.TCPConn{s.client, s.target}
}

// finish closes both connections after the forwarding has stopped. The system
// would reset one that is closed while unread bytes wait, and its other side
// could lose what it has not read yet: they are read first.
func (s *session) finish() {
	s.mu.Lock()
	s.cancel()
	gently := s.ended && s.how == Close
	conns := s.conns()
	s.mu.Unlock()

	if gently {
		deadline := time.Now().Add(closeWait)
		var sides sync.WaitGroup
		for _, conn := range conns {
			sides.Go(func() {
				conn.SetReadDeadline(deadline)
				io.Copy(io.Discard, conn)
			})
		}
		sides.Wait()
	}
	for _, conn := range conns {
		conn.Close()
	}
}

func (s *session) halfClose(d Direction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.pipes[d]; p != nil && !s.ended {
		p.closed.Store(true)
		p.dst.CloseWrite()
	}
}

// reset closes a connection so that its peer gets an error.
func reset(conn *net.TCPConn) {
	conn.SetLinger(0)
	conn.Close()
}
