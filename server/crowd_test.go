package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
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

// 200 clients join; 10,000 commands go to the hall and 10,000 events to single
// clients.
func TestCrowd(t *testing.T) {
	const clients, each = 200, 50
	hall := openT(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	server.Handle(hall, "who.asks", func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
		r := server.RequestOf(ctx)
		return in, r.Send("who.heard", in)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	var counts tally
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() { crowdMember(ctx, t, hall.URL(), fmt.Sprint("client ", c, " "), each, &counts) })
	}
	if interop.Available() == nil {
		for range 2 {
			js := interop.StartClientT(t, interop.ClientOptions{URL: hall.URL()})
			wg.Go(func() {
				js.Do(map[string]any{"op": "calls", "label": "l", "cmd": "who.asks", "n": each, "concurrency": 10, "echo": true})
				f, err := js.Wait(ctx, "calls", "l")
				var got struct{ OK, Failed, Wrong int }
				json.Unmarshal(f.Raw, &got)
				counts.lost.Add(int64(each - got.OK - got.Wrong))
				counts.misrouted.Add(int64(got.Wrong))
				if err != nil {
					t.Error(err)
				}
			})
		}
	} else {
		t.Log("without JS clients: ", interop.Available())
	}
	wg.Wait()
	counts.figures(t)
	if s := hall.Stats(); len(s.Cut) != 0 || s.Unrouted != 0 || len(s.Refused) != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// crowdMember calls the hall and counts the events that its calls cause.
func crowdMember(ctx context.Context, t *testing.T, url, name string, n int, counts *tally) {
	client, err := xbus.Connect(ctx, url)
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
	for i := range n {
		want := fmt.Sprint(name, i)
		got, err := xbus.Call[string](ctx, client, "who.asks", want).Await(ctx)
		switch {
		case err != nil:
			counts.lost.Add(1)
			t.Error(err)
			return
		case got != want:
			counts.misrouted.Add(1)
		}
	}
	seen := make(map[string]bool)
	for range n {
		ev, err := heard.Next(ctx)
		if err != nil {
			counts.lost.Add(int64(n - len(seen)))
			return
		}
		var text string
		json.Unmarshal(ev.Data, &text)
		switch {
		case !strings.HasPrefix(text, name):
			counts.misrouted.Add(1)
		case seen[text]:
			counts.duplicated.Add(1)
		}
		seen[text] = true
	}
	counts.duplicated.Add(int64(heard.Stats().Buffered))
}

// One client at full rate does not keep the others from their turn.
func TestNoisyNeighbour(t *testing.T) {
	hall := openT(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	server.Handle(hall, "echo.it", func(_ context.Context, in int) (int, error) { return in, nil })
	ctx := within(t)
	noisy, quiet := connectT(t, hall.URL()), connectT(t, hall.URL())
	stop, stopped := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for stop.Err() == nil {
				noisy.Call(stop, "echo.it", 1).Await(stop)
			}
		})
	}
	worst := time.Duration(0)
	for i := range 200 {
		began := time.Now()
		if got, err := xbus.Call[int](ctx, quiet, "echo.it", i).Await(ctx); err != nil || got != i {
			t.Fatal(got, err)
		}
		worst = max(worst, time.Since(began))
	}
	stopped()
	wg.Wait()
	t.Logf("the slowest of 200 calls beside a noisy neighbour took %v", worst)
	if worst > 2*time.Second {
		t.Errorf("a call took %v", worst)
	}
}
