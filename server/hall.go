package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

// A Hall is a great hall: it takes clients in, runs their commands and sends
// them events. All its methods may be called from any goroutine, also inside of
// handlers, Close and Drain excepted.
type Hall struct {
	cfg      Config
	token    wire.Token
	doors    []*entrance
	replay   []*topics.Pattern
	names    namer
	routes   routes
	commands commands
	queue    activities
	gate     gate
	counts   counters
	drained  drained
	hordes   hordes
	streams  streams

	ctx      context.Context // of all that runs; its cause is ErrStopping
	cancel   context.CancelCauseFunc
	wg       sync.WaitGroup // doors, connections, heartbeats
	limits   limits         // their time limits
	busy     busy           // the handlers that run
	workers  workers        // the goroutines that they run on
	closing  sync.Once
	closed   chan struct{} // closed when Close has come to its end
	closeErr error
}

// Listen opens a hall. ctx bounds Listen only: the hall lives until Close. The
// error says which address cannot be used, why, and what to do.
func Listen(ctx context.Context, cfg Config) (*Hall, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("server: listen: %w", context.Cause(ctx))
	}
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	h := &Hall{cfg: cfg, token: wire.NewToken(), closed: make(chan struct{})}
	for _, pattern := range cfg.Replay {
		h.replay = append(h.replay, topics.MustCompile(pattern)) // checked above
	}
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	h.routes.init()
	h.limits.init(cfg.Timeout)
	h.queue.init(h.start)
	h.streams.init(h)
	h.commands.init(h)
	h.gate.open = !cfg.Hold
	for _, address := range cfg.Listen {
		e, err := cfg.open(address, h.socketRefused)
		if err != nil {
			for _, e := range h.doors {
				e.Close()
			}
			h.cancel(ErrClosed)
			return nil, err
		}
		h.doors = append(h.doors, e)
	}
	for _, e := range h.doors {
		h.wg.Go(func() { h.accept(e) })
	}
	h.wg.Go(h.beat)
	cfg.Logger.Info("great hall", "listens", h.URLs())
	return h, nil
}

func (h *Hall) socketRefused(remote string, reason error) {
	h.counts.refuse(socketReason(reason))
	h.cfg.Logger.Info("socket refused", "remote", remote, "reason", reason)
}

// URL is the address for clients, of the first place where the hall listens.
func (h *Hall) URL() string { return h.doors[0].url }

// URLs are the addresses for clients, in the order of Config.Listen.
func (h *Hall) URLs() []string {
	list := make([]string, len(h.doors))
	for i, e := range h.doors {
		list[i] = e.url
	}
	return list
}

// Addr is the address of the first commander, e.g. "127.0.0.1:35400".
func (h *Hall) Addr() string { return h.doors[0].addr }

// Ports are the ports of the first place where the hall listens with sockets,
// 0 when there is none.
func (h *Hall) Ports() (commander, notifier int) {
	for _, e := range h.doors {
		if e.online {
			return e.motd[0], e.motd[1]
		}
	}
	return 0, 0
}

// Token is the token of the hall, another one for each hall (protocol §1).
func (h *Hall) Token() wire.Token { return h.token }

// Name is Config.Name.
func (h *Hall) Name() string { return h.cfg.Name }

// Done is closed when the hall has ended.
func (h *Hall) Done() <-chan struct{} { return h.closed }

// accept takes clients in until the door is closed.
func (h *Hall) accept(e *entrance) {
	for {
		link, err := e.Accept(h.ctx)
		if err != nil {
			if h.ctx.Err() == nil && !errors.Is(err, io.EOF) {
				h.cfg.Logger.Error("accept", "address", e.addr, "error", err)
			}
			return
		}
		p := newPeer(h, link)
		if !h.routes.admit(p, h.cfg.Limits.Connections) {
			h.counts.refuse(TooManySessions)
			p.end(Crowded, fmt.Errorf("the hall has %d connections", h.cfg.Limits.Connections))
			link.Close()
			continue
		}
		h.counts.accepted.Add(1)
		h.wg.Go(p.serve)
	}
}

// beat sends heartbeats and forgets sessions whose clients do not come back.
func (h *Hall) beat() {
	ticker := time.NewTicker(h.cfg.Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			for _, p := range h.routes.links() {
				p.heartbeat()
			}
			h.namesFreed(h.routes.expire(now.Add(-h.cfg.SessionTTL)))
		case <-h.ctx.Done():
			return
		}
	}
}

// A StuckError says which handlers did not return when the hall closed. They
// run on, and what they return is lost.
type StuckError struct{ Commands []string }

func (e *StuckError) Error() string {
	return fmt.Sprintf("server: close: the handlers of %s have not returned: a handler must return when its context ends",
		strings.Join(e.Commands, ", "))
}

// Close ends the hall: it says greathall::shutdown, and gameover when
// Config.GameOver is set, ends the contexts of all handlers, waits for them, and
// cuts all connections. Commands in flight are answered by an error; use Drain
// before to let them end. It may be called repeatedly; not by a handler.
func (h *Hall) Close() error {
	h.closing.Do(func() {
		h.closeErr = h.close()
		close(h.closed)
	})
	<-h.closed
	return h.closeErr
}

func (h *Hall) close() error {
	h.drained.begin()
	h.hordes.leave()
	h.cancel(ErrStopping) // doors, heartbeats, handlers
	h.abortAll()
	err := h.awaitHandlers()
	h.farewell()
	for _, e := range h.doors {
		e.Close()
	}
	for _, p := range h.routes.links() {
		p.end(Closing, ErrClosed)
	}
	h.wg.Wait()
	h.workers.close()
	h.limits.stop()
	h.commands.stop()
	return err
}

// awaitHandlers waits for handlers, whose contexts have ended.
func (h *Hall) awaitHandlers() error {
	ctx, cancel := context.WithTimeout(context.Background(), h.cfg.CloseTimeout)
	defer cancel()
	if h.busy.wait(ctx) {
		return nil
	}
	return &StuckError{h.busy.names()}
}

// farewell says that the hall ends, and lets it be written.
func (h *Hall) farewell() {
	links := h.routes.links()
	for _, p := range links {
		if p.session.Load() == nil {
			continue
		}
		p.send(h.event("greathall::shutdown", nil))
		if h.cfg.GameOver {
			p.send(gameOver(h.token))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	for _, p := range links {
		p.flush(ctx)
	}
	if h.cfg.GameOver {
		awaitLeaving(links)
	}
}

// awaitLeaving waits for the clients that have been told to leave for good. A
// client of the reference takes nothing any more that it has not inflated when
// its sockets end: one that is busy just now would miss what it was told, and
// come back for ever.
func awaitLeaving(links []*peer) {
	limit := time.NewTimer(leaveTime)
	defer limit.Stop()
	for _, p := range links {
		if p.session.Load() == nil {
			continue
		}
		select {
		case <-p.gone:
		case <-limit.C:
			return
		}
	}
}

// leaveTime is how long clients that are told gameover may take to leave.
const leaveTime = 2 * time.Second

// flushTime is how long a hall that ends lets its last words be written.
const flushTime = time.Second

// gameOver is the message that makes clients of the reference stop for good. It
// has no topic, no orc name and no isNested there (protocol §4.8).
func gameOver(token wire.Token) *wire.Message {
	return &wire.Message{Topic: wire.TopicGameOver, Token: token, ID: wire.NewID(), Data: []byte("{}")}
}
