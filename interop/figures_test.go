package interop_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/rpc"
)

// figure prints one measurement in the form that tools read.
func figure(name string, value float64, unit string) {
	fmt.Printf("figure %s %g %s\n", name, value, unit)
}

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds()) / 1000
}

// The figures are measured by `make interop`, without the race detector.
func requireFigures(t *testing.T) {
	if os.Getenv("XBUS_FIGURES") == "" {
		t.Skip("figures are measured by make interop (XBUS_FIGURES=1)")
	}
}

func TestFiguresConnect(t *testing.T) {
	requireFigures(t)
	server := interop.StartServerT(t, interop.ServerOptions{})
	var took []time.Duration
	for range 20 {
		began := time.Now()
		client, err := xbus.Connect(patience(t), server.URL())
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
		client.Close()
	}
	figure("interop.connect_ms", median(took), "ms")
}

func TestFiguresReturn(t *testing.T) {
	requireFigures(t)
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	var took []time.Duration
	for range 10 {
		server.Kill()
		if err := server.Restart(patience(t)); err != nil {
			t.Fatal(err)
		}
		ready := time.Now()
		call[json.RawMessage](t, client, "demo.echo", nil)
		took = append(took, time.Since(ready))
	}
	figure("interop.back_ms", median(took), "ms")
}

func TestFiguresInFlight(t *testing.T) {
	requireFigures(t)
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	ctx := patience(t)
	pending := make([]*rpc.Pending, 10000)
	ends := make([]atomic.Int32, len(pending))
	for i := range pending {
		pending[i] = client.Call(ctx, "demo.never", nil, rpc.Trace(func(s rpc.Step) {
			if s.End {
				ends[i].Add(1)
			}
		}))
	}
	call[json.RawMessage](t, client, "demo.echo", nil) // all are out
	server.Kill()
	lost := time.Now()
	settled := 0
	for _, p := range pending {
		_, err := p.Await(ctx)
		if v, ok := rpc.VerdictOf(err); ok && errors.Is(err, rpc.ErrConnectionLost) && v == rpc.MaybeExecuted {
			settled++
		}
	}
	took := time.Since(lost)
	client.Close() // what would end a call once more has run
	for i := range ends {
		if n := ends[i].Load(); n != 1 {
			t.Errorf("call %d has ended %d times", i, n)
		}
	}
	figure("interop.inflight_settled", float64(settled), "calls")
	figure("interop.inflight_settle_ms", float64(took.Microseconds())/1000, "ms")
}

func TestFiguresGoroutines(t *testing.T) {
	requireFigures(t)
	server := interop.StartServerT(t, interop.ServerOptions{})
	before := runtime.NumGoroutine()
	client := connect(t, server.URL())
	call[json.RawMessage](t, client, "demo.echo", nil)
	n := runtime.NumGoroutine()
	for began := time.Now(); n > before+2 && time.Since(began) < time.Second; n = runtime.NumGoroutine() {
		runtime.Gosched()
	}
	figure("client.goroutines", float64(n-before), "goroutines")
}
