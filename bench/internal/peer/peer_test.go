package peer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// inGo are the contenders that need nothing but this process.
func inGo(t *testing.T) []Peer {
	list := Here(func(name string) bool { return !strings.Contains(name, "js") && name != "redis" }, t.Logf)
	if len(list) < 7 {
		t.Fatalf("%d contenders", len(list))
	}
	return list
}

func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestCalls(t *testing.T) {
	for _, p := range inGo(t) {
		t.Run(p.Name, func(t *testing.T) {
			ctx := patience(t)
			c, err := p.Calls(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, inFlight := range []int{1, 8} {
				if err := c.Calls(ctx, 40, inFlight); err != nil {
					t.Errorf("%d in flight: %v", inFlight, err)
				}
			}
			if e, ok := c.(Echoer); ok {
				if err := e.Call(ctx); err != nil {
					t.Error(err)
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	for _, p := range inGo(t) {
		for _, config := range []EventConfig{{Size: 100, Receivers: 2}, {Size: 1 << 20, Receivers: 1}} {
			t.Run(p.Name, func(t *testing.T) {
				ctx := patience(t)
				c, err := p.Events(ctx, config)
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range []int{1, 10} { // below the window and above it
					if err := c.Events(ctx, n); err != nil {
						t.Errorf("%d events of %d B: %v", n, config.Size, err)
					}
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestPulses(t *testing.T) {
	for _, p := range inGo(t) {
		if p.Pulses == nil {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			ctx := patience(t)
			c, err := p.Pulses(ctx)
			if err != nil {
				t.Fatal(err)
			}
			l, err := c.Pulse(ctx, 5, 1000, time.Millisecond)
			if err != nil || l.P50 <= 0 || l.P99 < l.P50 {
				t.Errorf("%+v, %v", l, err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A publisher waits for the slowest of its receivers, and its run ends when that
// one has had all.
func TestGateHoldsThePublisher(t *testing.T) {
	config := EventConfig{Size: 1 << 20, Receivers: 2}
	g := newGate(config)
	ctx, cancel := context.WithCancelCause(t.Context())
	broken := errors.New("the second receiver stands still")
	published := 0
	err := g.publish(ctx, 100, func() error {
		published++
		g.received(0)
		if published == config.window() {
			cancel(broken)
		}
		return nil
	}, unbuffered)
	if !errors.Is(err, broken) || published != config.window() {
		t.Errorf("published %d: %v", published, err)
	}
}

func TestGateFlushesBeforeItWaits(t *testing.T) {
	config := EventConfig{Size: 1 << 20, Receivers: 1}
	g, queued := newGate(config), 0
	err := g.publish(t.Context(), 21, func() error { queued++; return nil }, func() error {
		for ; queued > 0; queued-- {
			g.received(0)
		}
		return nil
	})
	if err != nil || g.slowest() != 21 {
		t.Errorf("%d of 21 have come: %v", g.slowest(), err)
	}
}

func TestWindow(t *testing.T) {
	for size, want := range map[int]int{100: 4096, 1 << 10: 4096, 64 << 10: 64, 1 << 20: 4, 4 << 20: 4} {
		if got := (EventConfig{Size: size}).window(); got != want {
			t.Errorf("window of events of %d B: %d, want %d", size, got, want)
		}
	}
}

// The first error of a caller ends the others.
func TestCallManyStops(t *testing.T) {
	broken := errors.New("broken")
	err := callMany(t.Context(), 1000, 4, func(ctx context.Context, worker int) error {
		if worker == 2 {
			return broken
		}
		<-ctx.Done()
		return nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestObject(t *testing.T) {
	for _, n := range []int{50, CallSize, 1 << 10} {
		if got := len(Object(n)); got != n {
			t.Errorf("Object(%d) has %d bytes", n, got)
		}
	}
}

func TestLatencyOf(t *testing.T) {
	var all []float64
	for i := range 1000 {
		all = append(all, float64(1000-i))
	}
	if got, want := LatencyOf(all), (Latency{P50: 501, P99: 991}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := LatencyOf(nil); got != (Latency{}) {
		t.Errorf("of nothing: %+v", got)
	}
}
