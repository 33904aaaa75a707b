package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus"
)

const commandBroadcast = "broadcast"

type pubFlags struct {
	count int
	rate  float64
	wait  time.Duration
}

func (a *app) pubCommand() *cobra.Command {
	var f pubFlags
	cmd := &cobra.Command{
		Use:   "pub <topic> [name=value …|@file|-]",
		Short: "Publish an event",
		Long: "Publish an event. A client cannot do that by itself: it asks the hall, by the command broadcast, and all\n" +
			"clients receive it. The own event coming back is the proof that the hall has done it.\n\n" + argsHelp,
		Example: "  xbus pub demo::changed room=attic celsius=21.5\n  xbus pub demo::load n=1 --count 1000 --rate 200",
		Args:    atLeast(1, "a topic: xbus pub demo::changed x=1"),
		RunE: a.runs(func(ctx context.Context, args []string) error {
			return a.pub(ctx, args[0], args[1:], f)
		}),
	}
	cmd.Flags().IntVar(&f.count, "count", 1, "how many")
	cmd.Flags().Float64Var(&f.rate, "rate", 0, "how many a second (default as fast as possible)")
	cmd.Flags().DurationVar(&f.wait, "wait", time.Second, "how long to wait for the events to come back; 0 for not at all")
	return cmd
}

func (a *app) pub(ctx context.Context, topic string, args []string, f pubFlags) error {
	namespace, name, ok := strings.Cut(topic, "::")
	if !ok || namespace == "" || name == "" || strings.ContainsAny(topic, "*()|") {
		return usage("write namespace::name, e.g. demo::changed", "%q is no topic of an event", topic)
	}
	if f.count < 1 || f.rate < 0 {
		return usage("give positive numbers", "--count %d and --rate %v", f.count, f.rate)
	}
	data, err := a.data(args, nil)
	if err != nil {
		return err
	}
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if !client.Registry().Load().Has(commandBroadcast) {
		return &codeError{codeRefused, fmt.Errorf("publish %q: the hall does not offer %s", topic, commandBroadcast),
			"a hall of xbus offers it when it is told to: xbus serve --offer broadcast"}
	}
	echo, err := a.countEchoes(client, topic)
	if err != nil {
		return err
	}
	defer echo.close()
	began := time.Now()
	sent, err := a.publish(ctx, client, topic, payloadOf(data), f, echo)
	if err == nil {
		echo.wait(ctx, sent, f.wait)
	}
	back := int(echo.n.Load())
	if a.json {
		a.emit(map[string]any{"type": "published", "topic": topic, "sent": sent, "back": back, "ms": milliseconds(time.Since(began))})
	} else {
		a.say("-- %d sent, %d came back, in %s", sent, back, human(time.Since(began)))
	}
	if err == nil && back == 0 && sent > 0 && f.wait > 0 && ctx.Err() == nil {
		return &codeError{codeRefused, fmt.Errorf("publish %q: no event came back within %v", topic, f.wait),
			"a hall may refuse a topic that is not the sender's, without a word; or give more time: --wait 5s"}
	}
	return ended(ctx, err)
}

func (a *app) publish(ctx context.Context, client *xbus.Client, topic string, data any, f pubFlags, echo *echoes) (sent int, err error) {
	progress := a.meter(func(time.Duration) string { return fmt.Sprintf("%d of %d", echo.n.Load(), f.count) })
	defer progress.end()
	pace := newPace(f.rate)
	for sent < f.count {
		if err := pace.wait(ctx); err != nil {
			return sent, err
		}
		if err := client.Publish(ctx, topic, data); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}

// echoes counts the own events that come back.
type echoes struct {
	n     atomic.Int64
	moved chan struct{}
	close func()
}

func (a *app) countEchoes(client *xbus.Client, topic string) (*echoes, error) {
	s, err := client.Topic(topic).Subscribe()
	if err != nil {
		return nil, usage("write namespace::name, e.g. demo::changed", "%v", err)
	}
	e := &echoes{moved: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ev, err := range s.All(context.Background()) { // ends with s
			if err != nil {
				return
			}
			e.n.Add(int64(ev.Lost))
			if ev.Gap == nil {
				e.n.Add(1)
			}
			select {
			case e.moved <- struct{}{}:
			default:
			}
		}
	}()
	e.close = func() { s.Close(); <-done }
	return e, nil
}

// wait waits until all have come back, or nothing has for the given time.
func (e *echoes) wait(ctx context.Context, sent int, limit time.Duration) {
	for int(e.n.Load()) < sent {
		select {
		case <-e.moved:
		case <-time.After(limit):
			return
		case <-ctx.Done():
			return
		}
	}
}

// A pace lets so many steps a second happen; 0 for any number.
type pace struct {
	every time.Duration
	next  time.Time
}

func newPace(rate float64) *pace {
	p := &pace{next: time.Now()}
	if rate > 0 {
		p.every = time.Duration(float64(time.Second) / rate)
	}
	return p
}

func (p *pace) wait(ctx context.Context) error {
	if p.every == 0 {
		return context.Cause(ctx)
	}
	delay := time.Until(p.next)
	p.next = p.next.Add(p.every)
	if delay <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
