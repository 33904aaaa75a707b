package server

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// A session is one client as the hall addresses it: who owns names and lines
// and receives events. That of a plain client lives as long as its connection,
// that of a client of xbus for a while longer.
type session struct {
	id       string // a secret that the client knows; "" for a plain client
	numbered bool

	mu      sync.Mutex
	peer    *peer  // nil while the client is away
	seq     uint64 // number of the last event for it
	attempt uint64 // of the autoconnect that was answered last
	kept    kept   // for when it is back
	lost    Reason // why it was cut last
	gone    time.Time
	leaving bool // the client has said goodbye: it will not come back
	closed  bool // it is over

	// Guarded by routes.mu.
	joined bool // it is among those that get events
	names  map[string]struct{}
	first  string                    // the name that autoconnect gave first
	lines  map[string]map[string]int // line → orc name → count
}

// keeping says whether an event is kept for a client of xbus.
type keeping uint8

const (
	keepNever  keeping = iota
	keepAway           // while the client is away
	keepAlways         // also before: what was sent may not have arrived
)

// deliver gives the session one event and reports whether it is on its way or
// kept. It never waits. It writes the number of the event for this session into
// m, which is nobody else's.
func (s *session) deliver(m *wire.Message, keep keeping) bool {
	return s.pass(m, keep, (*peer).send)
}

// give is deliver for an event that is not kept, whose chunk was made by
// wire.NewChunk and is given away with it.
func (s *session) give(m *wire.Message) bool { return s.pass(m, keepNever, (*peer).give) }

func (s *session) pass(m *wire.Message, keep keeping, send func(*peer, *wire.Message) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	m.Seq = 0
	if s.numbered && !isNotice(m.Topic) {
		s.seq++
		m.Seq = s.seq
	}
	sent := s.peer != nil && send(s.peer, m)
	kept := m.Seq != 0 && (keep == keepAlways || keep == keepAway && !sent)
	if kept {
		s.kept.add(new(*m))
	}
	return sent || kept
}

// isNotice reports whether an event is one that the connection of a client keeps
// for itself. Such have no number and are not kept: no subscription misses them,
// and who comes back learns all they say.
func isNotice(topic string) bool {
	if !strings.HasPrefix(topic, "greathall::bus.") {
		return false
	}
	switch topic {
	case "greathall::bus.commands.registry", "greathall::bus.token.changed", "greathall::bus.orcname.changed", "greathall::bus.reconnect":
		return true
	}
	return false
}

// routes knows who owns which name and who listens to which line (protocol
// §2.9, §6.5).
type routes struct {
	all atomic.Pointer[[]*session] // who gets events for everybody; it grows behind what its readers see

	mu       sync.RWMutex
	peers    map[*peer]struct{}
	owners   map[string]*session
	lines    map[string]map[*session]struct{}
	sessions map[string]*session // by id
}

func (t *routes) init() {
	t.peers = make(map[*peer]struct{})
	t.owners = make(map[string]*session)
	t.lines = make(map[string]map[*session]struct{})
	t.sessions = make(map[string]*session)
	t.all.Store(new([]*session))
}

// admit takes a new connection, unless there are limit already.
func (t *routes) admit(p *peer, limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.peers) >= limit {
		return false
	}
	t.peers[p] = struct{}{}
	return true
}

// links returns all connections.
func (t *routes) links() []*peer {
	t.mu.RLock()
	defer t.mu.RUnlock()
	list := make([]*peer, 0, len(t.peers))
	for p := range t.peers {
		list = append(list, p)
	}
	return list
}

// connections is how many there are.
func (t *routes) connections() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.peers)
}

func (t *routes) count() (connections, bound, sessions int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for p := range t.peers {
		if p.session.Load() != nil {
			bound++
		}
	}
	return len(t.peers), bound, len(t.sessions)
}

// join makes a session one of those that get events.
func (t *routes) join(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.id != "" {
		t.sessions[s.id] = s
	}
	if s.joined {
		return
	}
	s.joined = true
	if s.names == nil {
		s.names, s.lines = make(map[string]struct{}), make(map[string]map[string]int)
	}
	list := append(*t.all.Load(), s)
	t.all.Store(&list)
}

// byID returns the session with a secret id.
func (t *routes) byID(id string) *session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.sessions[id]
}

// claim makes a name the session's own unless it is somebody else's.
func (t *routes) claim(name string, s *session, limit int) Reason {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch owner := t.owners[name]; {
	case owner == s:
		return ""
	case owner != nil:
		return NameTaken
	case len(s.names) >= limit:
		return TooManyNames
	}
	t.owners[name] = s
	s.names[name] = struct{}{}
	if s.first == "" {
		s.first = name
	}
	return ""
}

// release gives a name of the session free.
func (t *routes) release(name string, s *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.owners[name] != s {
		return false
	}
	delete(t.owners, name)
	delete(s.names, name)
	for line, orcs := range s.lines {
		if delete(orcs, name); len(orcs) == 0 {
			t.unlisten(line, s)
		}
	}
	return true
}

func (t *routes) owner(name string) *session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.owners[name]
}

// leave ends a connection: a plain client takes its names along, which are
// returned.
func (t *routes) leave(p *peer) (gone []string) {
	t.mu.Lock()
	delete(t.peers, p)
	t.mu.Unlock()
	s := p.session.Load()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	if s.peer != p { // it has come back by another connection
		s.mu.Unlock()
		return nil
	}
	s.peer, s.gone, s.lost = nil, time.Now(), p.cutReason()
	closed := s.id == "" || s.leaving
	s.closed = closed
	s.mu.Unlock()
	if closed {
		return t.forget(s)
	}
	return nil
}

// forget takes sessions out of all tables and returns their names.
func (t *routes) forget(sessions ...*session) (names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range sessions {
		for name := range s.names {
			delete(t.owners, name)
			names = append(names, name)
		}
		clear(s.names)
		for line := range s.lines {
			t.unlisten(line, s)
		}
		if s.id != "" {
			delete(t.sessions, s.id)
		}
		s.joined = false
	}
	if len(sessions) > 0 {
		list := slices.DeleteFunc(slices.Clone(*t.all.Load()), func(s *session) bool { return !s.joined })
		t.all.Store(&list)
	}
	return names
}

// expire forgets the sessions of clients that went before a moment, and returns
// their names.
func (t *routes) expire(before time.Time) (names []string) {
	var expired []*session
	for _, s := range t.away() {
		s.mu.Lock()
		over := s.peer == nil && s.gone.Before(before)
		s.closed = s.closed || over
		s.mu.Unlock()
		if over {
			expired = append(expired, s)
		}
	}
	return t.forget(expired...)
}

// limitAway forgets the longest gone beyond a number of sessions, and returns
// their names and number. Where there are many, it makes room for some more, so that not
// every client that comes in has to look through all of them.
func (t *routes) limitAway(limit int) (names []string, sessions int) {
	type absent struct {
		s    *session
		gone time.Time
	}
	if !t.crowded(limit) {
		return nil, 0
	}
	var list []absent
	for _, s := range t.away() {
		s.mu.Lock()
		if s.peer == nil {
			list = append(list, absent{s, s.gone})
		}
		s.mu.Unlock()
	}
	if len(list) <= limit {
		return nil, 0
	}
	slices.SortFunc(list, func(a, b absent) int { return a.gone.Compare(b.gone) })
	var longest []*session
	for _, a := range list[:len(list)-limit+limit/8] {
		a.s.mu.Lock()
		over := a.s.peer == nil
		a.s.closed = over
		a.s.mu.Unlock()
		if over {
			longest = append(longest, a.s)
		}
	}
	return t.forget(longest...), len(longest)
}

// crowded tells that more than limit sessions may be without a connection.
func (t *routes) crowded(limit int) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.sessions) > limit
}

// away returns the sessions that may be without a connection.
func (t *routes) away() []*session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	list := make([]*session, 0, len(t.sessions))
	for _, s := range t.sessions {
		list = append(list, s)
	}
	return list
}

func (t *routes) firstName(s *session) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return s.first
}
