package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/config"
)

// connectTimeout bounds the way to a session where --timeout does not.
const connectTimeout = 5 * time.Second

// An app is one run of the program: its streams and the flags of all commands.
type app struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // err is one

	url, context, root, app, horde string
	ca, pin, cert, key             string
	tribe                          int
	timeout                        time.Duration
	json, verbose                  bool
}

// execute runs the command line and returns the exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	return a.report(ctx, root.ExecuteContext(ctx))
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "xbus",
		Short: "The bus of Xcraft on the command line",
		Long: "The bus of Xcraft on the command line.\n\n" +
			"Which hall is meant: --url, --context, XBUS_URL, XBUS_CONTEXT, XCRAFT_CONFIG, the server that runs beneath\n" +
			"XCRAFT_ROOT, its etc folder, or 127.0.0.1 with the ports 35400 and 35800. \"xbus doctor\" shows what counts.",
		Example:       "  xbus serve --demo\n  xbus call demo.echo x=1\n  xbus sub 'demo::*'",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	f := root.PersistentFlags()
	f.StringVar(&a.url, "url", "", "address of the hall, e.g. xcraft://127.0.0.1:35400?events=35800")
	f.StringVar(&a.context, "context", "", "named target of the file of contexts")
	f.StringVar(&a.root, "root", "", "folder of an Xcraft server (default XCRAFT_ROOT)")
	f.StringVar(&a.app, "app", "", "application, app or app@variant (default GOBLINS_APP)")
	f.StringVar(&a.horde, "horde", "", "connect to this horde of the topology beneath the root")
	f.IntVar(&a.tribe, "tribe", 0, "number of the instance of the application")
	f.StringVar(&a.ca, "ca", "", "authority of the hall's certificate (PEM file or base64:…)")
	f.StringVar(&a.pin, "pin", "", "the very certificate of the hall (PEM file or base64:…)")
	f.StringVar(&a.cert, "cert", "", "our certificate, for halls that ask for one")
	f.StringVar(&a.key, "key", "", "its private key")
	f.DurationVar(&a.timeout, "timeout", 0, "limit for connecting and for one call (default 5s and 60s)")
	f.BoolVar(&a.json, "json", false, "one JSON object a line on stdout")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "log the life of the connection to stderr")
	root.AddCommand(
		a.callCommand(), a.subCommand(), a.pubCommand(), a.commandsCommand(), a.manCommand(), a.stateCommand(),
		a.latencyCommand(), a.checkCommand(), a.benchCommand(), a.serveCommand(), a.doctorCommand(), a.versionCommand(),
	)
	return root
}

// runs makes the body of a command; what it returns is no wrong use.
func (a *app) runs(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := f(cmd.Context(), args); err != nil {
			return &ranError{err}
		}
		return nil
	}
}

// config finds out which hall is meant.
func (a *app) config() (*config.Config, error) {
	return config.Load(config.Sources{
		URL: a.url, Context: a.context, Root: a.root, App: a.app, Horde: a.horde, Tribe: a.tribe,
		Flags: map[string]string{"ca": a.ca, "pin": a.pin, "certPath": a.cert, "keyPath": a.key},
	})
}

// connect makes the client of a command.
func (a *app) connect(ctx context.Context, opts ...xbus.Option) (*xbus.Client, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, &codeError{code: codeUsage, err: err}
	}
	for _, f := range cfg.Findings {
		a.note("warning: %v", f)
	}
	return a.dial(ctx, cfg, opts...)
}

func (a *app) dial(ctx context.Context, cfg *config.Config, opts ...xbus.Option) (*xbus.Client, error) {
	limit := connectTimeout
	if a.timeout > 0 {
		limit = a.timeout
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client, err := xbus.Connect(bounded, cfg.URL, append(a.options(), opts...)...)
	if err != nil {
		return nil, connectError(ctx, cfg, err)
	}
	return client, nil
}

func (a *app) options() []xbus.Option {
	opts := []xbus.Option{xbus.WithNodeName("xbus-cli")}
	if a.verbose {
		opts = append(opts, xbus.WithLogger(slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	}
	return opts
}

// within bounds one call.
func (a *app) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.timeout > 0 {
		return context.WithTimeout(ctx, a.timeout)
	}
	return context.WithCancel(ctx)
}

// errDone ends a command that has done what it was asked for.
var errDone = errors.New("done")

// until is a context that ends after d, by errDone; 0 for never.
func until(ctx context.Context, d time.Duration) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if d <= 0 {
		return ctx, cancel
	}
	timer := time.AfterFunc(d, func() { cancel(errDone) })
	return ctx, func(cause error) { timer.Stop(); cancel(cause) }
}

// ended is the end of a command that runs until it is stopped: by its own limit,
// by an interrupt, or by err.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, errDone) {
		return nil
	}
	return err
}

// exactly, atLeast and none say how many arguments a command takes.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("%s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

func atLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("%s needs %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

func atMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return fmt.Errorf("%s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}
