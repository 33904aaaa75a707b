package conn_test

import (
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
)

func TestStrictBackoff(t *testing.T) {
	b := conn.StrictBackoff()
	for range 2 {
		for i, want := range []time.Duration{500, 750, 1000, 1000, 1000} {
			if got := b.NextBackOff(); got != want*time.Millisecond {
				t.Errorf("wait %d is %v, want %v ms", i, got, int(want))
			}
		}
		b.Reset()
	}
}

// Every wait, the first one too, lies evenly between 0 and its window, and the
// windows grow to the largest one. It never gives up.
func TestFullJitter(t *testing.T) {
	windows := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 500 * time.Millisecond, 500 * time.Millisecond}
	const rounds = 2000
	b := conn.NewBackoff(conn.BackoffConfig{Initial: windows[0], Max: windows[4], Multiplier: 2})
	sum := make([]time.Duration, len(windows))
	tenths := make([]int, 10) // of the first window
	for range rounds {
		b.Reset()
		for i, window := range windows {
			wait := b.NextBackOff()
			if wait < 0 || wait > window {
				t.Fatalf("wait %d is %v, out of 0 to %v", i, wait, window)
			}
			sum[i] += wait
			if i == 0 {
				tenths[min(int(wait*10/window), 9)]++
			}
		}
	}
	for i, window := range windows {
		if mean := sum[i] / rounds; mean < window*45/100 || mean > window*55/100 {
			t.Errorf("wait %d is %v in the mean, want about half of %v", i, mean, window)
		}
	}
	for i, n := range tenths {
		if n < rounds/20 || n > rounds/6 {
			t.Errorf("%d of %d first waits are in tenth %d of the window", n, rounds, i)
		}
	}
}

func TestDefaultsOfTheBackoff(t *testing.T) {
	b := conn.NewBackoff(conn.BackoffConfig{})
	longest, total := time.Duration(0), time.Duration(0)
	for i := range 5000 { // for hours, if it were real
		wait := b.NextBackOff()
		total += wait
		if i < 200 && wait > time.Second+total/2 {
			t.Errorf("wait %d is %v, %v after the loss: a hall that is back is found late", i, wait, total)
		}
		if wait < 0 {
			t.Fatalf("it gave up after %d waits", i)
		}
		if i == 0 && wait > 500*time.Millisecond {
			t.Errorf("the first wait is %v", wait)
		}
		longest = max(longest, wait)
	}
	if longest > 30*time.Second || longest < 29*time.Second {
		t.Errorf("the longest wait is %v, want almost 30 s", longest)
	}
	if b := conn.NewBackoff(conn.BackoffConfig{Max: time.Millisecond}); b.NextBackOff() > time.Millisecond {
		t.Error("the first wait is longer than the largest window")
	}
}

func TestWrongBackoffs(t *testing.T) {
	for _, cfg := range []conn.BackoffConfig{{Initial: -1}, {Max: -1}, {Multiplier: 0.5}, {Multiplier: -2}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v is accepted", cfg)
				}
			}()
			conn.NewBackoff(cfg)
		}()
	}
}
