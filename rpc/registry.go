package rpc

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/internal/near"
	"github.com/xcraft-go/xbus/wire"
)

// A Registry is the set of commands that a hall knows (protocol §4.5). It does
// not change: a new one replaces it. The text is read when it is first asked
// for.
type Registry struct {
	Time  time.Time // when it came
	raw   json.RawMessage
	parse func() map[string]Command
}

// A Command is one entry of a [Registry].
type Command struct {
	Name      string
	Desc      string
	Module    Module
	Params    Params
	Parallel  bool   // does not exclude other activities (protocol §5.3)
	Activity  bool   // false for what is built into the hall
	Registrar string // e.g. "xcraft-core-bus"
	// Ranking is the member rankingPredictions of questOptions, nil when it
	// is absent or says nothing.
	Ranking json.RawMessage
	// Raw is the whole entry, without the location of the file in the server.
	Raw json.RawMessage
}

// A Module is where a command comes from.
type Module struct {
	Name, Version string
	Hot           bool
}

// Params are the names of what a command takes.
type Params struct {
	Required, Optional []string
	// Variadic: the last one takes several values.
	Variadic bool
}

// NewRegistry makes a Registry of the text that a hall sent.
func NewRegistry(raw json.RawMessage, at time.Time) *Registry {
	return &Registry{Time: at, raw: raw, parse: sync.OnceValue(func() map[string]Command { return parseRegistry(raw) })}
}

// Len returns the number of commands. A nil Registry has none.
func (r *Registry) Len() int { return len(r.commands()) }

// Has reports whether the hall knows the command.
func (r *Registry) Has(name string) bool {
	_, ok := r.commands()[name]
	return ok
}

// Lookup returns the entry of a command, or an error that matches
// ErrCommandNotAvailable and names what may have been meant.
func (r *Registry) Lookup(name string) (Command, error) {
	if c, ok := r.commands()[name]; ok {
		return c, nil
	}
	return Command{}, r.unknown(name)
}

// Names returns the names of all commands in order.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.commands())) }

// All returns all commands in the order of their names.
func (r *Registry) All() []Command {
	list := make([]Command, 0, r.Len())
	for _, name := range r.Names() {
		list = append(list, r.commands()[name])
	}
	return list
}

// Raw returns the text as the hall sent it.
func (r *Registry) Raw() json.RawMessage {
	if r == nil {
		return nil
	}
	return r.raw
}

func (r *Registry) commands() map[string]Command {
	if r == nil || r.parse == nil {
		return nil
	}
	return r.parse()
}

func (r *Registry) unknown(name string) error {
	hint := ""
	if meant := r.Suggest(name); meant != "" {
		hint = fmt.Sprintf("; did you mean %q?", meant)
	}
	return fmt.Errorf("%w: %q is none of the %d commands of the hall%s", ErrCommandNotAvailable, name, r.Len(), hint)
}

// Suggest returns the command whose name is nearest to name, "" when none is
// near.
func (r *Registry) Suggest(name string) string { return near.Name(name, r.Names()) }

// A Diff is what changed between two registries, by name, in order.
type Diff struct{ Added, Removed, Changed []string }

// Empty reports whether nothing changed.
func (d Diff) Empty() bool { return len(d.Added)+len(d.Removed)+len(d.Changed) == 0 }

// Compare returns what changed from old to r. Either may be nil.
func (r *Registry) Compare(old *Registry) Diff {
	var d Diff
	before, now := old.commands(), r.commands()
	for _, name := range r.Names() {
		switch was, known := before[name]; {
		case !known:
			d.Added = append(d.Added, name)
		case string(was.Raw) != string(now[name].Raw):
			d.Changed = append(d.Changed, name)
		}
	}
	for _, name := range old.Names() {
		if _, known := now[name]; !known {
			d.Removed = append(d.Removed, name)
		}
	}
	return d
}

// parseRegistry reads every entry as far as it is of the expected form: what is
// missing or of another type counts as absent.
func parseRegistry(raw json.RawMessage) map[string]Command {
	var entries map[string]map[string]json.RawMessage
	var loose map[string]json.RawMessage
	if json.Unmarshal(raw, &entries) != nil && json.Unmarshal(raw, &loose) == nil {
		entries = make(map[string]map[string]json.RawMessage)
		for name, text := range loose {
			var entry map[string]json.RawMessage
			_ = json.Unmarshal(text, &entry)
			entries[name] = entry
		}
	}
	commands := make(map[string]Command, len(entries))
	for name, entry := range entries {
		delete(entry, "location") // a path of the server is nobody's business
		commands[name] = parseCommand(name, entry)
	}
	return commands
}

func parseCommand(name string, entry map[string]json.RawMessage) Command {
	c := Command{Name: name}
	read(entry["desc"], &c.Desc)
	read(entry["info"], &c.Module)
	read(entry["parallel"], &c.Parallel)
	read(entry["activity"], &c.Activity)
	read(entry["registrar"], &c.Registrar)
	var options struct {
		Params struct{ Required, Optional oneOrMore }
	}
	read(entry["options"], &options)
	c.Params.Required, c.Params.Optional = options.Params.Required, options.Params.Optional
	required, optional := trimVariadic(c.Params.Required), trimVariadic(c.Params.Optional)
	c.Params.Variadic = required || optional
	var quest struct {
		RankingPredictions json.RawMessage `json:"rankingPredictions"`
	}
	read(entry["questOptions"], &quest)
	if wire.Truthy(quest.RankingPredictions) {
		c.Ranking = quest.RankingPredictions
	}
	c.Raw, _ = json.Marshal(entry)
	return c
}

// read fills dst if raw is of its type.
func read(raw json.RawMessage, dst any) {
	if raw != nil {
		_ = json.Unmarshal(raw, dst)
	}
}

// trimVariadic takes "..." off the last name.
func trimVariadic(names []string) bool {
	if len(names) == 0 {
		return false
	}
	last := &names[len(names)-1]
	trimmed, variadic := strings.CutSuffix(*last, "...")
	*last = trimmed
	return variadic
}

// oneOrMore is a string or a list of strings; anything else is none.
type oneOrMore []string

// UnmarshalJSON never fails: an error would end the reading of the whole entry.
func (l *oneOrMore) UnmarshalJSON(b []byte) error {
	*l = nil
	var one string
	var list []string
	switch {
	case json.Unmarshal(b, &one) == nil:
		if one != "" {
			*l = []string{one}
		}
	case json.Unmarshal(b, &list) == nil:
		*l = list
	}
	return nil
}
