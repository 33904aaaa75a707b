package server_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// A scanner is a handler for all logs of the tests, at every level: it looks for
// what must not be in them.
type scanner struct{ *findings }

type findings struct {
	mu      sync.Mutex
	records int
	found   []string
}

func newScanner() scanner { return scanner{new(findings)} }

// logs sees what the halls and the clients of all tests log.
var logs = newScanner()

// secret matches tokens, the secrets of sessions, and keys.
var secret = regexp.MustCompile(`[0-9a-fA-F]{32}|PRIVATE KEY|MHcCAQEE|MIGHAgEA`)

func (s scanner) Enabled(context.Context, slog.Level) bool { return true }
func (s scanner) WithGroup(string) slog.Handler            { return s }

func (s scanner) WithAttrs(attrs []slog.Attr) slog.Handler {
	s.look(fmt.Sprint(attrs))
	return s
}

// Handle looks at a record as each kind of handler would write it, and as who
// prints the values themselves.
func (s scanner) Handle(ctx context.Context, r slog.Record) error {
	var text bytes.Buffer
	all := &slog.HandlerOptions{Level: slog.LevelDebug - 100}
	for _, h := range []slog.Handler{slog.NewTextHandler(&text, all), slog.NewJSONHandler(&text, all)} {
		if err := h.Handle(ctx, r); err != nil {
			return err
		}
	}
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&text, "%v %+v %#v\n", a.Value.Any(), a.Value.Any(), a.Value.Any())
		return true
	})
	s.look(text.String())
	return nil
}

func (s scanner) look(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records++
	if secret.MatchString(text) && len(s.found) < 20 {
		s.found = append(s.found, text)
	}
}

// report says what was found after all tests have run.
func (s scanner) report() (text string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.found) == 0 {
		return "", true
	}
	return fmt.Sprintf("S5: secrets in %d of %d log records:\n%s", len(s.found), s.records, strings.Join(s.found, "\n")), false
}

// The scan sees what halls log that were given no logger.
func TestS5HallsAreScanned(t *testing.T) {
	seen := func() int {
		logs.mu.Lock()
		defer logs.mu.Unlock()
		return logs.records
	}
	before := seen()
	hall := openT(t, server.Config{})
	between := seen()
	connectT(t, hall.URL())
	if after := seen(); between == before || after == between {
		t.Errorf("%d records, then %d, then %d", before, between, after)
	}
}

// The scan of all logs at the end of the tests finds what it looks for.
func TestS5TheScanOfLogsFindsSecrets(t *testing.T) {
	token := string(wire.NewToken())
	for name, log := range map[string]func(*slog.Logger){
		"a token in a text":      func(l *slog.Logger) { l.Debug("joined with " + token) },
		"a token in a value":     func(l *slog.Logger) { l.Info("joined", "orc", "Grom@"+token) },
		"a token in a struct":    func(l *slog.Logger) { l.Info("joined", "who", struct{ Token string }{token}) },
		"a token in an error":    func(l *slog.Logger) { l.Error("lost", "error", fmt.Errorf("session %s", token)) },
		"a token of the logger":  func(l *slog.Logger) { l.With("token", token).Info("joined") },
		"a key":                  func(l *slog.Logger) { l.Info("tls", "key", "-----BEGIN EC PRIVATE KEY-----") },
		"nothing":                func(l *slog.Logger) { l.Info("joined", "orc", wire.Redact("Grom@"+token), "id", wire.NewID()) },
		"a token that hides":     func(l *slog.Logger) { l.Info("joined", "token", wire.Token(token)) },
		"a token that hides too": func(l *slog.Logger) { l.Info("joined", "who", struct{ Token wire.Token }{wire.Token(token)}) },
	} {
		s := newScanner()
		log(slog.New(s))
		clean := slices.Contains([]string{"nothing", "a token that hides", "a token that hides too"}, name)
		if text, ok := s.report(); ok != clean {
			t.Errorf("%s: found %q", name, text)
		}
		if s.records == 0 {
			t.Errorf("%s: nothing was seen", name)
		}
	}
}
