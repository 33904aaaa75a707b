package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/rig"
	"github.com/xcraft-go/xbus/interop"
)

// wholeTable has events a second through clients with so many subscriptions. A
// thousand topics take turns, all of them wanted by one pattern with a star; the
// other patterns are each for something else.
const (
	wholeTable  = "events to one of so many patterns"
	wantedTopic = "shelf-%d::stock.changed"
	wantedStar  = "*::stock.changed"
)

// A follower takes n events that were published for it.
type follower struct {
	events func(context.Context, int) error
	end    func()
}

func whole(ctx context.Context, b *measure.Bench) error {
	var cases []measure.Case
	for _, n := range sizes {
		for _, c := range []struct {
			row   string
			most  int // patterns; more take minutes
			count int // events a sample, 0 for as many as fill the time
			start func(context.Context, int) (*follower, error)
		}{
			{"xbus tcp", 100_000, 0, followXBus},
			{"nats", 100_000, 0, followNATS},
			{"jsgo tcp", 10_000, 300, followReference},
		} {
			if !b.Wants(c.row) || n > c.most || b.Quick && n > 1_000 || c.count > 0 && interop.Available() != nil {
				continue
			}
			f, err := c.start(ctx, n)
			if f != nil && f.end != nil {
				defer f.end()
			}
			if err != nil {
				return fmt.Errorf("%s, %d patterns: %w", c.row, n, err)
			}
			count := c.count
			if count == 0 {
				if count, err = b.Calibrate(ctx, turn, f.events); err != nil {
					return fmt.Errorf("%s, %d patterns: %w", c.row, n, err)
				}
			}
			cases = append(cases, measure.Case{Key: measure.Key{Table: wholeTable, Row: c.row, Column: fmt.Sprint(n, " patterns")}, Unit: "events/s",
				Measure: func(ctx context.Context) (measure.Sample, error) {
					return measure.PerSecond(count, nil, func() error { return f.events(ctx, count) })
				}})
		}
	}
	return b.Run(ctx, cases)
}

var wantedTopics = func() (list [turn]string) {
	for i := range list {
		list[i] = fmt.Sprintf(wantedTopic, i)
	}
	return list
}()

// window is how many events the publisher may be ahead of the loop.
const window = 1024

// paced publishes n events; taken has one for each quarter of the window that
// the loop has taken. It rounds n up to quarters.
func paced(n int, taken <-chan struct{}, publish func(i int) error) error {
	quarters := (n + window/4 - 1) / (window / 4)
	for i := range quarters {
		for j := range window / 4 {
			if err := publish(i*window/4 + j); err != nil {
				return err
			}
		}
		if i >= 3 {
			if err := await(taken); err != nil {
				return err
			}
		}
	}
	for range min(3, quarters) {
		if err := await(taken); err != nil {
			return err
		}
	}
	return nil
}

func await(taken <-chan struct{}) error {
	select {
	case <-taken:
		return nil
	case <-time.After(30 * time.Second):
		return fmt.Errorf("events do not come")
	}
}

func followXBus(ctx context.Context, n int) (*follower, error) {
	hall, err := rig.Open(ctx, "xcraft://127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &follower{end: func() { hall.Close() }}
	client, err := xbus.Connect(ctx, hall.URL())
	if err != nil {
		return f, err
	}
	for _, pattern := range populate(n - 1).patterns {
		if _, err := client.Topic(pattern).Subscribe(); err != nil {
			client.Close()
			return f, err
		}
	}
	sub, err := client.Topic(wantedStar).Subscribe()
	if err != nil {
		client.Close()
		return f, err
	}
	taken := make(chan struct{}, 4)
	var wg sync.WaitGroup
	wg.Go(func() {
		count := 0
		for _, err := range sub.All(context.Background()) {
			if err != nil {
				return
			}
			if count++; count%(window/4) == 0 {
				taken <- struct{}{}
			}
		}
	})
	f.end = func() { client.Close(); wg.Wait(); hall.Close() }
	f.events = func(ctx context.Context, n int) error {
		return paced(n, taken, func(i int) error { return hall.Publish(ctx, wantedTopics[i%turn], nil) })
	}
	return f, nil
}

func followNATS(_ context.Context, n int) (*follower, error) {
	url, stop, err := rig.NATS()
	if err != nil {
		return nil, err
	}
	f := &follower{end: stop}
	receiver, err := nats.Connect(url)
	if err != nil {
		return f, err
	}
	sender, err := nats.Connect(url)
	if err != nil {
		receiver.Close()
		return f, err
	}
	messages, done := make(chan *nats.Msg, 2*window), make(chan struct{})
	taken := make(chan struct{}, 4)
	var wg sync.WaitGroup
	wg.Go(func() {
		for count := 1; ; count++ {
			select {
			case <-messages:
			case <-done:
				return
			}
			if count%(window/4) == 0 {
				taken <- struct{}{}
			}
		}
	})
	f.end = func() { close(done); wg.Wait(); receiver.Close(); sender.Close(); stop() }
	subject := func(topic string) string { return strings.ReplaceAll(topic, "::", ".") }
	for i := range n - 1 {
		if _, err := receiver.ChanSubscribe(fmt.Sprintf("module-%d.device.changed", i), messages); err != nil {
			return f, err
		}
	}
	if _, err = receiver.ChanSubscribe(subject(wantedStar), messages); err == nil {
		err = receiver.FlushTimeout(time.Minute)
	}
	var subjects [turn]string
	for i, topic := range wantedTopics {
		subjects[i] = subject(topic)
	}
	f.events = func(_ context.Context, n int) error {
		return paced(n, taken, func(i int) error { return sender.Publish(subjects[i%turn], nil) })
	}
	return f, err
}

// followReference is the real client at a hall of ours.
func followReference(ctx context.Context, n int) (*follower, error) {
	hall, err := rig.Open(ctx, "xcraft://127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &follower{end: func() { hall.Close() }}
	client, err := interop.StartClient(ctx, interop.ClientOptions{URL: hall.URL()})
	if err != nil {
		return f, err
	}
	f.end = func() { client.Stop(); hall.Close() }
	if _, err := client.Connect(ctx); err != nil {
		return f, err
	}
	count := func(label, pattern string, n int) error {
		if err := client.Do(map[string]any{"op": "count", "label": label, "topic": pattern, "n": n}); err != nil {
			return err
		}
		_, err := client.Wait(ctx, "subscribed", label)
		return err
	}
	for i, pattern := range populate(n - 1).patterns {
		if err := count(fmt.Sprint("other ", i), pattern, 1); err != nil {
			return f, err
		}
	}
	run := 0
	f.events = func(ctx context.Context, n int) error {
		run++
		label := fmt.Sprint("run ", run)
		if err := count(label, wantedStar, n); err != nil {
			return err
		}
		for i := range n {
			if err := hall.Publish(ctx, wantedTopics[i%turn], nil); err != nil {
				return err
			}
		}
		_, err := client.Wait(ctx, "counted", label)
		return err
	}
	return f, nil
}
