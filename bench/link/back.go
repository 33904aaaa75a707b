package main

import (
	"context"
	"fmt"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/rig"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/server"
)

// pauses are how long the hall is away.
var pauses = []time.Duration{100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second}

// settled is how long a session lasts before its hall goes.
var settled = 500 * time.Millisecond

// back is a table with the pauses as its columns.
func back(ctx context.Context, b *measure.Bench) error {
	if !b.Wants("xbus tcp") {
		return nil
	}
	restarts := 10
	if b.Quick {
		restarts = 1
	}
	r := &restarting{}
	defer r.close()
	if err := r.start(ctx, "xcraft://127.0.0.1:0"); err != nil {
		return err
	}
	series := make([]*measure.Series, len(pauses))
	for i, pause := range pauses {
		series[i] = &measure.Series{Key: measure.Key{Table: "back after a restart", Row: "xbus tcp", Column: "away for " + pause.String()}, Unit: "ms"}
	}
	var all []float64
	for range restarts {
		for i, pause := range pauses {
			took, err := r.restart(ctx, pause)
			if err != nil {
				return fmt.Errorf("%v: %w", series[i].Key, err)
			}
			ms := measure.Micros(took) / 1000
			series[i].Values, all = append(series[i].Values, ms), append(all, ms)
		}
	}
	for _, s := range series {
		b.Add(s)
	}
	b.Figure("back_ms", measure.Median(all), "ms", measure.AtMost(20))
	return nil
}

// restarting is a client and a hall that comes and goes.
type restarting struct {
	hall   *server.Hall
	client *xbus.Client
}

func (r *restarting) start(ctx context.Context, address string) (err error) {
	if r.hall, err = rig.Open(ctx, address); err != nil {
		return err
	}
	r.client, err = xbus.Connect(ctx, r.hall.URL())
	return err
}

// restart ends the hall, and another one begins at its address after a pause. It
// returns how long the first call after that has taken, which waits for the
// return.
func (r *restarting) restart(ctx context.Context, pause time.Duration) (time.Duration, error) {
	time.Sleep(settled)
	url := r.hall.URL()
	if err := r.hall.Close(); err != nil {
		return 0, err
	}
	if _, err := r.client.State().Wait(ctx, func(s conn.State) bool { return !s.Usable() }); err != nil {
		return 0, err // a call before that would be lost
	}
	time.Sleep(pause)
	hall, err := rig.Open(ctx, url)
	if err != nil {
		return 0, err
	}
	r.hall = hall
	began := time.Now()
	_, err = r.client.Call(ctx, rig.Echo, nil).Await(ctx)
	return time.Since(began), err
}

func (r *restarting) close() {
	if r.client != nil {
		r.client.Close()
	}
	if r.hall != nil {
		r.hall.Close()
	}
}
