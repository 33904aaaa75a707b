package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus"
)

type benchFlags struct {
	clients, size int
	inFlight      int
	rate          float64
	duration      time.Duration
	command       string
	bars, csv     bool
}

func (a *app) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bench",
		Short:   "Measure a hall: calls, events, connections",
		Example: "  xbus bench call --clients 4 --duration 5s --histogram\n  xbus bench events --clients 10 --rate 1000 --size 200\n  xbus bench connect --clients 20 --csv",
		Args:    exactly(0, "one of call, events, connect"),
		RunE: func(*cobra.Command, []string) error {
			return errors.New("xbus bench needs one of call, events, connect")
		},
	}
	cmd.AddCommand(
		a.benchOf("call", "Call a command as fast as it answers, or at a rate",
			"xbus bench call --clients 4 --in-flight 16 --duration 5s", a.benchCall),
		a.benchOf("events", "Publish events through the hall and follow them with several clients",
			"xbus bench events --clients 10 --rate 1000 --size 200", a.benchEvents),
		a.benchOf("connect", "Connect and close, again and again",
			"xbus bench connect --clients 20 --duration 5s", a.benchConnect),
	)
	return cmd
}

func (a *app) benchOf(name, short, example string, body func(context.Context, *bench) error) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use: name, Short: short, Example: "  " + example,
		Args: exactly(0, "no argument"),
		RunE: a.runs(func(ctx context.Context, _ []string) error { return a.bench(ctx, name, f, body) }),
	}
	fl := cmd.Flags()
	fl.IntVar(&f.clients, "clients", 1, "how many clients")
	fl.DurationVar(&f.duration, "duration", 3*time.Second, "how long; Ctrl-C ends it with what was measured")
	fl.Float64Var(&f.rate, "rate", 0, "how many a second, of all clients together (default as fast as possible)")
	fl.BoolVar(&f.bars, "histogram", false, "draw the distribution")
	fl.BoolVar(&f.csv, "csv", false, "print a header and a row of comma-separated values")
	if name != "connect" {
		fl.IntVar(&f.size, "size", 64, "bytes of the payload")
	}
	if name == "call" {
		fl.IntVar(&f.inFlight, "in-flight", 1, "calls that each client has under way")
		fl.StringVar(&f.command, "command", "demo.echo", "the command to call, with {\"text\": …} of --size bytes")
	}
	return cmd
}

// A bench is one measurement under way.
type bench struct {
	*app
	flags benchFlags

	done   atomic.Uint64 // steps so far
	mu     sync.Mutex
	times  histogram
	errors map[string]int
	extra  []string // further facts for the summary
	facts  map[string]any
}

func (a *app) bench(ctx context.Context, name string, f benchFlags, body func(context.Context, *bench) error) error {
	if f.clients < 1 || f.size < 0 || f.rate < 0 || f.duration <= 0 || f.inFlight < 0 {
		return usage("give positive numbers", "--clients %d, --size %d, --rate %v, --duration %v, --in-flight %d", f.clients, f.size, f.rate, f.duration, f.inFlight)
	}
	b := &bench{app: a, flags: f, errors: map[string]int{}, facts: map[string]any{}}
	progress := a.meter(func(d time.Duration) string {
		return fmt.Sprintf("bench %s: %d in %v of %v", name, b.done.Load(), d.Round(100*time.Millisecond), f.duration)
	})
	began := time.Now()
	err := body(ctx, b)
	progress.end()
	if err != nil {
		return err
	}
	b.show(name, time.Since(began))
	if b.times.n == 0 && len(b.errors) > 0 && ctx.Err() == nil {
		return fmt.Errorf("bench %s: nothing has succeeded", name)
	}
	return nil
}

// failed counts an error by its text, unless the bench is over.
func (b *bench) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	text, _ := explain(err)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.errors) < 20 {
		b.errors[text]++
	} else {
		b.errors["others"]++
	}
}

// collect adds what one worker has measured.
func (b *bench) collect(h *histogram) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.times.merge(h)
}

// connectAll makes the clients.
func (b *bench) connectAll(ctx context.Context, n int, opts ...xbus.Option) (clients []*xbus.Client, closeAll func(), err error) {
	cfg, err := b.config()
	if err != nil {
		return nil, nil, &codeError{code: codeUsage, err: err}
	}
	closeAll = func() {
		var wg sync.WaitGroup
		for _, c := range clients {
			wg.Go(func() { c.Close() })
		}
		wg.Wait()
	}
	for range n {
		c, err := b.dial(ctx, cfg, opts...)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		clients = append(clients, c)
	}
	return clients, closeAll, nil
}

func (b *bench) show(name string, took time.Duration) {
	failures := 0
	for _, n := range b.errors {
		failures += n
	}
	perSecond := float64(b.times.n) / took.Seconds()
	switch {
	case b.csv():
		b.print("bench,clients,size,rate,seconds,count,errors,per_second,min_ms,mean_ms,p50_ms,p90_ms,p99_ms,p999_ms,max_ms")
		row := []any{name, b.flags.clients, b.flags.size, b.flags.rate, took.Seconds(), b.times.n, failures, perSecond, milliseconds(b.times.min), milliseconds(b.times.mean())}
		for _, p := range quantiles {
			row = append(row, milliseconds(b.times.quantile(p.q)))
		}
		row = append(row, milliseconds(b.times.max))
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = fmt.Sprint(v)
		}
		b.print("%s", strings.Join(cells, ","))
	case b.json:
		line := b.times.summary()
		line["type"], line["bench"], line["clients"], line["size"] = "bench", name, b.flags.clients, b.flags.size
		line["seconds"], line["perSecond"], line["errors"] = took.Seconds(), perSecond, failures
		for k, v := range b.facts {
			line[k] = v
		}
		b.emit(line)
	default:
		b.print("%s: %d clients, %.0f a second in %s, %d errors", name, b.flags.clients, perSecond, human(took), failures)
		b.print("  %s", &b.times)
		for _, line := range b.extra {
			b.print("  %s", line)
		}
	}
	if b.flags.bars && !b.json && !b.csv() {
		for _, line := range b.times.bars() {
			b.print("%s", line)
		}
	}
	for text, n := range b.errors {
		b.say("-- %d × %s", n, text)
	}
}

func (b *bench) csv() bool { return b.flags.csv }

// fact adds a figure to the summary.
func (b *bench) fact(key string, v any, text string) {
	b.facts[key] = v
	b.extra = append(b.extra, text)
}
