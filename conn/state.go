package conn

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// Phase names where a connection stands. The diagram of the transitions is in
// the documentation of the package.
type Phase uint8

const (
	// Connecting: no session yet, the first one is being made.
	Connecting Phase = iota
	// Connected: commands are answered and events come.
	Connected
	// Lagging: the session holds, but the hall has been silent for longer
	// than [Config.LagAfter]. Commands still go out.
	Lagging
	// Reconnecting: the session is lost, the next one is being made.
	Reconnecting
	// Closed: over for good. State.Err tells why.
	Closed
)

var phaseNames = [...]string{"connecting", "connected", "lagging", "reconnecting", "closed"}

// String returns the phase in lower case, e.g. "reconnecting".
func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return fmt.Sprintf("phase %d", uint8(p))
}

// MarshalText makes a Phase readable in JSON and logs.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Identity is who we are for the hall.
type Identity struct {
	// Token is the hall's own, new at each of its starts.
	Token wire.Token
	// OrcName is the name that our commands carry: the first one that the
	// hall gave, also after a reconnection under which it gave another
	// (protocol §4.4), unless [Config.AdoptNewName] says otherwise.
	OrcName string
	// AssignedName is the name that the hall gave last.
	AssignedName string
}

// An orc name holds the token, so an Identity prints shortened, as a
// [wire.Token] does: take its fields to have them whole.

// String describes who we are in a few words, without secrets.
func (i Identity) String() string {
	s := i.redacted()
	if s.AssignedName != s.OrcName {
		return s.OrcName + " (now " + s.AssignedName + ")"
	}
	return s.OrcName
}

// GoString keeps %#v from showing the token.
func (i Identity) GoString() string { return fmt.Sprintf("%#v", i.redacted()) }

// LogValue implements [slog.LogValuer].
func (i Identity) LogValue() slog.Value { return slog.StringValue(i.String()) }

// MarshalJSON keeps dumps of states clean.
func (i Identity) MarshalJSON() ([]byte, error) { return json.Marshal(i.redacted()) }

// A shortIdentity has the fields of an Identity and none of its methods.
type shortIdentity struct {
	Token                 wire.Token
	OrcName, AssignedName string
}

func (i Identity) redacted() shortIdentity {
	return shortIdentity{i.Token, wire.Redact(i.OrcName), wire.Redact(i.AssignedName)}
}

// State is what is true of a connection at one moment. It is a value: keep it,
// compare it, print it.
type State struct {
	Phase Phase
	// Epoch counts the sessions: 1 is the first. It does not go back, so two
	// states with different epochs have a loss between them.
	Epoch uint64
	// Attempt is the number of the present attempt since the last loss, from
	// 1; 0 while the session holds.
	Attempt int
	// Since is when Phase began.
	Since time.Time
	// Err is why there is no session: the last failure. nil while Connected.
	Err error
	// NextDelay is the wait before the next attempt; 0 while an attempt runs.
	NextDelay time.Duration
	// Identity is that of the present session, or of the last one.
	Identity Identity
	// Loaded is what the hall said of itself at the handshake: all its
	// modules are loaded.
	Loaded bool
}

// Usable reports whether commands can be sent now.
func (s State) Usable() bool { return s.Phase == Connected || s.Phase == Lagging }

// String describes the state in one line, without secrets.
func (s State) String() string {
	switch {
	case s.Usable():
		return fmt.Sprintf("%s (session %d)", s.Phase, s.Epoch)
	case s.Phase == Closed && s.Err == nil:
		return "closed"
	case s.NextDelay > 0:
		return fmt.Sprintf("%s (attempt %d, next in %v): %v", s.Phase, s.Attempt, s.NextDelay.Round(time.Millisecond), s.Err)
	case s.Err != nil:
		return fmt.Sprintf("%s (attempt %d): %v", s.Phase, s.Attempt, s.Err)
	}
	return fmt.Sprintf("%s (attempt %d)", s.Phase, s.Attempt)
}

// LogValue implements [slog.LogValuer].
func (s State) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("phase", s.Phase.String()),
		slog.Uint64("epoch", s.Epoch),
		slog.Int("attempt", s.Attempt),
	}
	if s.Err != nil {
		attrs = append(attrs, slog.String("cause", s.Err.Error()))
	}
	if s.NextDelay > 0 {
		attrs = append(attrs, slog.Duration("next", s.NextDelay))
	}
	return slog.GroupValue(attrs...)
}

// Registry is the command registry as the hall sent it: raw, since what it
// means belongs to package rpc.
type Registry struct {
	JSON  []byte    // an object: command name → entry (protocol §4.5)
	Token string    // the token it came with; that of a horde, sometimes
	Time  time.Time // when it came
}
