package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus"
)

// A health is a result of a check; its number is the exit code that monitoring
// plug-ins have.
type health int

const (
	healthy health = iota
	warning
	critical
	unknown
)

func (h health) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[h] }

type checkFlags struct {
	format     string
	warn, crit time.Duration
	command    string
	window     time.Duration
	least      int
	require    []string
}

// A finding is what a check has found.
type finding struct {
	check  string
	health health
	text   string
	value  float64 // seconds, or a number of commands
	unit   string  // "s" or ""
	limits [2]string
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check conn|call|lag|registry",
		Short: "Health check for monitoring",
		Long: "Health check for monitoring. It ends with the codes of monitoring plug-ins, in each format: 0 ok, 1 warning,\n" +
			"2 critical, 3 unknown.\n\n" +
			"  conn      a session can be made; its time\n  call      a call is answered; its time (motd, or --command)\n" +
			"  lag       the longest silence of the hall, which beats every 500 ms\n  registry  the hall has its commands (--min, --require)",
		Example: "  xbus check conn --warn 200ms --crit 2s\n  xbus check call --command demo.echo --format prometheus\n" +
			"  xbus check registry --min 20 --require warehouse.get",
		Args:      exactly(1, "one of conn, call, lag, registry"),
		ValidArgs: []string{"conn", "call", "lag", "registry"},
		RunE:      a.runs(func(ctx context.Context, args []string) error { return a.checkUp(ctx, args[0], f) }),
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "text", "text, nagios, prometheus or json")
	fl.DurationVar(&f.warn, "warn", time.Second, "a longer time is a warning")
	fl.DurationVar(&f.crit, "crit", 5*time.Second, "a longer time is critical")
	fl.StringVar(&f.command, "command", "", "call: this command without arguments instead of motd")
	fl.DurationVar(&f.window, "for", 1500*time.Millisecond, "lag: how long to look")
	fl.IntVar(&f.least, "min", 1, "registry: fewer commands are critical")
	fl.StringSliceVar(&f.require, "require", nil, "registry: commands that must be there")
	return cmd
}

func (a *app) checkUp(ctx context.Context, what string, f checkFlags) error {
	checks := map[string]func(context.Context, *xbus.Client, checkFlags) finding{
		"conn": nil, "call": a.checkCall, "lag": a.checkLag, "registry": a.checkRegistry,
	}
	check, ok := checks[what]
	if !ok {
		return usage("write one of conn, call, lag, registry", "there is no check %q", what)
	}
	if !slices.Contains([]string{"text", "nagios", "prometheus", "json"}, f.format) {
		return usage("write text, nagios, prometheus or json", "there is no format %q", f.format)
	}
	if a.timeout == 0 {
		a.timeout = f.crit + time.Second // later is critical anyway
	}
	began := time.Now()
	client, err := a.connect(ctx)
	found := timed("conn", time.Since(began), "session", f)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		text, _ := explain(err)
		found = finding{check: what, health: critical, text: text, unit: "s", value: time.Since(began).Seconds()}
		if codeOf(ctx, err) == codeUsage {
			found.health = unknown
		}
	} else {
		defer client.Close()
		if check != nil {
			found = check(ctx, client, f)
		}
	}
	a.showFinding(found, f.format)
	return statusError(found.health)
}

// timed judges a time.
func timed(check string, took time.Duration, what string, f checkFlags) finding {
	h := healthy
	if took > f.crit {
		h = critical
	} else if took > f.warn {
		h = warning
	}
	return finding{check: check, health: h, text: what + " " + human(took), value: took.Seconds(), unit: "s",
		limits: [2]string{seconds(f.warn), seconds(f.crit)}}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%g", d.Seconds()) }

func (a *app) checkCall(ctx context.Context, client *xbus.Client, f checkFlags) finding {
	took, err := a.roundTrip(ctx, client, f.command)
	if err != nil {
		text, _ := explain(err)
		return finding{check: "call", health: critical, text: text, unit: "s", value: took.Seconds()}
	}
	name := f.command
	if name == "" {
		name = "motd"
	}
	return timed("call", took, name, f)
}

func (a *app) checkLag(ctx context.Context, client *xbus.Client, f checkFlags) finding {
	ctx, cancel := until(ctx, f.window)
	defer cancel(nil)
	var worst time.Duration
	for lag, err := range client.Lag(50 * time.Millisecond).All(ctx) {
		if err != nil {
			break
		}
		worst = max(worst, lag)
	}
	if state := client.State().Load(); !state.Usable() {
		return finding{check: "lag", health: critical, text: fmt.Sprint(state), unit: "s", value: worst.Seconds()}
	}
	return timed("lag", worst, "lag", f)
}

func (a *app) checkRegistry(_ context.Context, client *xbus.Client, f checkFlags) finding {
	registry := client.Registry().Load()
	found := finding{check: "registry", text: fmt.Sprintf("%d commands", registry.Len()), value: float64(registry.Len()), limits: [2]string{"", fmt.Sprintf("%d:", f.least)}}
	if registry.Len() < f.least {
		found.health = critical
		found.text += fmt.Sprintf(", fewer than %d", f.least)
	}
	missing := slices.DeleteFunc(slices.Clone(f.require), registry.Has)
	if len(missing) > 0 {
		found.health = critical
		found.text += "; missing: " + strings.Join(missing, ", ")
	}
	return found
}

func (a *app) showFinding(f finding, format string) {
	if a.json {
		format = "json"
	}
	label, unit := f.check, "_seconds"
	if f.check != "registry" {
		label += "_time"
	} else {
		unit = "_commands"
	}
	switch format {
	case "json":
		a.emit(map[string]any{"type": "check", "check": f.check, "status": f.health.String(), "code": int(f.health), "text": f.text, "value": f.value, "unit": f.unit})
	case "prometheus":
		a.print("# HELP xbus_check_status 0 ok, 1 warning, 2 critical, 3 unknown\n# TYPE xbus_check_status gauge\nxbus_check_status{check=%q} %d", f.check, int(f.health))
		a.print("# HELP xbus_check%s what the check has measured\n# TYPE xbus_check%s gauge\nxbus_check%s{check=%q} %g", unit, unit, unit, f.check, f.value)
	case "nagios":
		a.print("XBUS %s %s - %s | %s=%g%s;%s;%s", strings.ToUpper(f.check), f.health, strings.ReplaceAll(f.text, "|", "/"), label, f.value, f.unit, f.limits[0], f.limits[1])
	default:
		a.print("%s %s: %s", f.health, f.check, f.text)
	}
}
