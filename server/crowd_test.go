package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/server"
)

// A tally counts what must not happen.
type tally struct{ lost, duplicated, misrouted atomic.Int64 }

func (c *tally) figures(t *testing.T) {
	t.Helper()
	for name, n := range map[string]*atomic.Int64{"lost": &c.lost, "duplicated": &c.duplicated, "misrouted": &c.misrouted} {
		t.Logf("figure hall.%s %d messages", name, n.Load())
		if n.Load() != 0 {
			t.Errorf("%s: %d", name, n.Load())
		}
	}
}

// 200 clients join, JS ones among them. Go clients send 10,000 commands, JS clients
// as many; each command causes an event for who has sent it, so that as much goes
// the other way. They join by sixteen: more at once are more than a hall lets wait
// at its door (Sockets.MaxUnbound) when the machine is busy, and a first attempt
// that is turned away is an error.
func TestCrowd(t *testing.T) {
	const clients, total = 200, 10_000
	native := 4 // of the clients are JS ones
	if err := interop.Available(); err != nil {
		t.Log("without JS clients: ", err)
		native = 0
	}
	hall := openT(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	server.Handle(hall, "who.asks", func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
		return in, server.RequestOf(ctx).Send("who.heard", in)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // it takes seconds; the machine may be busy
	defer cancel()
	var counts tally
	var members sync.WaitGroup
	var joined sync.WaitGroup // all are there before the first command is sent
	joined.Add(clients)
	door := make(chan struct{}, 16)
	each := (total + clients - native - 1) / (clients - native)
	for c := range clients - native {
		members.Go(func() { crowdMember(ctx, t, hall, fmt.Sprint("client ", c), each, door, &joined, &counts) })
	}
	for c := range native {
		js := interop.StartClientT(t, interop.ClientOptions{URL: hall.URL()})
		members.Go(func() { crowdNative(ctx, t, js, fmt.Sprint("JS client ", c), total/native, &joined, &counts) })
	}
	members.Wait()
	counts.figures(t)
	want := uint64((clients-native)*each + native*(total/max(native, 1)+1))
	if s := hall.Stats(); len(s.Cut) != 0 || s.Unrouted != 0 || len(s.Refused) != 0 || s.Finished != want {
		t.Errorf("%d commands of %d; stats: %+v", s.Finished, want, s)
	}
}

// A word is what a command and the event that it causes carry.
type word struct {
	By string `json:"by"`
	I  int    `json:"i"`
}

// crowdMember is a Go client that calls the hall and counts the events that its
// calls cause.
func crowdMember(ctx context.Context, t *testing.T, hall *server.Hall, name string, n int, door chan struct{}, joined *sync.WaitGroup, counts *tally) {
	door <- struct{}{}
	client, err := xbus.Connect(ctx, hall.URL())
	<-door
	joined.Done()
	if err != nil {
		t.Error(err)
		return
	}
	defer client.Close()
	heard, err := client.Topic("*::who.heard").Subscribe()
	if err != nil {
		t.Error(err)
		return
	}
	joined.Wait()
	for i := range n {
		want := word{name, i}
		switch got, err := xbus.Call[word](ctx, client, "who.asks", want).Await(ctx); {
		case err != nil:
			counts.lost.Add(1)
			t.Error(err)
			return
		case got != want:
			counts.misrouted.Add(1)
		}
	}
	// Each event comes before its answer: all are there.
	seen := make(map[int]bool)
	for heard.Stats().Buffered > 0 {
		ev, err := heard.Next(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		var got word
		switch err := ev.Decode(&got); {
		case err != nil || ev.Gap != nil || ev.Lost != 0:
			t.Errorf("%s heard %v, %v", name, ev, err)
		case got.By != name:
			counts.misrouted.Add(1)
		case seen[got.I]:
			counts.duplicated.Add(1)
		}
		seen[got.I] = true
	}
	counts.lost.Add(int64(n - len(seen)))
	counts.duplicated.Add(int64(client.Stats().Calls.Ignored)) // answers that came again
}

// crowdNative is a JS client that does the same.
func crowdNative(ctx context.Context, t *testing.T, js *interop.Client, name string, n int, joined *sync.WaitGroup, counts *tally) {
	joined.Done()
	joined.Wait()
	js.Do(map[string]any{"op": "tally", "label": "t", "topic": "*::who.heard", "by": name})
	js.Do(map[string]any{"op": "calls", "label": "l", "cmd": "who.asks", "n": n, "concurrency": 25, "echo": true, "data": map[string]any{"by": name}})
	f, err := js.Wait(ctx, "calls", "l")
	var calls struct{ OK, Failed, Wrong int }
	if err == nil {
		err = f.Decode(&calls)
	}
	if err != nil {
		t.Error(err)
		return
	}
	counts.lost.Add(int64(n - calls.OK - calls.Wrong))
	counts.misrouted.Add(int64(calls.Wrong))

	// Behind one more answer all that was sent twice has come as well.
	if f, err := js.Call(ctx, "who.asks", word{name, n}); err != nil || f.Kind != "result" {
		t.Errorf("%s, %v", f, err)
	}
	js.Do(map[string]any{"op": "tallied", "label": "t"})
	f, err = js.Wait(ctx, "tallied", "t")
	var events struct{ Seen, Foreign, Duplicated int }
	if err == nil {
		err = f.Decode(&events)
	}
	if err != nil {
		t.Error(err)
		return
	}
	counts.lost.Add(int64(n + 1 - events.Seen))
	counts.misrouted.Add(int64(events.Foreign))
	counts.duplicated.Add(int64(events.Duplicated))
}

// One client at full rate does not keep the others from their turn.
func TestNoisyNeighbour(t *testing.T) {
	hall := openT(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	server.Handle(hall, "echo.it", func(_ context.Context, in int) (int, error) { return in, nil })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	noisy, quiet := connectT(t, hall.URL()), connectT(t, hall.URL())
	calls := func() (took []time.Duration) {
		for i := range 1000 {
			began := time.Now()
			if got, err := xbus.Call[int](ctx, quiet, "echo.it", i).Await(ctx); err != nil || got != i {
				t.Fatal(got, err)
			}
			took = append(took, time.Since(began))
		}
		return took
	}
	calls()
	alone := calls()
	stop, stopped := context.WithCancel(ctx)
	defer stopped()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for stop.Err() == nil {
				noisy.Call(stop, "echo.it", 1).Await(stop)
			}
		})
	}
	before := hall.Stats().Finished
	eventually(t, "the other is at full rate", func() bool { return hall.Stats().Finished > before+1000 })
	idle := startPulse()
	before = hall.Stats().Finished
	beside := calls()
	others, still := float64(hall.Stats().Finished-before)/float64(len(beside))-1, idle.end()
	stopped()
	wg.Wait()
	for p, name := range map[int]string{50: "median", 99: "p99"} {
		was, is := percentile(alone, p), percentile(beside, p)
		t.Logf("figure hall.noisy_%s_vs_quiet %.2f times", name, float64(is)/float64(was))
		t.Logf("%s of a call: %v alone, %v beside a noisy neighbour", name, was, is)
	}
	t.Logf("%.1f calls of the other for each; the program stood still for %v at most", others, still)
	if others > 10*64 {
		t.Errorf("%.0f calls of the other for each, which has 64 on their way", others)
	}
	if worst, was := percentile(beside, 100), percentile(alone, 99); worst > max(100*was, 2*time.Second)+10*still {
		t.Errorf("a call took %v, %v alone", worst, was)
	}
}
