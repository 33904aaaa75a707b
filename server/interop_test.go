package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/server"
)

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// A doorway is a way in for the real JS client, with the default settings.
type doorway struct {
	listen string
	client func(hall *server.Hall) string // the URL for the JS client
}

func doorways(t *testing.T) map[string]doorway {
	t.Helper()
	certs, err := interop.MakeCerts(t.TempDir(), "known")
	if err != nil {
		t.Fatal(err)
	}
	plain := func(h *server.Hall) string { return h.URL() }
	secure := func(more string) func(h *server.Hall) string {
		return func(h *server.Hall) string {
			commander, notifier := h.Ports()
			return fmt.Sprintf("xcrafts://127.0.0.1:%d?events=%d&ca=%s%s", commander, notifier, certs.Server.Cert, more)
		}
	}
	tls := "xcrafts://127.0.0.1:0?cert=" + url.QueryEscape(certs.Server.Cert) + "&key=" + url.QueryEscape(certs.Server.Key)
	known := certs.Client("known")
	return map[string]doorway{
		"tcp":        {"xcraft://127.0.0.1:0", plain},
		"tls":        {tls, secure("")},
		"mutual tls": {tls + "&clients=" + url.QueryEscape(certs.Accepted), secure("&cert=" + known.Cert + "&key=" + known.Key)},
		"unix":       {fmt.Sprint("xcraft+unix://xbusserver", os.Getpid()), func(h *server.Hall) string { return strings.Replace(h.URL(), "&dir=%2Ftmp", "", 1) }},
	}
}

func TestInteropScenarios(t *testing.T) {
	interop.Require(t)
	for name, d := range doorways(t) {
		for _, scenario := range []string{"basic", "payloads", "reconnect"} {
			if scenario == "payloads" && name != "tcp" {
				continue // the same bytes
			}
			t.Run(name+" "+scenario, func(t *testing.T) {
				hall := openT(t, server.Config{Listen: []string{d.listen}})
				demo(t, hall)
				facts, err := interop.RunScenario(patient(t), interop.ClientOptions{URL: d.client(hall)}, scenario)
				if err != nil {
					t.Errorf("%v\nstats: %+v", err, hall.Stats())
					for _, f := range facts {
						t.Log(f)
					}
				}
				if s := hall.Stats(); len(s.Refused) > 1 || len(s.Refused) == 1 && s.Refused[server.NotAvailable] == 0 {
					t.Errorf("stats: %+v", s)
				}
			})
		}
	}
}

// A JS client and a Go client call the same commands and hear the same events.
func TestInteropTogether(t *testing.T) {
	interop.Require(t)
	ctx := patient(t)
	hall := openT(t, server.Config{Offer: []string{"broadcast"}})
	demo(t, hall)
	js := interop.StartClientT(t, interop.ClientOptions{URL: hall.URL()})
	client := connectT(t, hall.URL())

	events, err := client.Topic("*::*").Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	if err := js.Subscribe(ctx, "all", "*::*"); err != nil {
		t.Fatal(err)
	}
	if err := client.Publish(ctx, "go::said", map[string]string{"hello": "js"}); err != nil {
		t.Fatal(err)
	}
	f, err := js.WaitFunc(ctx, "the event of the Go client", func(f interop.Fact) bool { return f.Topic == "go::said" })
	if err != nil || !strings.Contains(string(f.Msg), `"hello":"js"`) {
		t.Errorf("the JS client heard %s, %v", f, err)
	}
	if err := js.Send("", "demo.tick", map[string]int{"n": 2}); err != nil {
		t.Fatal(err)
	}
	for ticks := 0; ticks < 2; {
		ev, err := events.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case ev.Topic == "demo::ticked":
			ticks++
		case strings.Contains(ev.Topic, "demo.tick") || strings.Contains(ev.Topic, "progressed"):
			t.Errorf("the Go client heard what is for the JS client: %s", ev.Topic)
		}
	}
	// What one of them asks is nobody else's business.
	if _, err := client.Call(ctx, "demo.echo", "mine").Await(ctx); err != nil {
		t.Fatal(err)
	}
	answer, err := js.Call(ctx, "demo.echo", map[string]int{"x": 1})
	if err != nil || string(answer.Data) != `{"x":1}` {
		t.Errorf("%s, %v", answer, err)
	}
	for _, f := range js.Facts() {
		if f.Kind == "event" && strings.Contains(f.Topic, "demo.echo") && !strings.Contains(f.Topic, f.OrcName) {
			t.Errorf("the JS client heard %s", f.Topic)
		}
	}
}

// The hall is killed and comes back on the same ports: the JS client does too,
// with a new token and its subscriptions.
func TestInteropRestart(t *testing.T) {
	interop.Require(t)
	ctx := patient(t)
	hall, err := server.Listen(ctx, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	demo(t, hall)
	js := interop.StartClientT(t, interop.ClientOptions{URL: hall.URL()})
	client := connectT(t, hall.URL())
	if err := js.Subscribe(ctx, "demo", "demo::*"); err != nil {
		t.Fatal(err)
	}
	address := hall.URL()
	hall.Close()
	if _, err := js.Wait(ctx, "reconnect attempt", ""); err != nil {
		t.Fatal(err)
	}
	hall = openT(t, server.Config{Listen: []string{address}, Exact: true})
	demo(t, hall)
	for _, kind := range []string{"token.changed", "reconnect"} {
		if _, err := js.Wait(ctx, kind, ""); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := js.Call(ctx, "demo.tick", map[string]int{"n": 1})
	if err != nil || answer.Kind != "result" {
		t.Errorf("after the restart: %s, %v", answer, err)
	}
	if _, err := js.Wait(ctx, "event", "demo"); err != nil {
		t.Error(err)
	}
	if got, err := xbus.Call[int](ctx, client, "demo.echo", 7).Await(ctx); err != nil || got != 7 {
		t.Errorf("the Go client after the restart: %d, %v", got, err)
	}
	if s := hall.Stats(); s.Refused[server.NameTaken] != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// Several JS clients call at once; nothing is lost and nobody gets what is for
// another.
func TestInteropCalls(t *testing.T) {
	interop.Require(t)
	ctx := patient(t)
	hall := openT(t, server.Config{})
	demo(t, hall)
	var wg sync.WaitGroup
	for range 3 {
		js := interop.StartClientT(t, interop.ClientOptions{URL: hall.URL()})
		wg.Go(func() {
			if err := js.Do(map[string]any{"op": "calls", "label": "l", "cmd": "demo.echo", "n": 500, "concurrency": 50, "echo": true, "nested": true}); err != nil {
				t.Error(err)
				return
			}
			f, err := js.Wait(ctx, "calls", "l")
			var got struct{ OK, Failed, Wrong int }
			if err == nil {
				err = json.Unmarshal(f.Raw, &got)
			}
			if err != nil || got.OK != 500 || got.Failed+got.Wrong != 0 {
				t.Errorf("%s, %v", f, err)
			}
		})
	}
	wg.Wait()
}

// gameover is the end for a JS client, and only when it was asked for.
func TestInteropGameOver(t *testing.T) {
	interop.Require(t)
	ctx := patient(t)
	hall := openT(t, server.Config{GameOver: true, Offer: []string{"shutdown"}})
	js := interop.StartClientT(t, interop.ClientOptions{URL: hall.URL()})
	if err := js.Subscribe(ctx, "end", "greathall::shutdown"); err != nil {
		t.Fatal(err)
	}
	if err := js.Send("", "shutdown", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Wait(ctx, "event", "end"); err != nil {
		t.Error(err)
	}
	if _, err := js.Wait(ctx, "close", ""); err != nil {
		t.Error(err)
	}
	<-hall.Done()
	for _, f := range js.Facts() {
		if f.Kind == "reconnect attempt" {
			t.Error("the JS client tries to come back")
		}
	}
}

// What a hall says last reaches a JS client whose process is busy meanwhile: it
// would take nothing any more once its sockets have ended.
func TestInteropLastWords(t *testing.T) {
	interop.Require(t)
	for name, listen := range map[string]string{"tcp": "xcraft://127.0.0.1:0", "unix": fmt.Sprint("xcraft+unix://xbuslastwords", os.Getpid())} {
		t.Run(name, func(t *testing.T) {
			ctx := patient(t)
			hall := openT(t, server.Config{GameOver: true, Listen: []string{listen}})
			js := interop.StartClientT(t, interop.ClientOptions{URL: strings.Replace(hall.URL(), "&dir=%2Ftmp", "", 1)})
			if err := js.Subscribe(ctx, "last", "*::(said|shutdown)"); err != nil {
				t.Fatal(err)
			}
			if err := js.Pause(); err != nil {
				t.Fatal(err)
			}
			// More than it reads at a time.
			for range 4 {
				if err := hall.Publish(ctx, "go::said", strings.Repeat("x", 30_000)); err != nil {
					t.Fatal(err)
				}
			}
			var closing sync.WaitGroup
			closing.Go(func() { hall.Close() })
			defer closing.Wait()
			select {
			case <-hall.Done(): // without waiting for the client
			case <-time.After(100 * time.Millisecond):
			}
			if err := js.Resume(); err != nil {
				t.Fatal(err)
			}
			for _, topic := range []string{"go::said", "go::said", "go::said", "go::said", "greathall::shutdown"} {
				if f, err := js.Wait(ctx, "event", "last"); err != nil || f.Topic != topic {
					t.Fatalf("heard %.200s, %v; want %s", f, err, topic)
				}
			}
			if _, err := js.Wait(ctx, "close", ""); err != nil {
				t.Error(err)
			}
			for _, f := range js.Facts() {
				if f.Kind == "reconnect attempt" {
					t.Error("the JS client tries to come back")
				}
			}
		})
	}
}
