package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus"
)

type latencyFlags struct {
	command  string
	count    int
	interval time.Duration
}

func (a *app) latencyCommand() *cobra.Command {
	var f latencyFlags
	cmd := &cobra.Command{
		Use:     "latency",
		Short:   "Measure the round trip of calls, and the lag of the hall",
		Long:    "Measure the round trip of calls, and the lag: the longest silence of a hall, which beats every 500 ms.",
		Example: "  xbus latency\n  xbus latency --command demo.echo --count 0 --interval 1s",
		Args:    exactly(0, "no argument"),
		RunE:    a.runs(func(ctx context.Context, _ []string) error { return a.latency(ctx, f) }),
	}
	cmd.Flags().StringVar(&f.command, "command", "", "call this command without arguments instead of motd")
	cmd.Flags().IntVar(&f.count, "count", 10, "how many calls; 0 for until Ctrl-C")
	cmd.Flags().DurationVar(&f.interval, "interval", 200*time.Millisecond, "time between two calls")
	return cmd
}

func (a *app) latency(ctx context.Context, f latencyFlags) error {
	if f.interval <= 0 || f.count < 0 {
		return usage("give positive ones", "--interval %v and --count %d", f.interval, f.count)
	}
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if f.command != "" && !client.Registry().Load().Has(f.command) {
		return a.unknown(client.Registry().Load(), f.command)
	}
	var times histogram
	var lag time.Duration
	pace := newPace(float64(time.Second) / float64(f.interval))
	for n := 0; f.count == 0 || n < f.count; n++ {
		if pace.wait(ctx) != nil {
			break
		}
		lag = max(lag, silence(client))
		took, err := a.roundTrip(ctx, client, f.command)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			return err
		}
		times.add(took)
		if a.json {
			a.emit(map[string]any{"type": "call", "n": n + 1, "ms": milliseconds(took), "silenceMs": milliseconds(lag)})
		} else {
			a.print("%4d  %s", n+1, human(took))
		}
	}
	a.summarizeLatency(&times, lag)
	return nil
}

func (a *app) summarizeLatency(times *histogram, lag time.Duration) {
	if a.json {
		line := times.summary()
		line["type"], line["lagMs"] = "latency", milliseconds(lag)
		a.emit(line)
		return
	}
	a.say("-- %s; longest silence %s", times, human(lag))
}

// roundTrip is the time of one call, motd unless there is a name.
func (a *app) roundTrip(ctx context.Context, client *xbus.Client, command string) (time.Duration, error) {
	ctx, cancel := a.within(ctx)
	defer cancel()
	began := time.Now()
	var err error
	if command == "" {
		if _, ok := ctx.Deadline(); !ok {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, connectTimeout)
			defer stop()
		}
		_, err = client.Motd(ctx)
	} else {
		_, err = client.Call(ctx, command, nil).Await(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("round trip: %w", err)
	}
	return time.Since(began), nil
}

// silence is how long the hall has said nothing.
func silence(client *xbus.Client) time.Duration {
	session, ok := client.Session()
	if !ok || session.Info.LastReceived.IsZero() {
		return 0
	}
	return time.Since(session.Info.LastReceived)
}
