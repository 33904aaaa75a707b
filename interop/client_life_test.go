package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/rpc"
)

// quick reconnects fast: the tests are about what happens, not about when.
func quick() xbus.Option {
	return xbus.WithBackoff(conn.BackoffConfig{Initial: 20 * time.Millisecond, Max: 50 * time.Millisecond})
}

func awaitState(t testing.TB, client *xbus.Client, what string, pred func(conn.State) bool) conn.State {
	t.Helper()
	s, err := client.State().Wait(patience(t), pred)
	if err != nil {
		t.Fatalf("%s: %v; it is %v", what, err, client.State().Load())
	}
	return s
}

func TestClientSurvivesARestart(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL(), quick())
	ctx := patience(t)
	oldToken, oldName := client.Token().Load(), client.OrcName().Load()
	sub := subscribe(t, client.Topic("demo::ticked"))
	relative := subscribe(t, client.Topic("demo.progressed"))
	inFlight := client.Call(ctx, "demo.never", nil)
	kept := client.Call(ctx, "demo.never", nil, rpc.KeepAcrossLoss())
	call[json.RawMessage](t, client, "demo.echo", nil) // the calls are out

	server.Kill()
	_, err := inFlight.Await(ctx)
	if v, known := rpc.VerdictOf(err); !errors.Is(err, rpc.ErrConnectionLost) || !known || v != rpc.MaybeExecuted {
		t.Errorf("in flight: %v", err)
	}
	down := awaitState(t, client, "reconnecting", func(s conn.State) bool { return s.Phase == conn.Reconnecting && s.Err != nil })
	if !errors.Is(down.Err, conn.ErrLinkLost) && !errors.Is(down.Err, conn.ErrRefused) {
		t.Errorf("cause: %v", down.Err)
	}
	if _, err := client.Call(ctx, "demo.echo", nil, rpc.Down(rpc.FailFast)).Await(ctx); !errors.Is(err, rpc.ErrNotConnected) {
		t.Errorf("fail fast: %v", err)
	}
	queued := client.Call(ctx, "demo.echo", object{"q": 1}, rpc.Down(rpc.Queue))

	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := queued.Await(ctx); err != nil {
		t.Errorf("queued: %v", err)
	}
	up := awaitState(t, client, "connected", func(s conn.State) bool { return s.Phase == conn.Connected && s.Epoch >= 2 })
	if client.Token().Load() == oldToken || string(client.Token().Load()) != server.Ready().Token {
		t.Error("the token of the new hall is not taken over")
	}
	if client.OrcName().Load() != oldName || up.Identity.AssignedName == oldName {
		t.Errorf("commands go under the first name, the new one is shown: %+v", up.Identity)
	}
	call[int](t, client, "demo.tick", object{"n": 1})
	gap := next(t, sub)
	if gap.Gap == nil || gap.Topic != xbus.TopicGap || !gap.Gap.Restarted || gap.Gap.Known || gap.Gap.To.Before(gap.Gap.From) {
		t.Errorf("no gap is marked: %v", gap)
	}
	if ev := next(t, sub); ev.Topic != "demo::ticked" {
		t.Errorf("the subscription is dead: %v", ev)
	}
	next(t, relative) // its gap
	if ev := next(t, relative); !strings.HasSuffix(ev.Topic, "::demo.progressed") {
		t.Errorf("the relative subscription is dead: %v", ev)
	}
	if kept.Settled() {
		t.Error("a call that was to be kept has ended")
	}
	kept.Abort(nil)
}

func TestClientLosesOneSocket(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	for _, side := range []string{"commander", "notifier"} {
		client := connect(t, server.URL(), quick())
		ctx := patience(t)
		name := client.OrcName().Load()
		call[json.RawMessage](t, client, "demo.kick", object{"side": side, "ms": 10})
		awaitState(t, client, side+": back", func(s conn.State) bool { return s.Epoch == 2 && s.Usable() })
		if _, err := client.Call(ctx, "demo.echo", nil).Await(ctx); err != nil {
			t.Errorf("%s: %v", side, err)
		}
		if client.OrcName().Load() != name {
			t.Errorf("%s: another name", side)
		}
		client.Close()
	}
}

func TestClientAndAGracefulEnd(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	stays := connect(t, server.URL())
	returns := connect(t, server.URL(), quick(), xbus.WithGameOver(conn.ComeBack))
	ctx := patience(t)
	pending := stays.Call(ctx, "demo.never", nil)
	if err := returns.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	<-stays.Done()
	if s := stays.State().Load(); s.Phase != conn.Closed || !errors.Is(s.Err, conn.ErrGameOver) {
		t.Errorf("%v", s)
	}
	if _, err := pending.Await(ctx); !errors.Is(err, rpc.ErrConnectionLost) && !errors.Is(err, rpc.ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := server.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	call[json.RawMessage](t, returns, "demo.echo", nil)
}

func TestClientWaitsForAHallThatAcceptsLate(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{Hold: 700 * time.Millisecond})
	began := time.Now()
	client := connect(t, server.URL())
	if waited := time.Since(began); waited > 10*time.Second {
		t.Errorf("waited %v", waited)
	}
	call[json.RawMessage](t, client, "demo.echo", nil)
}

func TestClientAndAFrozenHall(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL(), quick())
	ctx := patience(t)

	// Shorter than LostAfter: shown, no loss, and the call is answered.
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	pending := client.Call(ctx, "demo.echo", nil)
	lagging := awaitState(t, client, "lagging", func(s conn.State) bool { return s.Phase == conn.Lagging })
	thaw := time.AfterFunc(1500*time.Millisecond, func() { server.Resume() }) // 3 s in all
	defer thaw.Stop()
	awaitState(t, client, "recovered", func(s conn.State) bool { return s.Phase == conn.Connected })
	if lagging.Epoch != 1 || client.State().Load().Epoch != 1 {
		t.Error("a short stop was taken for a loss")
	}
	if _, err := pending.Await(ctx); err != nil {
		t.Error(err)
	}

	// Longer, 10 s: lost after 5 s, back when it thaws.
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	thawed := make(chan error, 1)
	time.AfterFunc(10*time.Second, func() { thawed <- server.Resume() })
	doomed := client.Call(ctx, "demo.echo", nil)
	_, err := doomed.Await(ctx)
	if took := time.Since(began); !errors.Is(err, conn.ErrNoHeartbeat) || took < 4*time.Second || took > 9*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	if s := client.State().Load(); s.Usable() {
		t.Errorf("the hall is frozen, and the state is %v", s)
	}
	if err := <-thawed; err != nil {
		t.Fatal(err)
	}
	awaitState(t, client, "back", func(s conn.State) bool { return s.Epoch >= 2 && s.Usable() })
	call[json.RawMessage](t, client, "demo.echo", nil)
}

// Broken bytes from the hall end the session with a typed reason; the client
// comes back and is not deaf.
func TestClientAndMalformedInput(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	for name, hex := range map[string]string{
		"bad magic":          "2141584f4d00000003733a78",
		"version 3":          "3141584f4e00000003733a78",
		"no argument":        "2041584f4e",
		"broken JSON":        "2241584f4e00000006733a613a3a62000000056a3a7b2278",
		"message null":       "2241584f4e00000006733a613a3a62000000066a3a6e756c6c",
		"topic alone":        "2141584f4e00000006733a613a3a62",
		"oversized announce": "2141584f4effffffff73",
	} {
		client := connect(t, server.URL(), quick())
		call[json.RawMessage](t, client, "demo.inject", object{"hex": hex})
		awaitState(t, client, name, func(s conn.State) bool { return s.Epoch >= 2 && s.Usable() })
		if n := client.Stats().Conn.Failures[conn.ErrProtocol.Error()]; n != 1 {
			t.Errorf("%s: %d protocol errors counted: %v", name, n, client.Stats().Conn.Failures)
		}
		call[json.RawMessage](t, client, "demo.echo", nil)
		client.Close()
	}
}

func TestClientGoroutines(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	settled := func(want int) int {
		deadline := time.Now().Add(5 * time.Second)
		n := runtime.NumGoroutine()
		for n > want && time.Now().Before(deadline) {
			runtime.Gosched()
			n = runtime.NumGoroutine()
		}
		return n
	}
	before := runtime.NumGoroutine()
	client, err := xbus.Connect(patience(t), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	call[json.RawMessage](t, client, "demo.echo", nil)
	if n := settled(before + 2); n != before+2 {
		t.Errorf("a connection has %d goroutines", n-before)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 100 {
		client.Call(ctx, "demo.never", nil)
	}
	subscribe(t, client.Topic("demo::*"))
	if n := settled(before + 2); n != before+2 {
		t.Errorf("100 calls and a subscription add %d goroutines", n-before-2)
	}
	_, wait := client.Topic("demo::*").Chan(ctx)
	if n := settled(before + 3); n != before+3 {
		t.Errorf("a channel adds %d goroutines", n-before-2)
	}
	client.Close()
	wait()
	if n := settled(before); n != before {
		t.Errorf("%d goroutines are left after Close", n-before)
	}
}

func TestClientDrains(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	ctx := patience(t)
	slow := client.Call(ctx, "demo.slow", object{"ms": 100})
	report, err := client.Drain(ctx)
	if err != nil || report.Aborted != 0 {
		t.Errorf("%+v %v", report, err)
	}
	if _, err := slow.Await(ctx); err != nil {
		t.Errorf("a call in flight was not waited for: %v", err)
	}
	if _, err := client.Call(ctx, "demo.echo", nil).Await(ctx); !errors.Is(err, rpc.ErrClosed) {
		t.Errorf("%v", err)
	}
}
