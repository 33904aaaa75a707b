package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// CodeHordeLost is the code of the error for a command that was on its way to a
// horde when the connection was lost.
const CodeHordeLost = "HORDE_LOST"

// HordeConfig says which great hall to join, and how.
type HordeConfig struct {
	// Name is the routing key of the other hall (its appId).
	Name string
	// Transport reaches it, e.g. that of axon.New.
	Transport conn.Transport
	// Passive takes only commands with _xcraftRPC to it, and brings back only
	// answers, streams, and events whose data has that flag too (protocol §8).
	Passive bool
	// NoForwarding keeps its events to itself; commands still go there, and their
	// answers and streams come back.
	NoForwarding bool
	// Nice is the priority that is announced.
	Nice int
	// OptimistLag keeps the connection however silent the other hall is.
	OptimistLag bool
	// Backoff makes the waits between attempts, default that of conn.
	Backoff func() conn.Backoff
}

// A Horde is a connection of this hall to another one (protocol §8). Commands of
// the other hall are commands of this one, unless this one has them itself; its
// events are sent to the clients of this hall. It comes back by itself when it
// is lost.
type Horde struct {
	cfg  HordeConfig
	hall *Hall
	conn *conn.Conn

	cancel context.CancelCauseFunc
	run    sync.WaitGroup

	mu    sync.Mutex
	calls map[string]*forwarded // by the id of the message
	orcs  map[string]struct{}   // names that have a route there
	token wire.Token
}

// A forwarded command waits for its answer from the other hall.
type forwarded struct {
	done   chan struct{}
	result parts
	err    error
}

// hordes are the connections of this hall to others.
type hordes struct {
	mu   sync.Mutex
	list []*Horde
}

// Join connects the hall to another great hall and waits until it is connected.
// Several can be joined. The error wraps a reason of package conn.
func (h *Hall) Join(ctx context.Context, cfg HordeConfig) (*Horde, error) {
	if cfg.Name == "" || cfg.Transport == nil {
		return nil, errors.New("server: join: HordeConfig needs Name, the routing key of the other hall, and Transport, the way to it")
	}
	hd := &Horde{cfg: cfg, hall: h, calls: make(map[string]*forwarded), orcs: make(map[string]struct{})}
	var err error
	hd.conn, err = conn.New(conn.Config{
		Transport: cfg.Transport, Backoff: cfg.Backoff, Nice: cfg.Nice, NoForwarding: cfg.NoForwarding,
		NodeName: h.cfg.Name, OptimistLag: cfg.OptimistLag, GameOver: conn.ComeBack, Logger: h.cfg.Logger,
		OnMessage: hd.event, OnAttach: hd.attached, OnDetach: hd.detached, OnRegistry: hd.registry,
	})
	if err != nil {
		return nil, fmt.Errorf("server: join %q: %w", cfg.Name, err)
	}
	live, cancel := context.WithCancelCause(h.ctx)
	hd.cancel = cancel
	if err := h.hordes.add(hd); err != nil {
		cancel(conn.ErrClosed)
		return nil, fmt.Errorf("server: join %q: %w", cfg.Name, err)
	}
	hd.run.Go(func() { _ = hd.conn.Run(live) }) // its state tells how it ended
	if err := hd.ready(ctx); err != nil {
		hd.Leave()
		return nil, fmt.Errorf("server: join %q: %w", cfg.Name, err)
	}
	return hd, nil
}

func (hd *Horde) ready(ctx context.Context) error {
	s, err := hd.conn.State().Wait(ctx, func(s conn.State) bool { return s.Usable() || s.Phase == conn.Closed })
	switch {
	case err != nil:
		return err
	case s.Phase == conn.Closed:
		return errors.Join(conn.ErrClosed, s.Err)
	}
	return nil
}

func (l *hordes) add(hd *Horde) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, other := range l.list {
		if other.cfg.Name == hd.cfg.Name {
			return fmt.Errorf("it is joined already: leave it first")
		}
	}
	l.list = append(l.list, hd)
	return nil
}

func (l *hordes) all() []*Horde {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Horde(nil), l.list...)
}

// leave ends all connections to others.
func (l *hordes) leave() {
	for _, hd := range l.all() {
		hd.Leave()
	}
}

// orcLeft tells the hordes that an orc has gone (protocol §2.9).
func (l *hordes) orcLeft(name string) {
	for _, hd := range l.all() {
		hd.forgetOrc(name)
	}
}

// Name is the routing key of the other hall.
func (hd *Horde) Name() string { return hd.cfg.Name }

// State is where the connection stands.
func (hd *Horde) State() conn.State { return hd.conn.State().Load() }

// Leave ends the connection. The commands of the other hall are no commands of
// this one any more; those on their way are answered by an error.
func (hd *Horde) Leave() {
	hd.cancel(conn.ErrClosed)
	hd.run.Wait()
	l := &hd.hall.hordes
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, other := range l.list {
		if other == hd {
			l.list = append(l.list[:i:i], l.list[i+1:]...)
			hd.hall.commands.setHorde(hd, nil)
			return
		}
	}
}

// registry takes the commands of the other hall over.
func (hd *Horde) registry(r conn.Registry) {
	var entries map[string]map[string]json.RawMessage
	if err := json.Unmarshal(r.JSON, &entries); err != nil {
		hd.hall.cfg.Logger.Warn("registry of a horde", "horde", hd.cfg.Name, "error", err)
		return
	}
	list := make(map[string]*command, len(entries))
	for name, entry := range entries {
		if entry["activity"] == nil && entry["registrar"] == nil { // built into the other hall
			continue
		}
		delete(entry, "location")
		raw, err := json.Marshal(entry)
		if err != nil || checkName(name) != nil {
			continue
		}
		list[name] = &command{name: name, handler: hd.forward, entry: raw, parallel: string(entry["parallel"]) == "true", horde: hd}
	}
	hd.hall.commands.setHorde(hd, list)
}

// forward runs a command in the other hall (protocol §8).
func (hd *Horde) forward(ctx context.Context, r *Request) (any, error) {
	m := &wire.Message{
		Topic: r.Message.Topic, OrcName: r.OrcName, ID: r.Message.ID, Nested: true,
		Stream: r.Message.Stream,
		Rare:   &wire.Rare{Route: appendRoute(r.Message.Route(), hd.hall.cfg.Name)},
	}
	m.SetPayload(withoutRPC(r.Message.Data), r.Message.Immu(), r.Message.Shred(), r.Message.Chunk)
	m.SetContext(r.Message.Context())
	call := &forwarded{done: make(chan struct{})}
	hd.mu.Lock()
	hd.calls[m.ID] = call
	hd.orcs[r.OrcName] = struct{}{}
	hd.mu.Unlock()
	defer func() {
		hd.mu.Lock()
		delete(hd.calls, m.ID)
		hd.mu.Unlock()
	}()
	if _, err := hd.conn.Send(ctx, m); err != nil {
		return nil, Errorf(CodeHordeLost, "the horde %s is not connected: %w", hd.cfg.Name, err)
	}
	select {
	case <-call.done:
		return call.result, call.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// event takes an event of the other hall. It runs on the reader of the
// connection.
func (hd *Horde) event(m *wire.Message) {
	answer := strings.HasSuffix(m.Topic, ".finished") || strings.HasSuffix(m.Topic, ".error")
	if answer && hd.settle(m) {
		return
	}
	if !hd.passes(m, answer) {
		return
	}
	e := m.Edit()
	e.Token, e.Seq = hd.hall.token, 0
	rare := e.MakeRare()
	rare.Horde, rare.Forwarding, rare.Route = hd.cfg.Name, nil, nil
	hd.hall.route(e)
}

// passes decides which events of the other hall are for the clients of this
// one. What has come by a horde before is not sent on, so that no event goes
// round in circles.
func (hd *Horde) passes(m *wire.Message, answer bool) bool {
	switch {
	case m.Bare || m.Horde() != "" || strings.HasPrefix(m.Topic, wire.GreatHall+"::"):
		return false
	case strings.HasSuffix(m.Topic, ".activity"), strings.HasSuffix(m.Topic, "::autoconnect.finished"):
		return false // what a Node hall tells everybody although it concerns nobody
	case answer, strings.HasSuffix(m.Topic, ".orcished"):
		return true // to one orc, which has asked
	case hd.cfg.NoForwarding:
		return false
	}
	return !hd.cfg.Passive || isRPC(m.Data)
}

// streams reports whether a command is about a stream of the other hall, which it
// names itself (protocol §7.5): to who reads one, that hall is open.
func (hd *Horde) streams(command string) bool {
	rest, ok := strings.CutPrefix(command, "transport."+hd.cfg.Name)
	return ok && strings.HasPrefix(rest, ".")
}

// settle gives the answer of a forwarded command to who waits for it.
func (hd *Horde) settle(m *wire.Message) bool {
	hd.mu.Lock()
	defer hd.mu.Unlock()
	rest := m.Topic[:strings.LastIndexByte(m.Topic, '.')]
	id := rest[strings.LastIndexByte(rest, '.')+1:]
	call := hd.calls[id]
	if call == nil {
		return false
	}
	delete(hd.calls, id)
	call.result = partsOf(m)
	if m.IsError {
		call.err = &passedError{m.Data}
	}
	close(call.done)
	return true
}

// attached tells the clients that the horde is back (protocol §4.6).
func (hd *Horde) attached(s conn.Session) {
	hd.mu.Lock()
	restarted := hd.token != "" && hd.token != s.Identity.Token
	hd.token = s.Identity.Token
	hd.mu.Unlock()
	if s.Epoch == 1 {
		return
	}
	if restarted {
		hd.notify("greathall::bus.token.changed", map[string]any{"busConfig": map[string]string{"appId": hd.cfg.Name}})
	}
	hd.notify("greathall::bus.reconnect", map[string]string{"status": "done"})
}

// detached ends what was on its way.
func (hd *Horde) detached(_ conn.Session, err error) {
	hd.mu.Lock()
	calls := hd.calls
	hd.calls = make(map[string]*forwarded)
	clear(hd.orcs)
	hd.mu.Unlock()
	for _, call := range calls {
		call.err = Errorf(CodeHordeLost, "the horde %s was lost: %w", hd.cfg.Name, err)
		close(call.done)
	}
	hd.notify("greathall::bus.reconnect", map[string]string{"status": "attempt"})
}

func (hd *Horde) notify(topic string, data any) {
	raw, _ := json.Marshal(data)
	hd.hall.route(hd.hall.event(topic, raw))
}

func (hd *Horde) forgetOrc(name string) {
	hd.mu.Lock()
	_, known := hd.orcs[name]
	delete(hd.orcs, name)
	hd.mu.Unlock()
	if known {
		_, _ = hd.conn.Send(now, &wire.Message{Topic: wire.TopicDeleteRoute, Bare: true,
			Rare: &wire.Rare{Extra: wire.AppendString([]byte(`"orcName":`), name)}}) // without a session there is no route either
	}
}
