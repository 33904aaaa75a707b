package xbustest_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/xbustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestScripts(t *testing.T) {
	hall := xbustest.Start(t)
	hall.Answer("thermo.read", 21.5)
	hall.Script("thermo.write", xbustest.Fail(server.Errorf("LOCKED", "try again")), xbustest.After(time.Millisecond, xbustest.Reply("done")))
	client, ctx := hall.Connect(), within(t)

	if got, err := xbus.Call[float64](ctx, client, "thermo.read", nil).Await(ctx); err != nil || got != 21.5 {
		t.Errorf("got %v, %v", got, err)
	}
	_, err := client.Call(ctx, "thermo.write", map[string]int{"b": 1, "a": 2}).Await(ctx)
	if e, ok := errors.AsType[*rpc.Error](err); !ok || e.Code != "LOCKED" {
		t.Errorf("the first time: %v", err)
	}
	for range 2 {
		if got, err := xbus.Call[string](ctx, client, "thermo.write", map[string]int{"a": 3}).Await(ctx); err != nil || got != "done" {
			t.Errorf("afterwards: %v, %v", got, err)
		}
	}
	hall.AssertCalled("thermo.read", 1)
	hall.AssertCalled("thermo.write", 3)
	hall.AssertData("thermo.write", map[string]any{"a": 3})
	var data struct{ A, B int }
	if call := hall.Await("thermo.write"); call.Decode(&data) != nil || data.A != 2 || data.B != 1 || call.OrcName != client.OrcName().Load() {
		t.Errorf("the first call is %v", call)
	}
	hall.Answer("thermo.read", 7)
	if got, err := xbus.Call[int](ctx, client, "thermo.read", nil).Await(ctx); err != nil || got != 7 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestSilenceAndCut(t *testing.T) {
	hall := xbustest.Start(t)
	hall.Script("a.silent", xbustest.Silence())
	hall.Script("a.cut", xbustest.Cut(), xbustest.Reply("back"))
	client := hall.Connect()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := client.Call(ctx, "a.silent", nil).Await(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silence: %v", err)
	}
	if _, err := client.Call(within(t), "a.cut", nil).Await(within(t)); !errors.Is(err, rpc.ErrConnectionLost) {
		t.Errorf("cut: %v", err)
	}
	if got, err := xbus.Call[string](within(t), client, "a.cut", nil).Await(within(t)); err != nil || got != "back" {
		t.Errorf("after the return: %v, %v", got, err)
	}
}

func TestRestart(t *testing.T) {
	hall := xbustest.Start(t)
	hall.Answer("a.b", 1)
	client := hall.Connect()
	before, url := client.Token().Load(), hall.URL()
	hall.Restart()
	if hall.URL() != url {
		t.Errorf("the address was %s and is %s", url, hall.URL())
	}
	if _, err := client.State().Wait(within(t), func(s conn.State) bool { return s.Usable() && s.Epoch == 2 }); err != nil {
		t.Fatal(err)
	}
	if got, err := xbus.Call[int](within(t), client, "a.b", nil).Await(within(t)); err != nil || got != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	if client.Token().Load() == before {
		t.Error("the token is the same")
	}
}

func TestNetwork(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the network needs 127.0.0.0/8")
	}
	hall := xbustest.Start(t)
	hall.Answer("a.b", 1)
	network := hall.Network()
	network.OneByte()
	client := network.Connect(xbus.WithBackoff(conn.BackoffConfig{Initial: 5 * time.Millisecond, Max: 20 * time.Millisecond}))
	call := func() error {
		_, err := client.Call(within(t), "a.b", nil).Await(within(t))
		return err
	}
	if err := call(); err != nil {
		t.Errorf("byte by byte: %v", err)
	}
	network.Heal()
	network.Delay(20 * time.Millisecond)
	began := time.Now()
	if err := call(); err != nil || time.Since(began) < 40*time.Millisecond {
		t.Errorf("delayed: %v after %v", err, time.Since(began))
	}
	network.Heal()
	network.Refuse()
	network.Cut()
	if _, err := client.State().Wait(within(t), func(s conn.State) bool { return s.Err != nil && errors.Is(s.Err, conn.ErrRefused) }); err != nil {
		t.Errorf("refused: %v", err)
	}
	network.Heal()
	if err := call(); err != nil {
		t.Errorf("healed: %v", err)
	}
}

func TestInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := xbustest.Start(t, xbustest.InProcess("virtual"))
		hall.Script("a.slow", xbustest.After(time.Minute, xbustest.Reply(1)))
		client := hall.Connect(xbus.WithCallTimeout(10 * time.Second))
		began := time.Now()
		if _, err := client.Call(t.Context(), "a.slow", nil).Await(t.Context()); !errors.Is(err, rpc.ErrTimeout) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("after %v", took)
		}
	})
}

// A failing helper tells what was called instead.
func TestFailuresSayWhatWasCalled(t *testing.T) {
	hall := xbustest.Start(t)
	hall.Answer("a.b", 1)
	client := hall.Connect()
	client.Call(within(t), "a.b", 7).Await(within(t))
	spy := &spy{TB: t}
	probe := xbustest.Start(spy)
	defer probe.Stop()
	probe.AssertCalled("c.d", 1)
	probe.AssertData("c.d", 1)
	if len(spy.errors) != 2 {
		t.Errorf("reported %q", spy.errors)
	}
}

type spy struct {
	testing.TB
	mu     sync.Mutex
	errors []string
}

func (s *spy) Errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors = append(s.errors, format)
}
