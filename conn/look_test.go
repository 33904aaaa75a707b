package conn_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/wire"
)

// counted answers an autoconnect as a hall of xbus with so many clients does.
func counted(clients int) func(*halltest.Hall, *wire.Message) {
	return func(h *halltest.Hall, m *wire.Message) {
		h.Event(halltest.AutoconnectToken(m)+"::autoconnect.finished",
			fmt.Sprintf(`{"token":"%s","orcName":"Grom@%[1]s","cmdRegistry":{},"isLoaded":true,"xbus":{"version":1,"clients":%d}}`, halltest.Token, clients))
	}
}

func standard(c *conn.Config) { c.Backoff = nil }

// dials counts the dials of a transport. It can hide that the hall is near.
type dials struct {
	conn.Transport
	n   atomic.Int64
	far bool
}

func (d *dials) Dial(ctx context.Context) (conn.Link, error) {
	d.n.Add(1)
	link, err := d.Transport.Dial(ctx)
	if err == nil && d.far {
		link = farLink{link}
	}
	return link, err
}

type farLink struct{ conn.Link }

func (l farLink) Info() conn.LinkInfo {
	info := l.Link.Info()
	info.Server, info.SameHost = false, false
	return info
}

// A hall of this machine is found soon after its return, however long it was
// away; the wait that was announced is one wait.
func TestALookFindsTheHall(t *testing.T) {
	for _, away := range []time.Duration{100 * time.Millisecond, 2 * time.Second, 10 * time.Second} {
		t.Run(away.String(), func(t *testing.T) {
			bubble(t, halltest.Script{Autoconnect: counted(1)}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
				d := &dials{Transport: tr}
				r := start(t, d, standard)
				r.session(1)
				time.Sleep(time.Second)
				h.Down()
				time.Sleep(away)
				looked, states := d.n.Load(), len(r.waits())
				h.Up()
				began := time.Now()
				r.session(2)
				if late, most := time.Since(began), max(20*time.Millisecond, away/240); late > most {
					t.Errorf("back after %v, want %v at most", late, most)
				}
				if most := 20 + int64(away/(5*time.Millisecond)); looked > most {
					t.Errorf("it looked %d times in %v", looked, away)
				}
				if states > 2+int(away/(50*time.Millisecond)) {
					t.Errorf("%d waits were announced in %v", states, away)
				}
			})
		})
	}
}

// The looks get rarer with the clients that the hall had, and cease where they
// are a burden to others: for halls of other machines, and where the backoff is
// not the standard one.
func TestLooksInTheFirstSecond(t *testing.T) {
	for _, test := range []struct {
		name    string
		clients int
		far     bool
		change  func(*conn.Config)
		least   int64
		most    int64
	}{
		{"alone", 1, false, standard, 60, 200},
		{"one of ten", 10, false, standard, 3, 40},
		{"one of a thousand", 1000, false, standard, 0, 25},
		{"the hall does not tell", 0, false, standard, 2, 40},
		{"the hall tells nonsense", -5, false, standard, 2, 40},
		{"far", 1, true, standard, 0, 25},
		{"strict", 1, false, func(*conn.Config) {}, 1, 1},
		{"no looks wanted", 1, false, func(c *conn.Config) {
			c.Backoff = func() conn.Backoff { return conn.NewBackoff(conn.BackoffConfig{Look: -1}) }
		}, 0, 25},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, halltest.Script{Autoconnect: counted(test.clients)}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
				d := &dials{Transport: tr, far: test.far}
				r := start(t, d, test.change)
				r.session(1)
				time.Sleep(time.Second)
				before := d.n.Load()
				h.Down()
				time.Sleep(time.Second)
				if n := d.n.Load() - before; n < test.least || n > test.most {
					t.Errorf("%d dials in the first second, want %d to %d", n, test.least, test.most)
				}
			})
		})
	}
}

// A hall that takes clients in and drops them is not looked for: it is there.
func TestNoLooksForAHallThatDrops(t *testing.T) {
	bubble(t, halltest.Script{Autoconnect: counted(1), Beat: -1}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) {
			c.Backoff = func() conn.Backoff { return patient{conn.NewBackoff(conn.BackoffConfig{}).(conn.Looker)} }
		})
		began := time.Now()
		for n := uint64(1); n <= 3; n++ {
			r.session(n)
			h.Cut(halltest.Notifier)
			synctest.Wait()
		}
		r.session(4)
		at(t, began, 27*time.Second)
	})
}

// A hall that ends right after it has taken a client in is looked for: the first
// look finds that it is away.
func TestALookAfterABriefSession(t *testing.T) {
	bubble(t, halltest.Script{Autoconnect: counted(1)}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, func(c *conn.Config) {
			c.Backoff = func() conn.Backoff { return patient{conn.NewBackoff(conn.BackoffConfig{}).(conn.Looker)} }
		})
		r.session(1)
		h.Down()
		time.Sleep(100 * time.Millisecond)
		h.Up()
		began := time.Now()
		r.session(2)
		if late := time.Since(began); late > 20*time.Millisecond {
			t.Errorf("back after %v", late)
		}
	})
}

// patient waits for nine seconds, unless a look is faster.
type patient struct{ conn.Looker }

func (patient) NextBackOff() time.Duration { return 9 * time.Second }

func TestALookIsAnAttempt(t *testing.T) {
	waits := func(c *conn.Config) {
		c.Backoff = func() conn.Backoff { return patient{conn.NewBackoff(conn.BackoffConfig{}).(conn.Looker)} }
	}
	bubble(t, halltest.Script{Autoconnect: counted(1)}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
		r := start(t, tr, waits)
		r.session(1)
		time.Sleep(time.Second)
		h.Down()
		time.Sleep(5 * time.Second)
		if s := r.State().Load(); s.Phase != conn.Reconnecting || s.Attempt != 1 || s.NextDelay != 9*time.Second || !errors.Is(s.Err, conn.ErrLinkLost) {
			t.Errorf("meanwhile the state is %+v", s)
		}
		h.Up()
		r.session(2)
		synctest.Wait()
		if got := r.path(); got != "connecting connected reconnecting connected" {
			t.Errorf("the path was %s", got)
		}
	})
	t.Run("that Reconnect ends", func(t *testing.T) {
		bubble(t, halltest.Script{Autoconnect: counted(1)}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
			stuck := &stuckDials{Transport: tr}
			r := start(t, stuck, waits)
			r.session(1)
			time.Sleep(time.Second)
			stuck.on.Store(true)
			h.Cut(halltest.Notifier)
			time.Sleep(time.Second) // in the middle of a look
			began := time.Now()
			stuck.on.Store(false)
			r.Reconnect()
			r.session(2)
			at(t, began, 0)
		})
	})
	t.Run("that the end of Run ends", func(t *testing.T) {
		bubble(t, halltest.Script{Autoconnect: counted(1)}, func(t *testing.T, h *halltest.Hall, tr conn.Transport) {
			stuck := &stuckDials{Transport: tr}
			r := start(t, stuck, waits)
			r.session(1)
			time.Sleep(time.Second)
			stuck.on.Store(true)
			h.Cut(halltest.Notifier)
			time.Sleep(time.Second)
			began := time.Now()
			r.stop()
			at(t, began, 0)
		})
	})
}

// stuckDials are answered by nobody.
type stuckDials struct {
	conn.Transport
	on atomic.Bool
}

func (s *stuckDials) Dial(ctx context.Context) (conn.Link, error) {
	if s.on.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Transport.Dial(ctx)
}

// A thousand clients of one hall, cut at the same moment, are back in 15 s, and
// never more than 3 % of them in any 50 ms, when they are told to take 5 s. Those
// that came in first know of few others, and look often.
func TestAThousandReturn(t *testing.T) {
	t.Run("to a hall that tells how many they are", func(t *testing.T) {
		aThousandReturn(t, func(k int) int { return k + 1 })
	})
	t.Run("to one that does not", func(t *testing.T) { aThousandReturn(t, func(int) int { return 0 }) })
}

func aThousandReturn(t *testing.T, told func(k int) int) {
	const clients, slot = 1000, 50 * time.Millisecond
	slots, last := make([]int, 400), time.Duration(0)
	for k := range clients {
		b := conn.NewBackoff(conn.BackoffConfig{Initial: 5 * time.Second}).(conn.Looker)
		wait, look := b.NextBackOff(), b.Look(0, told(k))
		back := min(wait, look)
		last = max(last, back)
		slots[back/slot]++
	}
	for i, n := range slots {
		if n > clients*3/100+15 { // 3 %, and three times the deviation of such a draw
			t.Errorf("%d of %d are back in the slot at %v", n, clients, time.Duration(i)*slot)
		}
	}
	if last > 15*time.Second {
		t.Errorf("the last one is back after %v", last)
	}
}

// While a hall is away, all its clients together look about 100 times a second.
func TestAThousandLook(t *testing.T) {
	const clients, limit = 1000, 60 * time.Second
	b := conn.NewBackoff(conn.BackoffConfig{Look: 20 * time.Millisecond}).(conn.Looker)
	looks := 0
	for range clients {
		for at := b.Look(0, clients); at < limit; at += b.Look(at, clients) {
			looks++
		}
	}
	if rate := float64(looks) / limit.Seconds(); rate < 20 || rate > 120 {
		t.Errorf("%.0f looks a second", rate)
	}
}

func TestWindowsOfLooks(t *testing.T) {
	b := conn.NewBackoff(conn.BackoffConfig{}).(conn.Looker)
	for _, test := range []struct {
		away    time.Duration
		clients int
		window  time.Duration
	}{
		{0, 1, 20 * time.Millisecond},
		{5 * time.Second, 1, 20 * time.Millisecond},
		{50 * time.Second, 1, 200 * time.Millisecond},
		{0, 100, 2 * time.Second},
		{time.Hour, 2, 28800 * time.Millisecond},
		{1000 * time.Hour, 1 << 40, time.Minute},
		{0, 0, time.Second / 3},
		{8 * time.Second, 0, 4 * time.Second / 3},
	} {
		longest, sum := time.Duration(0), time.Duration(0)
		const rounds = 1000
		for range rounds {
			wait := b.Look(test.away, test.clients)
			if wait < 0 {
				t.Fatalf("a look after %v", wait)
			}
			longest, sum = max(longest, wait), sum+wait
		}
		if mean := sum / rounds; longest > test.window || mean < test.window*40/100 || mean > test.window*60/100 {
			t.Errorf("%v away, %d clients: looks after %v in the mean and %v at most, want windows of %v", test.away, test.clients, mean, longest, test.window)
		}
	}
}
