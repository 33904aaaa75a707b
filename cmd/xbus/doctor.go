package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/config"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

func (a *app) doctorCommand() *cobra.Command {
	var onlyConfig bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out step by step why there is no connection, or what is wrong with it",
		Long: "Find out step by step why there is no connection, or what is wrong with it: the configuration with the origin\n" +
			"of each value, the address, the sockets, TLS, the handshake, clocks, the lag, the registry and limits.",
		Example: "  xbus doctor\n  xbus doctor --config\n  xbus doctor --url 'xcrafts://bus.example?pin=server-cert.pem' --json",
		Args:    exactly(0, "no argument"),
		RunE:    a.runs(func(ctx context.Context, _ []string) error { return a.doctor(ctx, onlyConfig) }),
	}
	cmd.Flags().BoolVar(&onlyConfig, "config", false, "show the configuration and end")
	return cmd
}

type verdict string

const (
	fine    verdict = "ok"
	suspect verdict = "warning"
	bad     verdict = "failed"
)

type stepLine struct {
	Type    string          `json:"type"`
	Step    string          `json:"step"`
	Verdict verdict         `json:"verdict"`
	Text    string          `json:"text"`
	Hint    string          `json:"hint,omitempty"`
	Setting *config.Setting `json:"setting,omitempty"`
}

// A doctor goes through the steps; the first failure is the exit code.
type doctor struct {
	*app
	err error
}

func (a *app) doctor(ctx context.Context, onlyConfig bool) error {
	d := &doctor{app: a}
	cfg := d.configuration()
	if onlyConfig || d.err != nil {
		return d.err
	}
	target := d.address(ctx, cfg)
	if d.err == nil && target != nil {
		d.sockets(ctx, target)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d.err != nil {
		return d.err // without sockets there is nothing to shake hands with
	}
	if target != nil && target.secure {
		d.encryption(ctx, target)
	}
	client := d.handshake(ctx, cfg)
	if client == nil {
		return d.err
	}
	defer client.Close()
	d.answers(ctx, client)
	d.lag(ctx, client)
	d.registry(client)
	d.limits()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return d.err
}

func (d *doctor) step(step string, v verdict, hint, format string, args ...any) {
	line := stepLine{Type: "step", Step: step, Verdict: v, Text: fmt.Sprintf(format, args...), Hint: hint}
	if d.json {
		d.emit(line)
		return
	}
	d.print("%-8s %-10s %s", v, step, line.Text)
	for _, text := range nonEmpty(strings.Split(hint, "\n")...) {
		d.print("%19s → %s", "", text)
	}
}

// fail is a step that has failed with an error of the library.
func (d *doctor) fail(step string, err error) {
	text, hint := explain(err)
	d.step(step, bad, hint, "%s", text)
	if d.err == nil {
		d.err = &codeError{codeOf(context.Background(), err), fmt.Errorf("doctor: the step %s has failed", step), ""}
	}
}

func (d *doctor) configuration() *config.Config {
	cfg, err := d.config()
	for _, s := range cfg.Settings {
		d.setting(s)
	}
	for _, f := range cfg.Findings {
		d.step("config", suspect, f.Hint, "%s", config.Finding{Key: f.Key, Origin: f.Origin, Message: f.Message})
	}
	if err != nil {
		d.fail("config", &codeError{code: codeUsage, err: err})
		return cfg
	}
	d.step("config", fine, "", "%s", cfg)
	return cfg
}

func (d *doctor) setting(s config.Setting) {
	if d.json {
		d.emit(stepLine{Type: "setting", Step: "config", Verdict: fine, Text: s.Key, Setting: &s})
		return
	}
	text := fmt.Sprintf("%-16s %-24s %s", s.Key, s.Value, s.Origin)
	for _, h := range s.Hidden {
		text += fmt.Sprintf("; not %s of %s", h.Value, h.Origin)
	}
	d.print("%8s %-10s %s", "", "config", text)
}

func (d *doctor) handshake(ctx context.Context, cfg *config.Config) *xbus.Client {
	began := time.Now()
	client, err := d.dial(ctx, cfg)
	if err != nil {
		d.fail("handshake", err)
		return nil
	}
	state := client.State().Load()
	d.step("handshake", fine, "", "session in %s, hall %v, name %s", human(time.Since(began)), state.Identity.Token, wire.Redact(client.OrcName().Load()))
	if !state.Loaded {
		d.step("handshake", suspect, "commands may be missing for a moment", "the hall has not said yet that all its modules are loaded")
	}
	return client
}

func (d *doctor) answers(ctx context.Context, client *xbus.Client) {
	took, err := d.roundTrip(ctx, client, "")
	if err != nil {
		d.fail("call", err)
		return
	}
	v, hint := fine, ""
	if took > time.Second {
		v, hint = suspect, "the hall is busy or the network is slow: xbus latency"
	}
	d.step("call", v, hint, "motd answered in %s", human(took))
}

// lag looks at heartbeats for a while: one is due every 500 ms.
func (d *doctor) lag(ctx context.Context, client *xbus.Client) {
	found := d.checkLag(ctx, client, checkFlags{window: 1200 * time.Millisecond, warn: time.Second, crit: 5 * time.Second})
	v, hint := fine, ""
	if found.health != healthy {
		v, hint = suspect, "a hall beats every 500 ms; Node halls stop for a second or two now and then: xbus latency --count 0"
	}
	d.step("lag", v, hint, "%s", found.text)
	if state := client.State().Load(); state.Phase == conn.Closed && state.Err != nil {
		d.fail("lag", state.Err)
	}
}

func (d *doctor) registry(client *xbus.Client) {
	registry := client.Registry().Load()
	if registry.Len() == 0 {
		d.step("registry", suspect, "the hall may still be loading: xbus commands --watch", "the hall has no commands")
		return
	}
	offers := "it passes events of clients on (broadcast)"
	if !registry.Has(commandBroadcast) {
		offers = "it does not pass events of clients on (no broadcast)"
	}
	d.step("registry", fine, "", "%d commands; %s", registry.Len(), offers)
}

func (d *doctor) limits() {
	limit, ok := openFiles()
	switch {
	case !ok:
		d.step("limits", fine, "", "60 s for a call, 1024 events and 64 MiB for a subscription")
	case limit < 1024:
		d.step("limits", suspect, "ulimit -n 4096: a client takes two", "%d open files are allowed", limit)
	default:
		d.step("limits", fine, "", "60 s for a call, 1024 events and 64 MiB for a subscription, %d open files", limit)
	}
}
