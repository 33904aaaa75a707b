package server_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/rpc"
)

// The process of a hall is killed and another one starts at the same place: a Go
// client comes back with its subscription, sees the interruption, and has a
// verdict for what was on its way.
func TestTheHallIsKilled(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "unix"} {
		t.Run(host, func(t *testing.T) {
			ctx := patient(t)
			hall := startKillable(t, host)
			client := connectT(t, hall.url)
			events, err := client.Topic("go::*").Subscribe()
			if err != nil {
				t.Fatal(err)
			}
			defer events.Close()
			hear := func() {
				t.Helper()
				hall.say("go::said")
				ev, err := events.Next(ctx)
				if want := fmt.Sprint(hall.process.Process.Pid); err != nil || ev.Gap != nil || string(ev.Data) != want {
					t.Fatalf("heard %v, %v; want %s", ev, err, want)
				}
			}
			hear()
			hanging := client.Call(ctx, "go.hang", nil)
			if got, err := xbus.Call[int](ctx, client, "go.add", map[string]int{"a": 2, "b": 3}).Await(ctx); err != nil || got != 5 {
				t.Errorf("got %d, %v", got, err)
			}

			hall.kill()
			_, err = hanging.Await(ctx)
			var call *rpc.CallError
			if !errors.As(err, &call) || call.Verdict != rpc.MaybeExecuted || !errors.Is(err, rpc.ErrConnectionLost) {
				t.Errorf("the command on its way: %v", err)
			}
			if _, err := client.State().Wait(ctx, func(s conn.State) bool { return s.Phase == conn.Reconnecting }); err != nil {
				t.Fatal(err)
			}
			hall.start()
			if got, err := xbus.Call[int](ctx, client, "go.add", map[string]int{"a": 3, "b": 4}).Await(ctx); err != nil || got != 7 {
				t.Errorf("after the restart: %d, %v", got, err)
			}
			if ev, err := events.Next(ctx); err != nil || ev.Gap == nil {
				t.Errorf("no sign of the interruption: %v, %v", ev, err)
			}
			hear()
		})
	}
}

// A real JS client comes back to a hall that was killed, too.
func TestInteropTheHallIsKilled(t *testing.T) {
	interop.Require(t)
	for _, host := range []string{"127.0.0.1", "unix"} {
		t.Run(host, func(t *testing.T) {
			ctx := patient(t)
			hall := startKillable(t, host)
			js := interop.StartClientT(t, interop.ClientOptions{URL: hall.url})
			if err := js.Subscribe(ctx, "go", "go::*"); err != nil {
				t.Fatal(err)
			}
			hear := func() {
				t.Helper()
				answer, err := js.Call(ctx, "go.add", map[string]int{"a": 2, "b": 3})
				if err != nil || string(answer.Data) != "5" {
					t.Errorf("the answer is %s, %v", answer, err)
				}
				hall.say("go::said")
				f, err := js.Wait(ctx, "event", "go")
				if want := fmt.Sprintf(`"data":%d`, hall.process.Process.Pid); err != nil || !strings.Contains(string(f.Msg), want) {
					t.Fatalf("heard %s, %v; want %s", f, err, want)
				}
			}
			hear()
			hall.kill()
			if _, err := js.Wait(ctx, "reconnect attempt", ""); err != nil {
				t.Fatal(err)
			}
			hall.start()
			for _, kind := range []string{"token.changed", "reconnect"} {
				if _, err := js.Wait(ctx, kind, ""); err != nil {
					t.Fatal(err)
				}
			}
			hear()
		})
	}
}
