package server_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/server"
)

// A listener gets all events of a test, and notes how long each took.
type listener struct {
	client *raw
	took   []time.Duration
}

// A broadcast is a number of events of 10 kB, sent no faster than the listeners
// take them.
type broadcast struct {
	hall      *server.Hall
	listeners []*listener
	sent      []atomic.Int64 // when, as time since began
	began     time.Time
}

const ahead = 32 // how many events may be on their way

func (b *broadcast) run(t *testing.T, n int) (p99 time.Duration) {
	t.Helper()
	b.sent, b.began = make([]atomic.Int64, n), time.Now()
	var wg sync.WaitGroup
	room := make(chan struct{}, len(b.listeners)*n)
	for _, l := range b.listeners {
		l.took = l.took[:0]
		wg.Go(func() {
			for i := range n {
				m, err := l.client.read()
				if err != nil || m.Topic != "big::news" || !strings.HasPrefix(string(m.Data), fmt.Sprintf(`"%d `, i)) {
					t.Errorf("event %d: %.40v, %v", i, m, err)
					for range n - i {
						room <- struct{}{}
					}
					return
				}
				l.took = append(l.took, time.Since(b.began)-time.Duration(b.sent[i].Load()))
				room <- struct{}{}
			}
		})
	}
	text := strings.Repeat("x", 10_000)
	for i := range n {
		for range len(b.listeners) {
			if i >= ahead {
				<-room
			}
		}
		b.sent[i].Store(int64(time.Since(b.began)))
		if err := b.hall.Publish(t.Context(), "big::news", fmt.Sprintf("%d %s", i, text)); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	var all []time.Duration
	for _, l := range b.listeners {
		all = append(all, l.took...)
	}
	return percentile(all, 99)
}

func percentile(took []time.Duration, p int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[(len(took)-1)*p/100]
}

// A client that reads nothing while 400 MB are sent to all, with the default
// limits: the hall holds what its queue may hold, cuts it, tells it why when it is
// back, and the others get everything in time. It is the queue that ends it, not
// the time that a write may take (see TestStalledConsumer), which a busy machine
// may need to fill the queue.
func TestStalledConsumerCostsNobody(t *testing.T) {
	n := 3_000 // 30 MB
	if os.Getenv("XBUS_FIGURES") != "" {
		n = 40_000
	}
	cfg := server.Config{Listen: []string{"xcraft://127.0.0.1:0"}}
	cfg.Sockets.WriteTimeout = noTimeout
	hall := openT(t, cfg)
	b := &broadcast{hall: hall, listeners: []*listener{{client: joinRaw(t, hall.URL())}, {client: joinRaw(t, hall.URL())}}}
	b.run(t, n/10)
	m := watchMemory()
	quiet := b.run(t, n/5)
	usual := m.grown()

	stalled := joinX(t, hall, "") // and reads no more
	m = watchMemory()
	sent, cutAt := make(chan struct{}), make(chan time.Duration, 1)
	began, idle := time.Now(), startPulse()
	go func() {
		for hall.Stats().Cut[server.SlowConsumer] == 0 {
			select {
			case <-time.After(time.Millisecond):
			case <-sent:
				cutAt <- time.Since(began)
				return
			}
		}
		cutAt <- time.Since(began)
	}()
	beside := b.run(t, n)
	still := idle.end()
	close(sent)
	took, grown := <-cutAt, max(0, m.grown()-usual)
	ratio := float64(beside) / float64(quiet)
	t.Logf("figure hall.stalled_mib %.1f MiB", grown)
	t.Logf("figure hall.stalled_cut_ms %.0f ms", float64(took.Milliseconds()))
	t.Logf("figure hall.stalled_p99_vs_quiet %.2f times", ratio)
	t.Logf("quiet p99 %v, beside a stalled client %v", quiet, beside)
	if s := hall.Stats(); s.Cut[server.SlowConsumer] != 1 || len(s.Cut) != 1 {
		t.Errorf("all is sent, and cut are %v", s.Cut)
	}
	if grown > 64 {
		t.Errorf("the program has grown by %.1f MiB", grown)
	}
	if beside > max(20*quiet, time.Second)+10*still { // the others do not wait for it, but for the processor
		t.Errorf("the others waited %v, %v without; the program stood still for %v", beside, quiet, still)
	}
	stalled.lost()
	back := joinX(t, hall, fmt.Sprintf(`,"session":%q,"seq":0`, stalled.last.XBus.Session))
	if x := back.last.XBus; !x.Known || x.Lost != string(server.SlowConsumer) || x.Seq == 0 {
		t.Errorf("back: known %v, lost %q, seq %d", x.Known, x.Lost, x.Seq)
	}
}
