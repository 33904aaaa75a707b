package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/interop"
)

func TestHarnessClientOperations(t *testing.T) {
	t.Parallel()
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := interop.StartClientT(t, interop.ClientOptions{URL: server.URL(), Nice: 3})
	ctx := within(t, 20*time.Second)

	answer, err := client.Call(ctx, "demo.echo", map[string]any{"x": 1})
	if err != nil || answer.Kind != "result" || string(answer.Data) != `{"x":1}` {
		t.Errorf("echo: %s, %v", answer, err)
	}
	answer, err = client.Call(ctx, "demo.failString", nil)
	if err != nil || answer.Kind != "error" || !strings.Contains(string(answer.Error), "plain text") {
		t.Errorf("failString: %s, %v", answer, err)
	}

	if err := client.Subscribe(ctx, "ticks", "demo::ticked"); err != nil {
		t.Fatal(err)
	}
	if err := client.Send("", "demo.tick", map[string]any{"n": 3}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		event, err := client.Wait(ctx, "event", "ticks")
		if err != nil {
			t.Fatal(err)
		}
		var msg struct {
			Msg struct{ Data struct{ I int } }
		}
		if err := event.Decode(&msg); err != nil || msg.Msg.Data.I != i {
			t.Errorf("event %d: %s, %v", i, event, err)
		}
	}

	if err := client.Do(map[string]any{"op": "count", "label": "burst", "topic": "demo::burst", "n": 500}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Call(ctx, "demo.burst", map[string]any{"n": 500, "size": 100}); err != nil {
		t.Fatal(err)
	}
	counted, err := client.Wait(ctx, "counted", "burst")
	if err != nil {
		t.Fatal(err)
	}
	var burst struct {
		N, Bytes, Gaps int
		Latency        struct{ P50, Max float64 }
	}
	if err := counted.Decode(&burst); err != nil || burst.N != 500 || burst.Bytes != 50000 || burst.Gaps != 0 || burst.Latency.Max <= 0 {
		t.Errorf("counted: %s, %v", counted, err)
	}
}

func TestHarnessClientWaitTakesEachFactOnce(t *testing.T) {
	t.Parallel()
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := interop.StartClientT(t, interop.ClientOptions{URL: server.URL()})
	if err := client.Subscribe(t.Context(), "ticks", "demo::ticked"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Call(within(t, 10*time.Second), "demo.tick", map[string]any{"n": 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Wait(within(t, 10*time.Second), "event", "ticks"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f, err := client.Wait(ctx, "event", "ticks"); !errors.Is(err, context.Canceled) {
		t.Errorf("the only event was returned again: %s, %v", f, err)
	}
	if err := client.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Wait(t.Context(), "event", "ticks"); err == nil {
		t.Error("Wait on a client that has ended: no error")
	}
	if _, err := client.Wait(t.Context(), "stopped", ""); err != nil {
		t.Errorf("a fact of before the end is still there: %v", err)
	}
	if err := client.Do(map[string]any{"op": "state"}); err == nil {
		t.Error("Do on a client that has ended: no error")
	}
}

func TestHarnessOtherScenarios(t *testing.T) {
	t.Parallel()
	server := interop.StartServerT(t, interop.ServerOptions{})
	for _, script := range []string{"payloads", "commands", "reconnect"} {
		if _, err := interop.RunScenario(within(t, 20*time.Second), interop.ClientOptions{URL: server.URL()}, script); err != nil {
			t.Error(err)
		}
	}
}

func TestHarnessFrozenServerAndClient(t *testing.T) {
	t.Parallel()
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := interop.StartClientT(t, interop.ClientOptions{URL: server.URL()})
	ctx := within(t, 20*time.Second)
	for _, it := range []interface{ Pause() error }{server, client} {
		if err := it.Pause(); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Send("late", "demo.echo", 1); err != nil {
		t.Fatal(err)
	}
	for _, it := range []interface{ Resume() error }{client, server} {
		if err := it.Resume(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.Wait(ctx, "result", "late"); err != nil {
		t.Error(err)
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	if code, err := server.Stop(); code != 0 || err != nil {
		t.Errorf("Stop of a frozen server: code %d, %v", code, err)
	}
}

// A scenario whose expectations are not met must say so: otherwise the other
// tests would prove nothing.
func TestHarnessScenarioThatFails(t *testing.T) {
	t.Parallel()
	server := interop.StartServerT(t, interop.ServerOptions{})
	script := filepath.Join(t.TempDir(), "wrong.jsonl")
	text := `{"op":"connect"}
		{"op":"expect","for":"connected"}
		{"op":"send","label":"a","cmd":"demo.echo","data":{"x":1}}
		{"op":"expect","for":"result","label":"a","match":{"data":{"x":1}}}
		{"op":"expect","for":"result","label":"a","match":{"data":{"x":2}},"ms":1}
		{"op":"expect","for":"connected","count":2,"ms":1}
		{"op":"refuse","for":"connected"}
		{"op":"conect"}
		{"op":`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	facts, err := interop.RunScenario(within(t, 20*time.Second), interop.ClientOptions{URL: server.URL()}, script)
	if err == nil {
		t.Fatal("no error")
	}
	for what, want := range map[string]string{
		"wrong value": `"match":{"data":{"x":2}}`,
		"too few":     `"count":2`,
		"unwanted":    `"refused":true`,
		"unknown op":  "unknown operation conect",
		"no JSON":     `{\"op\":"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error has no %s:\n%v", what, want, err)
		}
	}
	if n := strings.Count(err.Error(), `"failed"`); n != 5 {
		t.Errorf("%d failures, want 5:\n%v", n, err)
	}
	if len(facts) == 0 {
		t.Error("the facts are returned in any case")
	}
	if _, err := interop.RunScenario(t.Context(), interop.ClientOptions{URL: server.URL()}, "no-such"); err == nil {
		t.Error("a script that does not exist: no error")
	}
}

func TestHarnessHorde(t *testing.T) {
	t.Parallel()
	thrall := interop.StartServerT(t, interop.ServerOptions{App: "thrall"})
	node, err := interop.NodeOf(thrall.URL())
	if err != nil {
		t.Fatal(err)
	}
	main := interop.StartServerT(t, interop.ServerOptions{Horde: map[string]interop.Node{"thrall": node}})
	client := interop.StartClientT(t, interop.ClientOptions{URL: main.URL()})
	ctx := within(t, 20*time.Second)

	answer, err := client.Call(ctx, "demo.thrall.echo", map[string]any{"x": 1, "_xcraftRPC": true})
	if err != nil || answer.Kind != "result" {
		t.Fatalf("a command of the horde: %s, %v", answer, err)
	}
	var echo struct{ X int }
	if err := json.Unmarshal(answer.Data, &echo); err != nil || echo.X != 1 {
		t.Errorf("a command of the horde: %s, %v", answer, err)
	}
}

func TestHarnessClientURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "http://127.0.0.1:1", "xcraft://h:0", "xcraft://h:1?events=x", "xcrafts://h:1", "xcraft://h:99999"} {
		if _, err := interop.StartClient(t.Context(), interop.ClientOptions{URL: url}); err == nil {
			t.Errorf("%q: no error", url)
		}
	}
}
