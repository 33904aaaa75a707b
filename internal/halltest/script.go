package halltest

import (
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// Tokens of the scripts in this package: the first hall's, and that of a hall
// that was started anew.
const (
	Token      = "0123456789abcdef0123456789abcdef"
	OtherToken = "fedcba9876543210fedcba9876543210"
)

// A Script says how a [Hall] behaves. The zero Script is a hall that works.
type Script struct {
	// Token is that of the hall, default [Token].
	Token string
	// Name is the orc name that it gives, default "Grom"; "@" and the token
	// are added when they are missing.
	Name string
	// Registry is the JSON of the commands, default that of demo.echo.
	Registry string
	// NotLoaded is what the hall says of itself: isLoaded false.
	NotLoaded bool

	// Beat is the interval of the heartbeats, default 500 ms; negative for
	// none.
	Beat time.Duration
	// Refuse closes each socket that it accepts.
	Refuse bool
	// Reject refuses the certificate of each client (protocol §2.5): the
	// notifier says so, the commander just closes.
	Reject bool
	// Hold keeps the autoconnects for [Hall.Accept] instead of answering them.
	Hold bool
	// Autoconnect answers autoconnects in its own way; nil for the usual one.
	Autoconnect func(h *Hall, m *wire.Message)
	// Command answers the other commands; nil for [Echo]. Like Autoconnect it
	// is called from the goroutine of the client's commander.
	Command func(h *Hall, m *wire.Message)
}

func (s Script) withDefaults() Script {
	s.Token = or(s.Token, Token)
	s.Name = or(s.Name, "Grom")
	s.Registry = or(s.Registry, `{"demo.echo":{"name":"demo.echo"}}`)
	s.Beat = or(s.Beat, 500*time.Millisecond)
	if s.Autoconnect == nil {
		s.Autoconnect = (*Hall).Answer
	}
	if s.Command == nil {
		s.Command = Echo
	}
	return s
}

// Echo answers demo.echo with what it was sent, and nothing else.
func Echo(h *Hall, m *wire.Message) {
	if m.Topic == "demo.echo" {
		h.Finish(m, string(m.Data))
	}
}

func or[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}
