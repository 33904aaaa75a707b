package server

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// A command is one entry of the registry and what runs for it.
type command struct {
	name     string
	handler  func(context.Context, *Request) (any, error)
	inline   func(*Request) // of builtin ones: runs on the reader, must be quick
	parallel bool
	timeout  time.Duration // 0: that of the hall; negative: none
	entry    json.RawMessage
	horde    *Horde // where it runs, if not here
}

// A table is the set of commands at one moment. It does not change.
type table struct {
	byName   map[string]*command            // the hall's own
	far      map[*Horde]map[string]*command // those of hordes
	registry func() json.RawMessage         // all entries, made when first asked for
}

func newTable(byName map[string]*command, far map[*Horde]map[string]*command) *table {
	t := &table{byName: byName, far: far}
	t.registry = sync.OnceValue(t.write)
	return t
}

// write makes the text of the registry: the hall's own commands win.
func (t *table) write() json.RawMessage {
	all := make(map[string]*command)
	for _, list := range t.far {
		maps.Copy(all, list)
	}
	maps.Copy(all, t.byName)
	out := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(wire.AppendString(out, name), ':'), all[name].entry...)
	}
	return append(out, '}')
}

// find returns the command that runs for a message. With _xcraftRPC it is one of
// a horde, also when the hall has it itself, and none without a horde (protocol
// §5.6).
func (t *table) find(m *wire.Message, own string) *command {
	rpc := isRPC(m.Data)
	if cmd := t.byName[m.Topic]; cmd != nil && (!rpc || cmd.inline != nil) {
		return cmd
	}
	if route := m.Route(); route != nil && crossedBefore(route, own) {
		return nil
	}
	for hd, list := range t.far {
		if cmd := list[m.Topic]; cmd != nil && (rpc || !hd.cfg.Passive || hd.streams(m.Topic)) {
			return cmd
		}
	}
	return nil
}

// commands is the registry of a hall.
type commands struct {
	hall    *Hall
	current atomic.Pointer[table]

	mu      sync.Mutex // orders changes
	pending *time.Timer
	stopped bool
}

func (c *commands) init(h *Hall) {
	c.hall = h
	byName := make(map[string]*command)
	for _, cmd := range h.builtins() {
		byName[cmd.name] = cmd
	}
	c.current.Store(newTable(byName, nil))
}

func (c *commands) load() *table { return c.current.Load() }

func (c *commands) find(m *wire.Message) *command { return c.load().find(m, c.hall.cfg.Name) }

// change replaces the table by a changed copy and lets clients know.
func (c *commands) change(f func(map[string]*command) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.load()
	byName := maps.Clone(old.byName)
	if err := f(byName); err != nil {
		return err
	}
	c.current.Store(newTable(byName, old.far))
	c.announceSoon()
	return nil
}

// setHorde replaces the commands of a horde; nil takes them out.
func (c *commands) setHorde(hd *Horde, list map[string]*command) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.load()
	far := maps.Clone(old.far)
	if far == nil {
		far = make(map[*Horde]map[string]*command)
	}
	delete(far, hd)
	if len(list) > 0 {
		far[hd] = list
	}
	c.current.Store(newTable(old.byName, far))
	c.announceSoon()
}

// settleTime is how long changes of the registry are gathered before clients
// learn of them: a program registers its commands one after the other.
const settleTime = 5 * time.Millisecond

func (c *commands) announceSoon() {
	if c.pending != nil || c.stopped || len(*c.hall.routes.all.Load()) == 0 {
		return
	}
	c.pending = time.AfterFunc(settleTime, func() {
		c.mu.Lock()
		c.pending = nil
		stopped := c.stopped
		c.mu.Unlock()
		if !stopped {
			c.announce()
		}
	})
}

// announce sends the whole registry to everybody (protocol §4.6).
func (c *commands) announce() {
	h := c.hall
	data, _ := json.Marshal(struct {
		Registry json.RawMessage `json:"registry"`
		Token    string          `json:"token"`
	}{c.load().registry(), string(h.token)})
	h.route(h.event("greathall::bus.commands.registry", data))
}

func (c *commands) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	if c.pending != nil {
		c.pending.Stop()
	}
}

// add registers a command of a user.
func (c *commands) add(cmd *command) error {
	if err := checkName(cmd.name); err != nil {
		return err
	}
	return c.change(func(byName map[string]*command) error {
		old := byName[cmd.name]
		switch {
		case old == nil:
		case old.inline != nil && cmd.name != commandLines:
			return fmt.Errorf("server: command %q: the hall has it built in: take another name", cmd.name)
		case old.inline == nil:
			return fmt.Errorf("server: command %q: %w: give it another name, or call Hall.Unhandle(%q) first", cmd.name, ErrRegistered, cmd.name)
		}
		byName[cmd.name] = cmd
		return nil
	})
}

// Unhandle takes a command out of the registry and reports whether it was there.
// What runs of it runs on.
func (h *Hall) Unhandle(name string) bool {
	err := h.commands.change(func(byName map[string]*command) error {
		if cmd := byName[name]; cmd == nil || cmd.inline != nil {
			return ErrRegistered
		}
		delete(byName, name)
		return nil
	})
	return err == nil
}

// checkName refuses what could not be called, or not be answered.
func checkName(name string) error {
	hint := ""
	switch {
	case name == "":
		hint = "it is empty: give module.name, e.g. \"thermo.read\""
	case len(name) > maxCommand:
		hint = fmt.Sprintf("it has more than %d bytes", maxCommand)
	case strings.Contains(name, "::"):
		hint = "\"::\" is for events: write module.name"
	case strings.ContainsAny(name, "<>*()| \t\r\n@") || strings.HasPrefix(name, ":"):
		hint = "it has characters with a meaning in topics: use letters, digits, dots and dashes"
	default:
		return nil
	}
	return fmt.Errorf("server: command %q: %s", fmt.Sprintf("%.60s", name), hint)
}
