package halltest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// Side is one of the two sockets of a client.
type Side string

// The sides, by the names that they have in what a Hall saw.
const (
	Commander Side = "commander"
	Notifier  Side = "notifier"
)

// A Hall is a great hall that follows a script. All methods may be called from
// any goroutine.
type Hall struct {
	// Addr is where it is reached.
	Addr Addr

	tb      testing.TB
	backend backend
	ctx     context.Context // ends with the Hall
	cancel  context.CancelFunc
	wg      sync.WaitGroup // all goroutines

	mu       sync.Mutex
	script   Script
	down     bool
	peers    []*peer
	held     []*wire.Message // autoconnects without an answer
	saw      []string
	commands []*wire.Message
	accepted map[Side]int
	changed  chan struct{} // closed and replaced when something above changes
}

// An Addr is where a hall is reached: by name inside the process, by host and
// ports, or by the parts of the names of unix sockets.
type Addr struct {
	Name                string
	Host                string
	Commander, Notifier int
	Dir, ID             string
}

// A peer is one socket of a client, as the hall sees it.
type peer struct {
	side  Side
	write func(b []byte) error        // bytes as they are; nil over inproc
	send  func(m *wire.Message) error // nil for commanders
	close func()
}

// A Backend is the kind of sockets that a Hall has.
type Backend struct{ make func(testing.TB) backend }

type backend interface {
	addr() Addr
	open(h *Hall) error // takes clients in
	close()             // takes no more
}

// New opens a hall, which is closed at the end of the test.
func New(tb testing.TB, kind Backend, script Script) *Hall {
	tb.Helper()
	h := &Hall{tb: tb, backend: kind.make(tb), script: script.withDefaults(), accepted: make(map[Side]int), changed: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.Up()
	h.wg.Go(h.beat)
	tb.Cleanup(h.Close)
	return h
}

// Up takes clients in again, at the same address as before.
func (h *Hall) Up() {
	h.tb.Helper()
	h.mu.Lock()
	h.down = false
	h.mu.Unlock()
	if err := h.backend.open(h); err != nil {
		h.tb.Fatalf("halltest: %v", err)
	}
	h.Addr = h.backend.addr()
}

// Down stops listening and cuts all clients.
func (h *Hall) Down() {
	h.mu.Lock()
	h.down = true
	h.mu.Unlock()
	h.backend.close()
	h.Cut(Notifier, Commander)
}

// Close ends the hall and waits for its goroutines.
func (h *Hall) Close() {
	h.cancel()
	h.Down()
	h.wg.Wait()
}

// Set changes the script from now on.
func (h *Hall) Set(change func(*Script)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.script)
	h.script = h.script.withDefaults()
	h.tell()
}

// present returns the script as it is now.
func (h *Hall) present() Script {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.script
}

// tell wakes those who wait for a change; mu is held.
func (h *Hall) tell() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// beat sends the heartbeats.
func (h *Hall) beat() {
	last := time.Now()
	for {
		h.mu.Lock()
		interval, changed := h.script.Beat, h.changed
		h.mu.Unlock()
		var due <-chan time.Time
		if interval > 0 {
			due = time.After(interval - time.Since(last))
		}
		select {
		case <-due:
			last = time.Now()
			h.Beat()
		case <-changed:
		case <-h.ctx.Done():
			return
		}
	}
}

// enter takes a socket in, and reports whether the hall wants it.
func (h *Hall) enter(p *peer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.saw = append(h.saw, string(p.side)+" accepted")
	h.accepted[p.side]++
	h.tell()
	wanted := !h.down && !h.script.Refuse && !h.script.Reject
	if wanted {
		h.peers = append(h.peers, p)
	}
	return wanted
}

// leave notes the end of a socket, once.
func (h *Hall) leave(p *peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.Index(h.peers, p)
	if i < 0 {
		return
	}
	h.peers = slices.Delete(h.peers, i, i+1)
	h.saw = append(h.saw, string(p.side)+" closed")
	h.tell()
}

// list returns the sockets of one side.
func (h *Hall) list(side Side) []*peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.peers), func(p *peer) bool { return p.side != side })
}

// Cut closes the sockets of the given sides of all clients, in this order. One
// that comes meanwhile is not meant.
func (h *Hall) Cut(sides ...Side) {
	var meant []*peer
	for _, side := range sides {
		meant = append(meant, h.list(side)...)
	}
	for _, p := range meant {
		h.leave(p)
		p.close()
	}
}

// command does what the script says about a command.
func (h *Hall) command(m *wire.Message) {
	h.mu.Lock()
	script := h.script
	h.saw = append(h.saw, "command "+m.Topic+" from "+m.OrcName+" with "+script.tokenWords(string(m.Token)))
	h.commands = append(h.commands, m)
	held := m.Topic == wire.CommandAuto && script.Hold
	if held {
		h.held = append(h.held, m)
	}
	h.tell()
	h.mu.Unlock()
	switch {
	case held:
	case m.Topic == wire.CommandAuto:
		script.Autoconnect(h, m)
	default:
		script.Command(h, m)
	}
}

func (s Script) tokenWords(token string) string {
	switch token {
	case s.Token:
		return "the token"
	case "invalid":
		return "invalid"
	}
	return "an old token"
}

// Accept answers all autoconnects that were held, and holds no more.
func (h *Hall) Accept() {
	h.mu.Lock()
	held := h.held
	h.held, h.script.Hold = nil, false
	h.mu.Unlock()
	for _, m := range held {
		h.Answer(m)
	}
}

// Answer answers an autoconnect with the present token, name and registry.
func (h *Hall) Answer(m *wire.Message) {
	script := h.present()
	name := script.Name
	if !strings.Contains(name, "@") {
		name += "@" + script.Token
	}
	data, err := json.Marshal(map[string]any{
		"token": script.Token, "orcName": name, "cmdRegistry": json.RawMessage(script.Registry), "isLoaded": !script.NotLoaded,
	})
	if err != nil {
		h.tb.Errorf("halltest: the registry of the script is no JSON: %v", err)
	}
	h.Event(AutoconnectToken(m)+"::autoconnect.finished", string(data))
}

// AutoconnectToken returns the throw-away token of an autoconnect.
func AutoconnectToken(m *wire.Message) string {
	var data struct {
		AutoConnectToken string `json:"autoConnectToken"`
	}
	_ = json.Unmarshal(m.Data, &data) // "" then, and nobody gets the answer
	return data.AutoConnectToken
}
