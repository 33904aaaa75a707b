package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/observable"
)

// benchCall keeps calls under way with each client.
func (a *app) benchCall(ctx context.Context, b *bench) error {
	clients, closeAll, err := b.connectAll(ctx, b.flags.clients)
	if err != nil {
		return err
	}
	defer closeAll()
	if registry := clients[0].Registry().Load(); !registry.Has(b.flags.command) {
		return a.unknown(registry, b.flags.command)
	}
	ctx, cancel := until(ctx, b.flags.duration)
	defer cancel(nil)
	data := map[string]string{"text": strings.Repeat("x", b.flags.size)}
	workers := b.flags.clients * max(b.flags.inFlight, 1)
	var wg sync.WaitGroup
	for i := range workers {
		client := clients[i%len(clients)]
		wg.Go(func() {
			var times histogram
			defer func() { b.collect(&times) }()
			pace := newPace(b.flags.rate / float64(workers))
			for pace.wait(ctx) == nil {
				began := time.Now()
				if _, err := client.Call(ctx, b.flags.command, data).Await(ctx); err != nil {
					b.failed(ctx, err)
					if ctx.Err() != nil || !client.State().Load().Usable() {
						return
					}
					continue
				}
				times.add(time.Since(began))
				b.done.Add(1)
			}
		})
	}
	wg.Wait()
	return nil
}

const benchTopic = "xbus-bench::event"

type benchEvent struct {
	At   int64  `json:"at"` // nanoseconds since the bench has begun
	Text string `json:"text"`
}

// benchEvents publishes with one client and counts with the others. The times
// are those from one to the other.
func (a *app) benchEvents(ctx context.Context, b *bench) error {
	clients, closeAll, err := b.connectAll(ctx, b.flags.clients+1)
	if err != nil {
		return err
	}
	defer closeAll()
	publisher, readers := clients[0], clients[1:]
	if !publisher.Registry().Load().Has(commandBroadcast) {
		return &codeError{codeRefused, fmt.Errorf("bench events: the hall does not offer %s", commandBroadcast), "xbus serve --offer broadcast"}
	}
	began := time.Now()
	var received, lost atomic.Uint64
	var wg sync.WaitGroup
	subs := make([]*observable.Subscription[xbus.Event], len(readers))
	for i, client := range readers {
		if subs[i], err = client.Topic(benchTopic, observable.WithLimit(1<<16)).Subscribe(); err != nil {
			break
		}
		wg.Go(func() { b.readEvents(subs[i], began, &received, &lost) })
	}
	var sent uint64
	if err == nil {
		sent = b.publishEvents(ctx, publisher, began)
		settle(ctx, &received, &lost, sent*uint64(len(readers)))
	}
	for _, s := range subs {
		if s != nil {
			s.Close()
		}
	}
	wg.Wait()
	b.fact("sent", sent, fmt.Sprintf("%d sent, %d received by %d clients, %d lost in queues", sent, received.Load(), len(readers), lost.Load()))
	b.facts["received"], b.facts["lost"] = received.Load(), lost.Load()
	return err
}

func (b *bench) publishEvents(ctx context.Context, publisher *xbus.Client, began time.Time) (sent uint64) {
	ctx, cancel := until(ctx, b.flags.duration)
	defer cancel(nil)
	pace := newPace(b.flags.rate)
	text := strings.Repeat("x", b.flags.size)
	for pace.wait(ctx) == nil {
		if err := publisher.Publish(ctx, benchTopic, benchEvent{int64(time.Since(began)), text}); err != nil {
			b.failed(ctx, err)
			break
		}
		sent++
		b.done.Add(1)
	}
	return sent
}

func (b *bench) readEvents(s *observable.Subscription[xbus.Event], began time.Time, received, lost *atomic.Uint64) {
	var times histogram
	defer func() { b.collect(&times) }()
	for ev, err := range s.All(context.Background()) { // ends with s
		if err != nil {
			return
		}
		lost.Add(ev.Lost)
		var e benchEvent
		if ev.Gap != nil || ev.Decode(&e) != nil {
			continue
		}
		times.add(time.Since(began) - time.Duration(e.At))
		received.Add(1)
	}
}

// settle waits for events under way, until none has come for half a second.
func settle(ctx context.Context, received, lost *atomic.Uint64, all uint64) {
	const look = 100 * time.Millisecond
	last, still := uint64(0), 0
	for still < 5 && last < all && sleep(ctx, look) == nil {
		if n := received.Load() + lost.Load(); n == last {
			still++
		} else {
			last, still = n, 0
		}
	}
}

// benchConnect connects and closes, with several workers.
func (a *app) benchConnect(ctx context.Context, b *bench) error {
	cfg, err := a.config()
	if err != nil {
		return &codeError{code: codeUsage, err: err}
	}
	// The first failure is told as it is; later ones are counted.
	first, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	first.Close()
	ctx, cancel := until(ctx, b.flags.duration)
	defer cancel(nil)
	var wg sync.WaitGroup
	for range b.flags.clients {
		wg.Go(func() {
			var times histogram
			defer func() { b.collect(&times) }()
			pace := newPace(b.flags.rate / float64(b.flags.clients))
			for pace.wait(ctx) == nil {
				began := time.Now()
				client, err := a.dial(ctx, cfg)
				if err != nil {
					b.failed(ctx, err)
					_ = sleep(ctx, 100*time.Millisecond) // a hall that refuses is not to be pressed
					continue
				}
				times.add(time.Since(began))
				b.done.Add(1)
				client.Close()
			}
		})
	}
	wg.Wait()
	return nil
}
