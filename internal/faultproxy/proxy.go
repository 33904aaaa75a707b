package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a proxy is made with; the zero value is fine.
type Config struct {
	// Addr is the address to listen on: "127.0.0.1:0" when it is empty.
	Addr string
	// KeepPorts connects to the target from the port that the client has, at
	// 127.0.0.2. It needs a target on the loopback, and Linux, where all of
	// 127.0.0.0/8 is there.
	KeepPorts bool
}

// An Admission is what becomes of new connections.
type Admission int

const (
	// Forward connects them to the target.
	Forward Admission = iota
	// Refuse closes the listening socket: the system refuses them. The port
	// stays reserved for the proxy (on Linux, else it may get lost).
	Refuse
	// BlackHole accepts them and leaves them alone: nothing is read nor
	// written, until they are cut.
	BlackHole
)

// How a connection is ended.
type End int

const (
	// Close ends the streams in good order: both sides read what was already
	// forwarded, and then the end of the stream.
	Close End = iota
	// Reset ends the connection abruptly: both sides get an error.
	Reset
)

// A Proxy forwards connections to a target. Its methods may be called from any
// goroutine.
type Proxy struct {
	config   Config
	addr     *net.TCPAddr // also while nobody listens
	target   atomic.Pointer[string]
	faults   [2]atomic.Pointer[setting]
	counters counters

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // all goroutines of the proxy
	free   func()         // gives the reserved port back, once

	mu        sync.Mutex // guards what follows, and Add of tasks against Close
	closed    bool
	admission Admission
	listener  *net.TCPListener // nil while refusing
	sessions  map[*session]struct{}
}

// Listen starts a proxy in front of target, a "host:port". End it with Close.
func Listen(target string, config Config) (*Proxy, error) {
	if config.Addr == "" {
		config.Addr = "127.0.0.1:0"
	}
	listener, free, err := listen(config.Addr)
	if err != nil {
		return nil, fmt.Errorf("faultproxy: listen: %w", err)
	}
	p := &Proxy{
		config:   config,
		addr:     listener.Addr().(*net.TCPAddr),
		free:     free,
		listener: listener,
		sessions: map[*session]struct{}{},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.Retarget(target)
	p.Set(Up, Faults{})
	p.Set(Down, Faults{})
	p.tasks.Go(func() { p.accept(listener) })
	return p, nil
}

// listen reserves the port first: that is impossible while somebody listens.
func listen(address string) (*net.TCPListener, func(), error) {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	addr, free, err := reserve(addr)
	if err != nil {
		return nil, nil, err
	}
	listener, err := net.ListenTCP("tcp", addr)
	if err != nil {
		free()
		return nil, nil, err
	}
	return listener, free, nil
}

// Addr is the address of the proxy, e.g. "127.0.0.1:41234". It stays the same
// for the life of the proxy.
func (p *Proxy) Addr() string { return p.addr.String() }

// Port is the port of the proxy.
func (p *Proxy) Port() int { return p.addr.Port }

// Retarget changes where later connections go.
func (p *Proxy) Retarget(target string) { p.target.Store(&target) }

// Set replaces the faults of one direction. It panics when a number is negative.
func (p *Proxy) Set(d Direction, f Faults) {
	f.check()
	before := p.faults[d].Swap(&setting{Faults: f, changed: make(chan struct{})})
	if before != nil {
		close(before.changed)
	}
}

// Admit says what becomes of new connections. It fails when the port cannot be
// had again after Refuse, or when the proxy is closed.
func (p *Proxy) Admit(a Admission) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("faultproxy: admit: %w", net.ErrClosed)
	}
	if a == Refuse {
		p.stopListening()
		return nil
	}
	if p.listener == nil {
		listener, err := net.ListenTCP("tcp", p.addr)
		if err != nil {
			return fmt.Errorf("faultproxy: admit: %w", err)
		}
		p.listener = listener
		p.tasks.Go(func() { p.accept(listener) })
	}
	p.admission = a
	return nil
}

func (p *Proxy) stopListening() {
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
}

// Cut ends all connections.
func (p *Proxy) Cut(how End) {
	for _, s := range p.open() {
		s.cut(how)
	}
}

// HalfClose ends one direction of all connections: its receiver reads the end
// of the stream, and what its sender still sends is swallowed.
func (p *Proxy) HalfClose(d Direction) {
	for _, s := range p.open() {
		s.halfClose(d)
	}
}

func (p *Proxy) open() []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*session, 0, len(p.sessions))
	for s := range p.sessions {
		all = append(all, s)
	}
	return all
}

// Close resets all connections, stops listening and waits until every goroutine
// of the proxy has ended. It may be called again.
func (p *Proxy) Close() error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.stopListening()
	p.mu.Unlock()

	p.Cut(Reset)
	p.cancel()
	p.tasks.Wait()
	if first {
		p.free()
	}
	return nil
}

// accept runs until its listener is closed.
func (p *Proxy) accept(listener *net.TCPListener) {
	for {
		conn, err := listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, for instance
			select {
			case <-time.After(10 * time.Millisecond):
			case <-p.ctx.Done():
			}
			continue
		}
		p.admit(conn)
	}
}

// admit opens a session; those that come while the proxy closes are reset.
func (p *Proxy) admit(client *net.TCPConn) {
	s := &session{proxy: p, client: client}
	s.ctx, s.cancel = context.WithCancel(p.ctx)

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		s.end(Reset)
		return
	}
	p.sessions[s] = struct{}{}
	blackHole := p.admission == BlackHole
	p.counters.update(func(st *Stats) {
		st.Accepted++
		st.Open++
		if blackHole {
			st.BlackHoled++
		}
	})
	p.tasks.Go(func() {
		defer p.forget(s)
		if blackHole {
			<-s.ctx.Done()
		} else {
			s.run()
		}
		s.finish()
	})
}

func (p *Proxy) forget(s *session) {
	p.mu.Lock()
	delete(p.sessions, s)
	p.mu.Unlock()
	p.counters.update(func(st *Stats) { st.Open-- })
}

// dial connects to the target on behalf of a client.
func (p *Proxy) dial(ctx context.Context, client net.Addr) (*net.TCPConn, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if p.config.KeepPorts {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2), Port: client.(*net.TCPAddr).Port}
	}
	conn, err := dialer.DialContext(ctx, "tcp", *p.target.Load())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}
