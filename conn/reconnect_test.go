package conn_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
)

// The waits of the reference: 0.5, 0.75, 1, 1 … s (protocol §2.7).
func TestTheWaitsOfTheReference(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		began := time.Now()
		h.Down()
		time.Sleep(5*time.Second + time.Millisecond)
		ms := time.Millisecond
		if got := r.waits(); !slices.Equal(got, []time.Duration{500 * ms, 750 * ms, 1000 * ms, 1000 * ms, 1000 * ms, 1000 * ms}) {
			t.Errorf("waited %v", got)
		}
		if s := r.State().Load(); s.Phase != conn.Reconnecting || s.Attempt != 6 || s.NextDelay != time.Second || !errors.Is(s.Err, conn.ErrRefused) {
			t.Errorf("meanwhile the state is %+v", s)
		}
		h.Up()
		r.session(2)
		at(t, began, 5250*ms)
		if got := r.noticed(4); !slices.Equal(got, []string{"commands.registry", "reconnect attempt", "commands.registry", "reconnect"}) {
			t.Errorf("noticed %v: one attempt is reported for one loss", got)
		}
		if s := r.State().Load(); s.Attempt != 0 || s.NextDelay != 0 || s.Err != nil {
			t.Errorf("afterwards the state is %+v", s)
		}
	})
}

// A hall that accepts and drops is not hammered: the waits begin anew only after
// a session that has seen a heartbeat.
func TestWaitsBeginAnewAfterAGoodSession(t *testing.T) {
	bubble(t, halltest.Script{Beat: -1}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		for n := uint64(1); n <= 4; n++ {
			r.session(n)
			h.Cut(halltest.Notifier)
			synctest.Wait()
		}
		ms := time.Millisecond
		if got := r.waits(); !slices.Equal(got, []time.Duration{500 * ms, 750 * ms, 1000 * ms, 1000 * ms}) {
			t.Errorf("waited %v for a hall that drops", got)
		}
		r.session(5)
		h.Beat()
		synctest.Wait()
		h.Cut(halltest.Notifier)
		synctest.Wait()
		if got := r.State().Load().NextDelay; got != 500*ms {
			t.Errorf("waits %v after a good session", got)
		}
	})
}

func TestTheFirstFailureEndsRun(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		h.Down()
		r := start(t, tr)
		err := r.wait()
		if !errors.Is(err, conn.ErrRefused) {
			t.Errorf("Run returned %v", err)
		}
		if s := r.State().Load(); s.Phase != conn.Closed || !errors.Is(s.Err, conn.ErrRefused) {
			t.Errorf("the state is %+v", s)
		}
		if _, err := r.State().Wait(t.Context(), conn.State.Usable); err == nil {
			t.Error("a wait for a state that cannot come any more goes on")
		}
	})
}

func TestRetryFirst(t *testing.T) {
	retry := func(c *conn.Config) { c.RetryFirst = true }
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		began := time.Now()
		h.Down()
		r := start(t, tr, retry)
		time.Sleep(3 * time.Second)
		h.Up()
		r.session(1)
		at(t, began, 3250*time.Millisecond)
		if got := r.path(); got != "connecting connected" {
			t.Errorf("the path was %s", got)
		}
		if got := r.noticed(1); !slices.Equal(got, []string{"commands.registry"}) {
			t.Errorf("noticed %v, as after a reconnection", got)
		}
	})
	t.Run("not for permanent reasons", func(t *testing.T) {
		bubble(t, halltest.Script{Reject: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
			if err := start(t, tr, retry).wait(); !errors.Is(err, conn.ErrCertificateRejected) {
				t.Errorf("Run returned %v", err)
			}
		})
	})
}

// After the first session even a permanent reason is only shown: it may be
// cured, as in protocol §2.5.
func TestPermanentReasonsAfterTheFirstSession(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr)
		r.session(1)
		h.Set(func(s *halltest.Script) { s.Reject = true })
		h.Cut(halltest.Notifier)
		r.until("a rejection", func(s conn.State) bool {
			return s.Phase == conn.Reconnecting && errors.Is(s.Err, conn.ErrCertificateRejected)
		})
		h.Set(func(s *halltest.Script) { s.Reject = false })
		r.session(2)
	})
}

func TestGiveUp(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) {
			c.GiveUp = func(err error) bool { return errors.Is(err, conn.ErrCertificateRejected) }
		})
		r.session(1)
		h.Cut(halltest.Notifier)
		r.session(2) // not for this reason
		h.Set(func(s *halltest.Script) { s.Reject = true })
		h.Cut(halltest.Notifier)
		if err := r.wait(); !errors.Is(err, conn.ErrCertificateRejected) {
			t.Errorf("Run returned %v", err)
		}
		if got := r.path(); got != "connecting connected reconnecting connected reconnecting closed" {
			t.Errorf("the path was %s", got)
		}
	})
}

// stopAfter is a backoff that gives up.
type stopAfter int

func (n *stopAfter) NextBackOff() time.Duration {
	if *n--; *n < 0 {
		return -1
	}
	return time.Second
}
func (n *stopAfter) Reset() {}

func TestABackoffMayGiveUp(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		began := time.Now()
		h.Down()
		left := stopAfter(3)
		r := start(t, tr, func(c *conn.Config) { c.RetryFirst, c.Backoff = true, func() conn.Backoff { return &left } })
		if err := r.wait(); !errors.Is(err, conn.ErrRefused) {
			t.Errorf("Run returned %v", err)
		}
		at(t, began, 3*time.Second)
	})
}

func TestGameOverStopsForGood(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) { c.GiveUp = func(error) bool { return false } })
		r.session(1)
		h.GameOver()
		err := r.wait()
		if s := r.State().Load(); !errors.Is(err, conn.ErrGameOver) || s.Phase != conn.Closed || !errors.Is(s.Err, conn.ErrGameOver) {
			t.Errorf("Run returned %v, the state is %v", err, s)
		}
		if got := r.path(); got != "connecting connected closed" {
			t.Errorf("the path was %s", got)
		}
		if causes := r.losses(1); len(causes) != 1 || !errors.Is(causes[0], conn.ErrGameOver) {
			t.Errorf("detached for %v", causes)
		}
		if got := r.noticed(1); !slices.Equal(got, []string{"commands.registry"}) {
			t.Errorf("noticed %v: there is no attempt to come back", got)
		}
	})
}

func TestGameOverAndComeBack(t *testing.T) {
	bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) { c.GameOver = conn.ComeBack })
		r.session(1)
		h.GameOver()
		h.Down()
		r.until("without a session", func(s conn.State) bool { return s.Phase == conn.Reconnecting && s.Err != nil })
		if got := r.losses(1)[0]; !errors.Is(got, conn.ErrGameOver) {
			t.Errorf("detached for %v", got)
		}
		time.Sleep(time.Minute)
		h.Set(func(s *halltest.Script) { s.Token = halltest.OtherToken })
		h.Up()
		r.session(2)
	})
}

// A farewell is not a first session: Connect learns the reason.
func TestComeBackToAHallThatNeverWas(t *testing.T) {
	bubble(t, halltest.Script{Hold: true}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) { c.GameOver = conn.ComeBack })
		h.Await(1, "command autoconnect")
		h.GameOver()
		if err := r.wait(); !errors.Is(err, conn.ErrGameOver) {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestIdentityAfterARestart(t *testing.T) {
	for _, test := range []struct {
		name    string
		adopt   bool
		orcName string
	}{
		{"goes on under the first name", false, grom},
		{"or takes the new one", true, thrall},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, halltest.Script{}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
				r := start(t, tr, func(c *conn.Config) { c.AdoptNewName = test.adopt })
				r.session(1)
				h.Set(func(s *halltest.Script) { s.Name, s.Token = "Thrall", halltest.OtherToken })
				h.Cut(halltest.Notifier)
				s := r.session(2)
				want := conn.Identity{Token: halltest.OtherToken, OrcName: test.orcName, AssignedName: thrall}
				if s.Identity != want || r.OrcName().Load() != test.orcName || r.Token().Load() != halltest.OtherToken {
					t.Errorf("the identity is %+v, want %+v", s.Identity, want)
				}
				(&players{t, h, r}).echo()
				echo := h.Commands()[len(h.Commands())-1]
				_, token, _ := strings.Cut(test.orcName, "@")
				if got := string(echo.ARP()); echo.Token != halltest.OtherToken ||
					got != `{"`+test.orcName+`":{"token":"`+token+`","nice":0,"noForwarding":false,"nodeName":"zog","port":2,"hordes":[]}}` {
					t.Errorf("a command goes with the token %s and the route %s", string(echo.Token), got)
				}
			})
		})
	}
}
