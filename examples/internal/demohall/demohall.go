// Package demohall is the great hall that the examples use when they are given
// no address.
package demohall

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/server"
)

// An App is what warehouse.get returns.
type App struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
}

// Query is what warehouse.get takes.
type Query struct {
	Path string `json:"path"`
}

// A Hall is a hall with the command warehouse.get, which publishes an event
// warehouse::changed every few milliseconds.
type Hall struct {
	*server.Hall
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// Open opens the hall mem://name.
func Open(ctx context.Context, name string) (*Hall, error) {
	inner, err := server.Listen(ctx, server.Config{Listen: []string{"mem://" + name}})
	if err != nil {
		return nil, err
	}
	get := func(_ context.Context, q Query) (App, error) {
		if q.Path != "app.name" {
			return App{}, server.Errorf("NO_SUCH_PATH", "there is nothing at %q", q.Path)
		}
		return App{Name: "xbus", Version: 1}, nil
	}
	if err := server.Handle(inner, "warehouse.get", get, server.Desc("a value of the warehouse"), server.Required("path")); err != nil {
		inner.Close()
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	h := &Hall{Hall: inner, stop: stop}
	h.wg.Go(func() { h.publish(ctx) })
	return h, nil
}

func (h *Hall) publish(ctx context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
			_ = h.Publish(ctx, "warehouse::changed", map[string]any{"n": n, "text": fmt.Sprint("change ", n)})
		case <-ctx.Done():
			return
		}
	}
}

// Close closes the hall.
func (h *Hall) Close() error {
	h.stop()
	h.wg.Wait()
	return h.Hall.Close()
}
