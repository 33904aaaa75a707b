package main

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/server"
)

// What the demo commands take; all of it is optional.
type demoIn struct {
	N    int `json:"n"`
	Ms   int `json:"ms"`
	Size int `json:"size"`
}

func (in demoIn) delay(standard time.Duration) time.Duration {
	if in.Ms <= 0 {
		return standard
	}
	return min(time.Duration(in.Ms)*time.Millisecond, time.Minute)
}

func (in demoIn) times(standard int) int {
	if in.N <= 0 {
		return standard
	}
	return min(in.N, 1_000_000)
}

// startDemo offers the commands demo.* and publishes demo::clock once a second,
// until the function that it returns.
func startDemo(hall *server.Hall) (end func(), err error) {
	for _, offer := range []func(*server.Hall) error{offerAnswers, offerErrors, offerEvents} {
		if err := offer(hall); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { demoClock(ctx, hall) })
	return func() { cancel(); wg.Wait() }, nil
}

func demoClock(ctx context.Context, hall *server.Hall) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case now := <-tick.C:
			_ = hall.Publish(ctx, "demo::clock", map[string]any{"n": n, "time": now.Format(time.RFC3339)})
		case <-ctx.Done():
			return
		}
	}
}

// sleep waits as long as the caller does.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func offerAnswers(hall *server.Hall) error {
	echo := func(ctx context.Context, in json.RawMessage) (any, error) {
		if server.RequestOf(ctx).Message.Data == nil {
			return nil, nil
		}
		return in, nil
	}
	slow := func(ctx context.Context, in demoIn) (demoIn, error) {
		return in, sleep(ctx, in.delay(100*time.Millisecond))
	}
	never := func(ctx context.Context, _ struct{}) (any, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	nothing := func(context.Context, struct{}) (any, error) { return nil, nil }
	large := func(_ context.Context, in demoIn) (map[string]string, error) {
		size := in.Size
		if size <= 0 {
			size = 1 << 16
		}
		return map[string]string{"text": strings.Repeat("x", min(size, 4<<20))}, nil
	}
	return firstError(
		server.Handle(hall, "demo.echo", echo, server.Desc("send the data back")),
		server.Handle(hall, "demo.params", echo, server.Desc("a command with every kind of parameter"),
			server.Required("name", "size"), server.Optional("color", "tags"), server.Variadic()),
		server.Handle(hall, "demo.slow", slow, server.Desc("answer after ms milliseconds"), server.Optional("ms")),
		server.Handle(hall, "demo.never", never, server.Desc("no answer, until its limit")),
		server.Handle(hall, "demo.nothing", nothing, server.Desc("answer without data")),
		server.Handle(hall, "demo.large", large, server.Desc("answer with size characters"), server.Optional("size")),
	)
}

func offerErrors(hall *server.Hall) error {
	fail := func(context.Context, struct{}) (any, error) {
		return nil, &server.Error{Code: "DEMO_FAIL", Name: "DemoError", Message: "it failed", Info: map[string]string{"why": "because"}}
	}
	crash := func(context.Context, struct{}) (any, error) { panic("a demo of a panic") }
	return firstError(
		server.Handle(hall, "demo.fail", fail, server.Desc("structured error")),
		server.Handle(hall, "demo.panic", crash, server.Desc("the handler panics")),
	)
}

func offerEvents(hall *server.Hall) error {
	tick := func(ctx context.Context, in demoIn) (int, error) {
		n, req := in.times(3), server.RequestOf(ctx)
		for i := range n {
			if i > 0 && in.Ms > 0 {
				if err := sleep(ctx, in.delay(0)); err != nil {
					return i, err
				}
			}
			if err := hall.Publish(ctx, "demo::ticked", map[string]int{"i": i}); err != nil {
				return i, err
			}
			if err := req.Send("demo.progressed", map[string]int{"i": i, "n": n}); err != nil {
				return i, err
			}
		}
		return n, nil
	}
	progress := func(ctx context.Context, in demoIn) (map[string]int, error) {
		n := in.times(3)
		for i := range n {
			if err := sleep(ctx, in.delay(10*time.Millisecond)); err != nil {
				return nil, err
			}
			if err := server.RequestOf(ctx).Progress(map[string]int{"i": i + 1, "n": n}); err != nil {
				return nil, err
			}
		}
		return map[string]int{"n": n}, nil
	}
	burst := func(ctx context.Context, in demoIn) (int, error) {
		n, text := in.times(1000), strings.Repeat("b", min(max(in.Size, 0), 1<<20))
		for i := range n {
			if err := hall.Publish(ctx, "demo::burst", map[string]any{"i": i, "text": text}); err != nil {
				return i, err
			}
		}
		return n, nil
	}
	return firstError(
		server.Handle(hall, "demo.tick", tick, server.Desc("n events demo::ticked for all, n for the caller"), server.Optional("n", "ms")),
		server.Handle(hall, "demo.progress", progress, server.Desc("n events of this call, one in ms milliseconds"), server.Optional("n", "ms")),
		server.Handle(hall, "demo.burst", burst, server.Desc("n events demo::burst of size characters"), server.Optional("n", "size")),
	)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
