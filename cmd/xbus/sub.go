package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/wire"
)

type subFlags struct {
	count      int
	duration   time.Duration
	queue      int
	topicsOnly bool
}

func (a *app) subCommand() *cobra.Command {
	var f subFlags
	cmd := &cobra.Command{
		Use:   "sub <pattern …>",
		Short: "Follow events, until Ctrl-C",
		Long: "Follow events, until Ctrl-C, --count or --for.\n\n" +
			"In a pattern * stands for one or more characters and (a|b) for a choice. What a full queue has lost, and each\n" +
			"interruption of the connection, is printed as such. An event that two patterns match is printed for each.",
		Example: "  xbus sub 'demo::*'\n  xbus sub '*::(changed|released)' --json --count 10\n  xbus sub '*::*' --topics-only --for 30s",
		Args:    atLeast(1, "a pattern: xbus sub 'demo::*'"),
		RunE: a.runs(func(ctx context.Context, args []string) error {
			return a.sub(ctx, args, f)
		}),
	}
	cmd.Flags().IntVar(&f.count, "count", 0, "end after so many events")
	cmd.Flags().DurationVar(&f.duration, "for", 0, "end after this time")
	cmd.Flags().IntVar(&f.queue, "queue", 1024, "events that may wait to be printed; the oldest is lost beyond it")
	cmd.Flags().BoolVar(&f.topicsOnly, "topics-only", false, "print no data")
	return cmd
}

func (a *app) sub(ctx context.Context, patterns []string, f subFlags) error {
	if f.queue < 1 || f.count < 0 {
		return usage("give positive numbers", "--queue %d and --count %d", f.queue, f.count)
	}
	if slices.Contains(patterns, "") {
		return usage("write e.g. 'demo::*'", "a pattern is empty")
	}
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	subs := make([]*observable.Subscription[xbus.Event], len(patterns))
	for i, pattern := range patterns {
		if subs[i], err = client.Topic(pattern, observable.WithLimit(f.queue)).Subscribe(); err != nil {
			return usage("write e.g. 'demo::*'", "%v", err)
		}
		defer subs[i].Close()
	}
	interrupted := ctx
	ctx, cancel := until(ctx, f.duration)
	defer cancel(nil)
	l := &listener{app: a, flags: f, cancel: cancel, began: time.Now()}
	a.followState(ctx, client, &l.wg, &l.mu)
	for i, s := range subs {
		l.wg.Go(func() { l.follow(ctx, patterns[i], s) })
	}
	if !a.json {
		a.note("listening to %d pattern(s) as %s", len(patterns), wire.Redact(client.OrcName().Load()))
	}
	l.wg.Wait()
	l.summary()
	return ended(interrupted, l.err)
}

// A listener prints the events of several subscriptions, one at a time.
type listener struct {
	*app
	flags  subFlags
	cancel context.CancelCauseFunc
	began  time.Time
	wg     sync.WaitGroup

	mu     sync.Mutex // guards stdout and what follows
	events int
	lost   uint64
	gaps   int
	err    error
}

type eventLine struct {
	Type    string          `json:"type"` // event, loss or gap
	Pattern string          `json:"pattern"`
	Time    time.Time       `json:"time"`
	Topic   string          `json:"topic,omitempty"`
	ID      string          `json:"id,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	Lost    uint64          `json:"lost,omitempty"`
	Gap     *xbus.Gap       `json:"gap,omitempty"`
	Cause   string          `json:"cause,omitempty"`
}

func (l *listener) follow(ctx context.Context, pattern string, s *observable.Subscription[xbus.Event]) {
	for ev, err := range s.All(ctx) {
		if err != nil {
			l.mu.Lock()
			if l.err == nil {
				l.err = err
			}
			l.mu.Unlock()
			l.cancel(err) // the client has ended, or the command: so have the others
			return
		}
		if !l.show(pattern, ev) {
			l.cancel(errDone)
			return
		}
	}
}

// show prints one event and reports whether more are wanted.
func (l *listener) show(pattern string, ev xbus.Event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flags.count > 0 && l.events >= l.flags.count {
		return false
	}
	now := time.Now()
	if ev.Lost > 0 {
		l.lost += ev.Lost
		if l.json {
			l.emit(eventLine{Type: "loss", Pattern: pattern, Time: now, Lost: ev.Lost})
		} else {
			l.say("-- %d event(s) of %s lost here: the queue of %d was full", ev.Lost, pattern, l.flags.queue)
		}
	}
	if ev.Gap != nil {
		l.gaps++
		if l.json {
			line := eventLine{Type: "gap", Pattern: pattern, Time: now, Gap: ev.Gap}
			if ev.Gap.Cause != nil {
				line.Cause = ev.Gap.Cause.Error()
			}
			l.emit(line)
		} else {
			l.say("-- gap in %s: %v", pattern, ev.Gap)
		}
		return true
	}
	l.events++
	line := eventLine{Type: "event", Pattern: pattern, Time: now, Topic: ev.Topic, ID: ev.ID}
	if !l.flags.topicsOnly {
		line.Data = jsonOf(ev.Message)
	}
	switch {
	case l.json:
		l.emit(line)
	case line.Data == nil:
		l.print("%s", ev.Topic)
	default:
		l.print("%s %s", ev.Topic, line.Data)
	}
	return l.flags.count == 0 || l.events < l.flags.count
}

func (l *listener) summary() {
	l.say("-- %d event(s) in %s, %d lost, %d gap(s)", l.events, human(time.Since(l.began)), l.lost, l.gaps)
}

// followState tells on stderr when the connection is lost and back.
func (a *app) followState(ctx context.Context, client *xbus.Client, wg *sync.WaitGroup, mu *sync.Mutex) {
	wg.Go(func() {
		last := conn.Connected
		for s, err := range client.State().Observable().All(ctx) {
			if err != nil || s.Phase == last {
				continue
			}
			last = s.Phase
			mu.Lock()
			a.say("-- %s %v", time.Now().Format("15:04:05"), fmt.Sprint(s))
			mu.Unlock()
		}
	})
}
