package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

type query struct {
	Room string `json:"room"`
	Unit string `json:"unit"`
}

type reading struct {
	Room    string  `json:"room"`
	Degrees float64 `json:"degrees"`
}

func thermo(t *testing.T, hall *server.Hall) {
	t.Helper()
	err := server.Handle(hall, "thermo.read", func(ctx context.Context, in query) (reading, error) {
		if in.Room == "cellar" {
			return reading{}, server.Errorf("ROOM_UNKNOWN", "there is no room %q", in.Room).WithInfo(map[string]int{"rooms": 3})
		}
		return reading{in.Room, 21.5}, nil
	}, server.Desc("reads the thermometer of a room"), server.Required("room"), server.Optional("unit"))
	if err != nil {
		t.Fatal(err)
	}
}

func connectT(t *testing.T, url string, opts ...xbus.Option) *xbus.Client {
	t.Helper()
	opts = append([]xbus.Option{xbus.WithLogger(slog.New(logs))}, opts...)
	c, err := xbus.Connect(within(t), url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// everywhere runs a test over each kind of door.
func everywhere(t *testing.T, cfg server.Config, test func(t *testing.T, hall *server.Hall, url string)) {
	for _, address := range []string{"mem://everywhere", "xcraft://127.0.0.1:0", "xcraft+unix://everywhere"} {
		scheme, _, _ := strings.Cut(address, ":")
		t.Run(scheme, func(t *testing.T) {
			if scheme == "xcraft+unix" {
				address += "?dir=" + url.QueryEscape(t.TempDir())
			}
			cfg.Listen = []string{address}
			hall := openT(t, cfg)
			test(t, hall, hall.URL())
		})
	}
}

func TestCallAndPublish(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, url string) {
		thermo(t, hall)
		ctx := within(t)
		client := connectT(t, url)
		got, err := xbus.Call[reading](ctx, client, "thermo.read", query{Room: "hall"}).Await(ctx)
		if err != nil || got != (reading{"hall", 21.5}) {
			t.Errorf("got %v, %v", got, err)
		}
		changes, err := client.Topic("thermo::*").Subscribe()
		if err != nil {
			t.Fatal(err)
		}
		defer changes.Close()
		for i := range 100 {
			if err := hall.Publish(ctx, "thermo::changed", reading{"attic", float64(i)}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 100 {
			ev, err := changes.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var r reading
			if json.Unmarshal(ev.Data, &r); r.Degrees != float64(i) || ev.Topic != "thermo::changed" {
				t.Fatalf("event %d is %s %s", i, ev.Topic, ev.Data)
			}
		}
	})
}

func TestErrorsReachTheCaller(t *testing.T) {
	hall := openT(t, server.Config{})
	thermo(t, hall)
	for name, fn := range map[string]func(context.Context, any) (any, error){
		"bad.plain": func(context.Context, any) (any, error) { return nil, errors.New("it broke") },
		"bad.exit":  func(context.Context, any) (any, error) { runtime.Goexit(); return nil, nil },
		"bad.panic": func(context.Context, any) (any, error) { panic("secret") },
		"bad.chunk": func(context.Context, any) (any, error) { return map[string]any{"f": func() {}}, nil },
		"bad.wrap": func(context.Context, any) (any, error) {
			return nil, fmt.Errorf("outer: %w", server.Errorf("INNER", "inner"))
		},
	} {
		if err := server.Handle(hall, name, fn); err != nil {
			t.Fatal(err)
		}
	}
	ctx := within(t)
	client := connectT(t, hall.URL())
	for name, c := range map[string]struct {
		command string
		data    any
		code    string
		text    string
	}{
		"a code":          {"thermo.read", query{Room: "cellar"}, "ROOM_UNKNOWN", `there is no room "cellar"`},
		"plain":           {"bad.plain", nil, "XCRAFT_CMD_ERROR", "it broke"},
		"a panic":         {"bad.panic", nil, server.CodePanic, "the handler of bad.panic panicked"},
		"an exit":         {"bad.exit", nil, server.CodePanic, "the handler of bad.exit panicked"},
		"wrapped":         {"bad.wrap", nil, "INNER", "outer: inner (INNER)"},
		"not sendable":    {"bad.chunk", nil, server.CodeUnsendable, ""},
		"missing":         {"thermo.read", map[string]any{"unit": "K"}, server.CodeArguments, "thermo.read: missing in the data: room"},
		"wrong type":      {"thermo.read", map[string]any{"room": 7}, server.CodeArguments, ""},
		"unknown command": {"thermo.write", nil, server.CodeNotAvailable, ""},
	} {
		_, err := client.Call(ctx, c.command, c.data).Await(ctx)
		e, ok := errors.AsType[*rpc.Error](err)
		if !ok || e.Code != c.code || c.text != "" && e.Message != c.text {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := hall.Drain(ctx); err != nil {
		t.Error(err)
	}
	if s := hall.Stats(); s.Panics != 2 || s.Refused[server.BadArguments] != 2 || s.Refused[server.NotAvailable] != 1 || s.InFlight != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestRegistry(t *testing.T) {
	hall := openT(t, server.Config{})
	thermo(t, hall)
	if err := server.Handle(hall, "many.values", func(context.Context, json.RawMessage) (any, error) { return nil, nil },
		server.Required("a", "b"), server.Variadic(), server.Serial(), server.Module("many", "1.2.0"), server.Ranking([]string{"x"})); err != nil {
		t.Fatal(err)
	}
	ctx := within(t)
	client := connectT(t, hall.URL())
	read, err := client.Registry().Load().Lookup("thermo.read")
	if err != nil || read.Desc != "reads the thermometer of a room" || !read.Parallel || read.Module.Name != "thermo" ||
		len(read.Params.Required) != 1 || read.Params.Required[0] != "room" || read.Params.Optional[0] != "unit" {
		t.Errorf("thermo.read: %+v, %v", read, err)
	}
	many, err := client.Registry().Load().Lookup("many.values")
	if err != nil || many.Parallel || !many.Params.Variadic || many.Module.Version != "1.2.0" || string(many.Ranking) != `["x"]` {
		t.Errorf("many.values: %+v, %v", many, err)
	}
	if client.Registry().Load().Has("shutdown") || !client.Registry().Load().Has("motd") {
		t.Error("the builtin commands are not as they should be")
	}
	if strings.Contains(string(client.Registry().Load().Raw()), "location") {
		t.Error("a location is shown")
	}

	// At run time.
	if err := server.Handle(hall, "later.on", func(context.Context, any) (int, error) { return 7, nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Registry().Wait(ctx, func(r *rpc.Registry) bool { return r.Has("later.on") }); err != nil {
		t.Fatal(err)
	}
	if !hall.Unhandle("later.on") || hall.Unhandle("later.on") || hall.Unhandle("motd") {
		t.Error("Unhandle")
	}
	if _, err := client.Registry().Wait(ctx, func(r *rpc.Registry) bool { return !r.Has("later.on") }); err != nil {
		t.Fatal(err)
	}
}

func TestHandleErrors(t *testing.T) {
	hall := openT(t, server.Config{})
	fn := func(context.Context, query) (any, error) { return nil, nil }
	if err := server.Handle(hall, "a.b", fn); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"empty":        server.Handle(hall, "", fn),
		"twice":        server.Handle(hall, "a.b", fn),
		"event":        server.Handle(hall, "a::b", fn),
		"space":        server.Handle(hall, "a b", fn),
		"builtin":      server.Handle(hall, "motd", fn),
		"long":         server.Handle(hall, strings.Repeat("x", 300), fn),
		"no member":    server.Handle(hall, "a.c", fn, server.Required("rom")),
		"nil option":   server.Handle(hall, "a.c", fn, nil),
		"bad ranking":  server.Handle(hall, "a.c", fn, server.Ranking(func() {})),
		"empty member": server.Handle(hall, "a.c", fn, server.Required("")),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "server: command") || len(err.Error()) > 200 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := server.Handle(hall, "a.b", fn); !errors.Is(err, server.ErrRegistered) {
		t.Errorf("twice: %v", err)
	}
}

func TestListenErrors(t *testing.T) {
	first := openT(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0", "mem://taken"}})
	commander, _ := first.Ports()
	for name, cfg := range map[string]server.Config{
		"open":        {Listen: []string{"xcraft://0.0.0.0:0"}},
		"open by ::":  {Listen: []string{"xcraft://[::]:0"}},
		"scheme":      {Listen: []string{"http://127.0.0.1:0"}},
		"parameter":   {Listen: []string{"xcraft://127.0.0.1:0?event=1"}},
		"port":        {Listen: []string{"xcraft://127.0.0.1:0?events=x"}},
		"tls without": {Listen: []string{"xcrafts://127.0.0.1:0"}},
		"no file":     {Listen: []string{"xcrafts://127.0.0.1:0?cert=/no/cert.pem&key=/no/key.pem"}},
		"mem taken":   {Listen: []string{"mem://taken"}},
		"mem nobody":  {Listen: []string{"mem://"}},
		"busy":        {Listen: []string{fmt.Sprintf("xcraft://127.0.0.1:%d", commander)}, Exact: true},
		"offer":       {Listen: []string{"mem://x"}, Offer: []string{"reboot"}},
		"replay":      {Listen: []string{"mem://x"}, Replay: []string{"no namespace"}},
		"limit":       {Listen: []string{"mem://x"}, Limits: server.Limits{InFlight: -1}},
	} {
		hall, err := server.Listen(t.Context(), cfg)
		if err == nil {
			hall.Close()
			t.Errorf("%s: no error", name)
			continue
		}
		if open := strings.HasPrefix(name, "open"); open != errors.Is(err, server.ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, cfg := range map[string]server.Config{
		"anonymous":     {Listen: []string{"xcraft://0.0.0.0:0"}, AllowAnonymous: true},
		"authenticated": {Listen: []string{"xcraft://0.0.0.0:0"}, Authenticate: func(context.Context, server.Peer) error { return nil }},
	} {
		hall, err := server.Listen(t.Context(), cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		connectT(t, hall.URL())
		hall.Close()
	}
}

// Many clients call at once: each gets its own answers, once.
func TestManyClients(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, url string) {
		server.Handle(hall, "echo.it", func(_ context.Context, in string) (string, error) { return in, nil })
		ctx := within(t)
		var wg sync.WaitGroup
		for c := range 20 {
			wg.Go(func() {
				client, err := xbus.Connect(ctx, url)
				if err != nil {
					t.Error(err)
					return
				}
				defer client.Close()
				for i := range 100 {
					want := fmt.Sprint(c, " ", i)
					if got, err := xbus.Call[string](ctx, client, "echo.it", want).Await(ctx); err != nil || got != want {
						t.Errorf("%s: %q, %v", want, got, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if s := hall.Stats(); s.Finished != 2000 || s.Unrouted != 0 || len(s.Refused) != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
}

// From Listen to the first answer nothing waits for a timer: it takes no time at all
// where only timers take time. How long it takes here is a figure.
func TestReadyInMilliseconds(t *testing.T) {
	ready := func(t *testing.T) time.Duration {
		ctx, began := t.Context(), time.Now()
		hall, err := server.Listen(ctx, server.Config{Listen: []string{"mem://ready"}})
		if err != nil {
			t.Fatal(err)
		}
		defer hall.Close()
		server.Handle(hall, "a.b", func(context.Context, any) (int, error) { return 1, nil })
		client, err := xbus.Connect(ctx, hall.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := client.Call(ctx, "a.b", nil).Await(ctx); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	synctest.Test(t, func(t *testing.T) {
		if took := ready(t); took != 0 {
			t.Errorf("from Listen to the first answer something waits for %v", took)
		}
	})
	best := time.Hour
	for range 5 { // others use the processor too
		best = min(best, ready(t))
	}
	t.Logf("figure hall.ready_ms %.3f ms", float64(best.Microseconds())/1000)
}
