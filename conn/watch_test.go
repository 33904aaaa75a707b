package conn_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
)

// silence stops the heartbeats at the moment of the last one, and returns it.
func silence(t *testing.T, h *halltest.Hall) time.Time {
	t.Helper()
	time.Sleep(500*time.Millisecond - time.Since(bubbleStart)%(500*time.Millisecond))
	synctest.Wait()
	h.Set(func(s *halltest.Script) { s.Beat = -1 })
	h.Beat()
	synctest.Wait()
	return time.Now()
}

// bubbleStart is when each bubble of synctest begins.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// phaseAt sleeps until d after began and checks the phase.
func phaseAt(t *testing.T, r *rig, began time.Time, d time.Duration, want conn.Phase) {
	t.Helper()
	time.Sleep(d - time.Since(began))
	synctest.Wait()
	if got := r.State().Load().Phase; got != want {
		t.Errorf("%v after the last sign of life it is %v, want %v", d, got, want)
	}
}

func TestLagIsShownAndThenALoss(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		began := silence(t, h)
		phaseAt(t, r, began, 1499*time.Millisecond, conn.Connected)
		phaseAt(t, r, began, 1500*time.Millisecond, conn.Lagging)
		phaseAt(t, r, began, 4999*time.Millisecond, conn.Lagging)
		if s := r.State().Load(); !s.Usable() || s.Since != began.Add(1500*time.Millisecond) {
			t.Errorf("while it lags the state is %+v", s)
		}
		if got := r.Silence(); got != 4999*time.Millisecond {
			t.Errorf("Silence is %v", got)
		}
		phaseAt(t, r, began, 5000*time.Millisecond, conn.Reconnecting)
		err := r.State().Load().Err
		if !errors.Is(err, conn.ErrNoHeartbeat) || !errors.Is(err, conn.ErrTimeout) {
			t.Errorf("the reason is %v", err)
		}
		if got := r.Stats().Failures[conn.ErrNoHeartbeat.Error()]; got != 1 {
			t.Errorf("the loss was counted %d times", got)
		}
	})
}

// Node halls stop for one or two seconds on their own.
func TestAShortStopIsNoLoss(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		began := silence(t, h)
		phaseAt(t, r, began, 2*time.Second, conn.Lagging)
		h.Beat()
		synctest.Wait()
		if s := r.State().Load(); s.Phase != conn.Connected || s.Epoch != 1 {
			t.Errorf("after the stop it is %v", s)
		}
		if got := r.path(); got != "connecting connected lagging connected" {
			t.Errorf("the path was %s", got)
		}
	})
}

// A lag that begins while the watchdog still counts on the last one is shown at
// its time as well.
func TestASecondLagIsNotLate(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		began := silence(t, h)
		phaseAt(t, r, began, 1700*time.Millisecond, conn.Lagging)
		h.Beat()
		phaseAt(t, r, began, 3199*time.Millisecond, conn.Connected)
		phaseAt(t, r, began, 3200*time.Millisecond, conn.Lagging)
		phaseAt(t, r, began, 6699*time.Millisecond, conn.Lagging)
		phaseAt(t, r, began, 6700*time.Millisecond, conn.Reconnecting)
	})
}

func TestAnyMessageIsASignOfLife(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		began := silence(t, h)
		for range 10 {
			time.Sleep(1400 * time.Millisecond)
			h.Event("a::b", "1")
		}
		phaseAt(t, r, began, 14*time.Second, conn.Connected)
		if got := r.path(); got != "connecting connected" {
			t.Errorf("the path was %s", got)
		}
	})
}

func TestOptimistLag(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) { c.OptimistLag = true })
		r.session(1)
		began := silence(t, h)
		phaseAt(t, r, began, time.Hour, conn.Lagging)
		h.Beat()
		phaseAt(t, r, began, time.Hour+1499*time.Millisecond, conn.Connected)
		phaseAt(t, r, began, time.Hour+1500*time.Millisecond, conn.Lagging)
		if s := r.State().Load(); s.Epoch != 1 {
			t.Errorf("there were %d sessions", s.Epoch)
		}
	})
}

func TestLimitsOfTheWatchdogCanBeSet(t *testing.T) {
	bubble(t, halltest.Script{Beat: 100 * time.Millisecond}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) { c.LagAfter, c.LostAfter = 300*time.Millisecond, time.Second })
		r.session(1)
		began := silence(t, h)
		phaseAt(t, r, began, 299*time.Millisecond, conn.Connected)
		phaseAt(t, r, began, 300*time.Millisecond, conn.Lagging)
		phaseAt(t, r, began, time.Second, conn.Reconnecting)
	})
}

// The wall clock plays no part: synctest's cannot be moved, so this is about
// what the code reads. A session that lives for days does not lag.
func TestADayWithoutLag(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		time.Sleep(2 * time.Hour)
		if got := r.path(); got != "connecting connected" {
			t.Errorf("the path was %s", got)
		}
	})
}
