package config

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// A Config is the answer to the question where the hall is.
type Config struct {
	// URL is the address for xbus.Connect, with everything that the client
	// needs in it. Certificates that were given inline stand in it: print
	// [Config.String] instead.
	URL string
	// Settings has each key that is set or matters to a client once, in a fixed
	// order, with its origin.
	Settings []Setting
	// Findings is what is odd and no error.
	Findings []Finding
	// Hall is what only a hall needs of the same files.
	Hall Hall
	// Root and Resources are the folders that were looked at, "" for none.
	Root, Resources string

	redacted string
}

// String is the address without secrets.
func (c *Config) String() string { return c.redacted }

// GoString keeps %#v from showing secrets.
func (c *Config) GoString() string { return fmt.Sprintf("config.Config{%q}", c.redacted) }

// LogValue implements slog.LogValuer.
func (c *Config) LogValue() slog.Value { return slog.StringValue(c.redacted) }

// Setting returns the setting of a key; it is empty for a key that is not known.
func (c *Config) Setting(name string) Setting {
	for _, s := range c.Settings {
		if s.Key == name {
			return s
		}
	}
	return Setting{}
}

// A Setting is the value of one key and where it comes from.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"` // without secrets
	Origin string `json:"origin"`
	// Default tells that nobody has set it.
	Default bool `json:"default"`
	// Hidden are the values of places that count less.
	Hidden []Hidden `json:"hidden,omitempty"`
}

// A Hidden value was overridden.
type Hidden struct {
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// A Finding is something in the configuration that may not be meant.
type Finding struct {
	Key     string `json:"key,omitempty"`
	Origin  string `json:"origin"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// String says it in a line.
func (f Finding) String() string {
	parts := []string{f.Origin}
	if f.Key != "" {
		parts = append(parts, f.Key)
	}
	s := strings.Join(append(parts, f.Message), ": ")
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

// An Error is a value that cannot be used.
type Error struct {
	Key    string // "" when the whole place is unreadable
	Origin string
	Reason string
	Hint   string
}

func (e *Error) Error() string {
	return "config: " + Finding{e.Key, e.Origin, e.Reason, e.Hint}.String()
}

// A Hall is what a configuration says to the hall itself. A client needs none
// of it.
type Hall struct {
	CommanderHost, NotifierHost string // where to listen; default host
	CommanderPort, NotifierPort int
	UnixSocketID                string
	CertPath, KeyPath           string
	Timeout                     time.Duration // 0 for none
	ServerKeepAlive             time.Duration // negative for none
	AcceptIncoming              bool
	ShutdownRemotes             bool
	PoliciesPath                string
	Tribes                      []Tribe
}
