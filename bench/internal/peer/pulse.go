package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/server"
)

// A beat is the data of an event whose way is measured: as the command
// demo.pulse of the real server makes it.
type beat struct {
	I    int    `json:"i"`
	N    int    `json:"n"`
	At   int64  `json:"at"` // microseconds of the wall clock
	Text string `json:"text"`
}

const (
	pulseTopic   = "demo::pulsed"
	pulseMembers = len(`{"i":123,"n":500,"at":1700000000000000,"text":""}`)
)

// A stopwatch collects how long the events of one receiver were under way.
type stopwatch struct{ took chan float64 }

func newStopwatch() stopwatch { return stopwatch{make(chan float64, queue)} }

// arrived is called when an event is in the loop, with the function that decodes
// it, which comes after the look at the clock.
func (w stopwatch) arrived(decode func(*beat) error) {
	now := time.Now()
	var b beat
	if decode(&b) == nil {
		w.took <- float64(now.Sub(time.UnixMicro(b.At)).Nanoseconds()) / 1000
	}
}

// read waits for n events.
func (w stopwatch) read(ctx context.Context, n int) (Latency, error) {
	all := make([]float64, 0, n)
	for len(all) < n {
		select {
		case took := <-w.took:
			all = append(all, took)
		case <-ctx.Done():
			return Latency{}, fmt.Errorf("%d of %d events have come: %w", len(all), n, context.Cause(ctx))
		}
	}
	return LatencyOf(all), nil
}

// LatencyOf sorts the values.
func LatencyOf(all []float64) Latency {
	if len(all) == 0 {
		return Latency{}
	}
	slices.Sort(all)
	at := func(q float64) float64 { return all[min(int(q*float64(len(all))), len(all)-1)] }
	return Latency{P50: at(0.5), P99: at(0.99)}
}

// beats publishes n beats and waits for them.
func (w stopwatch) beats(ctx context.Context, n, size int, interval time.Duration, publish func(beat) error) (Latency, error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	text := Text(size - pulseMembers)
	for i := range n {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return Latency{}, context.Cause(ctx)
		}
		if err := publish(beat{I: i, N: n, At: time.Now().UnixMicro(), Text: text}); err != nil {
			return Latency{}, err
		}
	}
	return w.read(ctx, n)
}

// follow runs a loop over the beats that a client receives.
func (w stopwatch) follow(client *xbus.Client, c *closing) error {
	sub, err := client.Topic(pulseTopic).Subscribe()
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for ev, err := range sub.All(context.Background()) {
			if err != nil {
				return
			}
			w.arrived(func(b *beat) error { return ev.Decode(b) })
		}
	})
	c.thenWait(&wg)
	c.thenQuietly(func() { sub.Close() })
	return nil
}

type xbusPulse struct {
	closing
	stopwatch
	hall *server.Hall
}

func (p *xbusPulse) start(ctx context.Context, network string) (err error) {
	p.stopwatch = newStopwatch()
	if p.hall, err = openHall(ctx, network, &p.closing); err != nil {
		return err
	}
	client, err := connect(ctx, p.hall.URL(), &p.closing)
	if err != nil {
		return err
	}
	return p.follow(client, &p.closing)
}

func (p *xbusPulse) PIDs() []int { return nil }

func (p *xbusPulse) Pulse(ctx context.Context, n, size int, interval time.Duration) (Latency, error) {
	return p.beats(ctx, n, size, interval, func(b beat) error { return p.hall.Publish(ctx, pulseTopic, b) })
}

type natsPulse struct {
	closing
	stopwatch
	nc *nats.Conn
}

func (p *natsPulse) start() error {
	p.stopwatch = newStopwatch()
	loops := startLoops[*nats.Msg](&p.closing)
	url, err := startNATS(&p.closing)
	if err != nil {
		return err
	}
	receiving, err := dialNATS(url, &p.closing)
	if err != nil {
		return err
	}
	events := loops.over(func(m *nats.Msg) { p.arrived(func(b *beat) error { return json.Unmarshal(m.Data, b) }) })
	if _, err = receiving.ChanSubscribe("demo.pulsed", events); err != nil {
		return err
	}
	if err = receiving.Flush(); err != nil {
		return err
	}
	p.nc, err = dialNATS(url, &p.closing)
	return err
}

func (p *natsPulse) PIDs() []int { return nil }

func (p *natsPulse) Pulse(ctx context.Context, n, size int, interval time.Duration) (Latency, error) {
	return p.beats(ctx, n, size, interval, func(b beat) error {
		text, err := json.Marshal(b)
		if err != nil {
			return err
		}
		return p.nc.Publish("demo.pulsed", text)
	})
}

// pulse is the data of the command demo.pulse.
func pulse(n, size int, interval time.Duration) map[string]any {
	return map[string]any{"n": n, "ms": float64(interval.Microseconds()) / 1000, "text": Text(size - pulseMembers)}
}

// goJSPulse is a real server and a client of xbus.
type goJSPulse struct {
	closing
	stopwatch
	client *xbus.Client
	pid    int
}

func (p *goJSPulse) start(ctx context.Context, network string) error {
	p.stopwatch = newStopwatch()
	server, err := startServer(ctx, network, &p.closing)
	if err != nil {
		return err
	}
	p.pid = server.Ready().PID
	if p.client, err = connect(ctx, server.URL(), &p.closing); err != nil {
		return err
	}
	return p.follow(p.client, &p.closing)
}

func (p *goJSPulse) PIDs() []int { return []int{p.pid} }

func (p *goJSPulse) Pulse(ctx context.Context, n, size int, interval time.Duration) (Latency, error) {
	if err := p.client.Send(ctx, "demo.pulse", pulse(n, size, interval)); err != nil {
		return Latency{}, err
	}
	return p.read(ctx, n)
}

// nodePulse is a real server and a real client.
type nodePulse struct{ *nodeEvents }

func (p nodePulse) Pulse(ctx context.Context, n, size int, interval time.Duration) (Latency, error) {
	facts, err := p.counted(ctx, pulseTopic, n, "demo.pulse", pulse(n, size, interval))
	if err != nil {
		return Latency{}, err
	}
	var result struct{ Latency struct{ P50, P99 float64 } } // in milliseconds
	if err := facts[0].Decode(&result); err != nil {
		return Latency{}, err
	}
	return Latency{1000 * result.Latency.P50, 1000 * result.Latency.P99}, nil
}
