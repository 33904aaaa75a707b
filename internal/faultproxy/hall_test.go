package faultproxy_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/xcraft-go/xbus/interop"

	"github.com/xcraft-go/xbus/internal/faultproxy"
)

// A real client talks to a real great hall through a pair. The scenario
// "reconnect" makes the hall look for the event socket of the client, which it
// only finds when the port is kept.
func TestPairInFrontOfARealGreatHall(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	defer cancel()
	for _, tt := range []struct {
		name   string
		config faultproxy.Config
		script string
	}{
		{"own ports", faultproxy.Config{}, "basic"},
		{"ports of the client", faultproxy.Config{KeepPorts: true}, "reconnect"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.config.KeepPorts && runtime.GOOS != "linux" {
				t.Skip("KeepPorts needs Linux")
			}
			pair, err := faultproxy.ListenPair(server.URL(), tt.config)
			if err != nil {
				t.Fatal(err)
			}
			defer pair.Close()
			pair.Set(faultproxy.Down, faultproxy.Faults{Piece: 100})
			if _, err := interop.RunScenario(ctx, interop.ClientOptions{URL: pair.URL()}, tt.script); err != nil {
				t.Error(err)
			}
			if s := pair.Notifier.Stats(); s.Down.Forwarded == 0 || s.Accepted == 0 {
				t.Errorf("stats %+v: not through the proxy", s)
			}
		})
	}
}
