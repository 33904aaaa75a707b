package server

import (
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/wire"
)

// Clients that come and go leave nothing in the tables of the hall, no goroutine
// and no memory.
func TestComingAndGoing(t *testing.T) {
	hall, err := Listen(t.Context(), Config{Listen: []string{"mem://coming"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hall.Close() })
	transport, err := inproc.New("coming")
	if err != nil {
		t.Fatal(err)
	}
	visits := func(n int) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range n / 4 {
					visit(t, transport)
				}
			})
		}
		wg.Wait()
		settle(t, "connections are left", func() bool {
			connections, _, _ := hall.routes.count()
			return connections == 0 && len(*hall.routes.all.Load()) == 0 && hall.Stats().InFlight == 0
		})
	}
	visits(400)
	goroutines, heap := runtime.NumGoroutine(), heapInUse()
	visits(4000)
	// What a connection has is gone from the tables before its goroutines have ended.
	settle(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	settle(t, "activities are left", func() bool {
		hall.queue.mu.Lock()
		defer hall.queue.mu.Unlock()
		return len(hall.queue.lanes)+len(hall.queue.queues)+len(hall.queue.turns) == 0
	})
	r := &hall.routes
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.owners) + len(r.lines) + len(r.sessions) + len(r.peers) + len(*r.all.Load()); n != 0 {
		t.Errorf("%d entries are left", n)
	}
	if now := heapInUse(); now > heap+1<<20 {
		t.Errorf("the heap was %d kB and is %d kB", heap>>10, now>>10)
	}
}

// settle waits for what is about to happen by itself.
func settle(t *testing.T, otherwise string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(otherwise)
		}
	}
}

func visit(t *testing.T, transport conn.Transport) {
	link, err := transport.Dial(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	defer link.Close()
	send := func(m *wire.Message) {
		if _, err := link.Send(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
	send(&wire.Message{Topic: wire.CommandAuto, Token: "invalid", OrcName: wire.GreatHall, ID: "1",
		Data: json.RawMessage(`{"autoConnectToken":"t"}`), Rare: &wire.Rare{ARP: json.RawMessage(fmt.Sprintf(`{"t":{"port":%d}}`, link.Info().Port))}})
	for {
		m, err := link.Receive()
		if err != nil {
			t.Error(err)
			return
		}
		switch m.Topic {
		case "t::autoconnect.finished":
			var w struct{ Token, OrcName string }
			json.Unmarshal(m.Data, &w)
			send(&wire.Message{Topic: commandLines, Token: wire.Token(w.Token), OrcName: w.OrcName, ID: "2", Nested: true,
				Data: json.RawMessage(fmt.Sprintf(`{"type":"add","lineId":"x","orcName":%q,"token":"t"}`, w.OrcName))})
		case wire.TopicHeartbeat:
		default:
			return
		}
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A client that is coming in is not the one that room is made of, however many
// sessions are away.
func TestRoomIsNotMadeOfWhoComesIn(t *testing.T) {
	hall, err := Listen(t.Context(), Config{Listen: []string{"mem://room"}, Limits: Limits{Sessions: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer hall.Close()
	p := &peer{}
	ask := ask{xbus: &announced{version: 1}}
	var away []*session
	for range 3 {
		s := hall.sessionFor(p, ask)
		s.gone = s.gone.Add(-time.Minute)
		hall.nameFor(s, ask)
		away = append(away, s)
	}
	coming := hall.sessionFor(p, ask)
	hall.nameFor(coming, ask)
	hall.routes.limitAway(1)
	if coming.closed || !away[0].closed {
		t.Errorf("the one that comes in was given up: %v, the one that has been away longest: %v", coming.closed, away[0].closed)
	}
}
