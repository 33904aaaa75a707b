package conn_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/internal/halltest"
)

func TestWrongConfigurations(t *testing.T) {
	tr, err := inproc.New("config")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		cfg  conn.Config
		want string
	}{
		{conn.Config{}, "Config.Transport is missing: give axon.New"},
		{conn.Config{Transport: tr, DialTimeout: -1}, "Config.DialTimeout is negative: leave it 0"},
		{conn.Config{Transport: tr, HandshakeTimeout: -1}, "Config.HandshakeTimeout is negative"},
		{conn.Config{Transport: tr, AutoconnectRetry: -1}, "Config.AutoconnectRetry is negative"},
		{conn.Config{Transport: tr, LagAfter: -1}, "Config.LagAfter is negative"},
		{conn.Config{Transport: tr, LostAfter: time.Second}, "Config.LostAfter is shorter than Config.LagAfter"},
	} {
		if _, err := conn.New(test.cfg); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("New returned %v, want %s", err, test.want)
		}
	}
}

func TestBeforeRun(t *testing.T) {
	tr, err := inproc.New("config")
	if err != nil {
		t.Fatal(err)
	}
	c, err := conn.New(conn.Config{Transport: tr})
	if err != nil {
		t.Fatal(err)
	}
	if s := c.State().Load(); s.Phase != conn.Connecting || s.Since.IsZero() || s.Usable() {
		t.Errorf("the state is %+v", s)
	}
	if _, ok := c.Session(); ok || c.Silence() != 0 || c.Token().Load() != "" || c.OrcName().Load() != "" {
		t.Error("there is a session before Run")
	}
	c.Reconnect() // has nothing to do
}

func TestStateText(t *testing.T) {
	for _, test := range []struct {
		state conn.State
		want  string
	}{
		{conn.State{Phase: conn.Connecting, Attempt: 1}, "connecting (attempt 1)"},
		{conn.State{Phase: conn.Connected, Epoch: 3}, "connected (session 3)"},
		{conn.State{Phase: conn.Lagging, Epoch: 3}, "lagging (session 3)"},
		{conn.State{Phase: conn.Reconnecting, Attempt: 2, NextDelay: 750 * time.Millisecond, Err: io.EOF}, "reconnecting (attempt 2, next in 750ms): EOF"},
		{conn.State{Phase: conn.Reconnecting, Attempt: 2, Err: io.EOF}, "reconnecting (attempt 2): EOF"},
		{conn.State{Phase: conn.Closed}, "closed"},
		{conn.State{Phase: 9, Attempt: 1}, "phase 9 (attempt 1)"},
	} {
		if got := test.state.String(); got != test.want {
			t.Errorf("%+v is %q, want %q", test.state, got, test.want)
		}
	}
}

// A token does not belong into logs.
func TestStatesShowNoToken(t *testing.T) {
	s := conn.State{Phase: conn.Connected, Epoch: 1, Identity: conn.Identity{Token: halltest.Token, OrcName: grom, AssignedName: grom}}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "state", s)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for name, shown := range map[string]string{"slog": log.String(), "String": s.String(), "json": string(text), "%+v": fmt.Sprintf("%+v", s), "%#v": fmt.Sprintf("%#v", s),
		"identity": fmt.Sprintf("%v %+v %#v", s.Identity, s.Identity, s.Identity), "renamed": conn.Identity{OrcName: grom, AssignedName: thrall}.String()} {
		if strings.Contains(shown, halltest.Token[:8]) {
			t.Errorf("%s shows the token: %s", name, shown)
		}
	}
	if !strings.Contains(log.String(), "state.phase=connected state.epoch=1 state.attempt=0") {
		t.Errorf("logged: %s", log.String())
	}
}
