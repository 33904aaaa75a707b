package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/server"
)

type serveFlags struct {
	host, unix, dir        string
	commander, notifier    int
	cert, key, clients     string
	anonymous, demo, exact bool
	gameover               bool
	offer                  []string
	drain                  time.Duration
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Be a great hall, until Ctrl-C or SIGTERM",
		Long: "Be a great hall, until Ctrl-C or SIGTERM: then commands that run may end, and the exit code is 0.\n\n" +
			"When clients can come in, one JSON line is printed on stdout with the ports, the sockets, the token and the\n" +
			"address. A busy port is replaced by the next one, unless --exact is given.",
		Example: "  xbus serve --demo\n  xbus serve --commander 0 --notifier 0 --demo\n" +
			"  xbus serve --host 0.0.0.0 --tls-cert hall.pem --tls-key hall-key.pem --client-ca clients/",
		Args: exactly(0, "no argument"),
		RunE: a.runs(func(ctx context.Context, _ []string) error { return a.serve(ctx, f) }),
	}
	fl := cmd.Flags()
	fl.StringVar(&f.host, "host", "127.0.0.1", "address to listen on")
	fl.IntVar(&f.commander, "commander", axon.DefaultCommanderPort, "port for commands; 0 for any free one")
	fl.IntVar(&f.notifier, "notifier", axon.DefaultNotifierPort, "port for events; 0 for any free one")
	fl.StringVar(&f.unix, "unix", "", "identifier of unix sockets, instead of TCP")
	fl.StringVar(&f.dir, "unix-dir", "", "folder of the unix sockets (default /tmp)")
	fl.StringVar(&f.cert, "tls-cert", "", "certificate of the hall (PEM file or base64:…)")
	fl.StringVar(&f.key, "tls-key", "", "its private key")
	fl.StringVar(&f.clients, "client-ca", "", "folder of *.pem: who shows no certificate of theirs is not let in")
	fl.BoolVar(&f.anonymous, "allow-anonymous", false, "let anybody in, also from other machines")
	fl.BoolVar(&f.exact, "exact", false, "a busy port is an error")
	fl.BoolVar(&f.gameover, "gameover", false, "say at the end that it is for good: real clients then do not come back")
	fl.StringSliceVar(&f.offer, "offer", nil, "commands for anybody: broadcast, shutdown, error")
	fl.BoolVar(&f.demo, "demo", false, "offer the commands demo.*, broadcast, and an event a second")
	fl.DurationVar(&f.drain, "drain", 5*time.Second, "how long running commands may take at the end")
	return cmd
}

// address is what server.Config.Listen takes.
func (f serveFlags) address() (string, error) {
	query := url.Values{}
	for _, p := range []int{f.commander, f.notifier} {
		if p < 0 || p > 65535 {
			return "", usage("give 1 to 65535, or 0 for any free one", "%d is no port", p)
		}
	}
	query.Set("events", strconv.Itoa(f.notifier))
	if (f.cert == "") != (f.key == "") {
		return "", usage("give both, or none", "--tls-cert and --tls-key belong together")
	}
	if f.clients != "" && f.cert == "" {
		return "", usage("give --tls-cert and --tls-key too", "--client-ca needs TLS")
	}
	if f.unix != "" {
		if f.cert != "" {
			return "", usage("leave one of them out", "unix sockets know no TLS")
		}
		query.Set("commander", strconv.Itoa(f.commander))
		if f.dir != "" {
			query.Set("dir", f.dir)
		}
		return "xcraft+unix://" + f.unix + "?" + query.Encode(), nil
	}
	scheme := "xcraft"
	if f.cert != "" {
		scheme = "xcrafts"
		query.Set("cert", f.cert)
		query.Set("key", f.key)
		if f.clients != "" {
			query.Set("clients", f.clients)
		}
	}
	return scheme + "://" + net.JoinHostPort(f.host, strconv.Itoa(f.commander)) + "?" + query.Encode(), nil
}

func (a *app) serve(ctx context.Context, f serveFlags) error {
	address, err := f.address()
	if err != nil {
		return err
	}
	cfg := server.Config{Listen: []string{address}, Exact: f.exact, AllowAnonymous: f.anonymous, GameOver: f.gameover, Offer: f.offer, Hold: true}
	if f.demo {
		cfg.Offer = append(cfg.Offer, commandBroadcast)
	}
	stopped := make(chan struct{})
	cfg.OnShutdown = sync.OnceFunc(func() { close(stopped) })
	if a.verbose {
		cfg.Logger = slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	hall, err := server.Listen(ctx, cfg)
	if err != nil {
		return listenError(err)
	}
	defer hall.Close()
	if f.demo {
		end, err := startDemo(hall)
		if err != nil {
			return err
		}
		defer end()
	}
	hall.Ready()
	a.emit(readyOf(hall, f))
	select {
	case <-ctx.Done():
	case <-stopped:
	case <-hall.Done():
	}
	return a.stopHall(ctx, hall, f.drain)
}

// listenError gives a failure to listen its code.
func listenError(err error) error {
	var address *server.AddressError
	switch {
	case errors.Is(err, server.ErrOpen):
		return &codeError{codeUsage, err, "on the command line: --client-ca with --tls-cert and --tls-key, --host 127.0.0.1, or --allow-anonymous"}
	case errors.As(err, &address):
		return &codeError{codeUsage, err, ""}
	}
	return &codeError{codeConnection, err, "choose other ports: --commander 0 --notifier 0"}
}

func (a *app) stopHall(ctx context.Context, hall *server.Hall, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	began := time.Now()
	wait := a.meter(func(time.Duration) string { return fmt.Sprintf("%d command(s) still run", hall.Stats().InFlight) })
	report, _ := hall.Drain(ctx) // that some had to be aborted is in the report
	err := hall.Close()
	wait.end()
	stats := hall.Stats()
	a.say("-- %d connection(s), %d command(s): %d finished, %d failed; %d event(s) published", stats.Accepted, stats.Received, stats.Finished, stats.Failed, stats.Published)
	a.say("-- drained in %s: %d command(s) ended, %d aborted", human(time.Since(began)), report.Finished, report.Aborted)
	return err
}

// A ready line says where a hall is. It is the only line of stdout.
type ready struct {
	Ready           bool    `json:"ready"`
	PID             int     `json:"pid"`
	Host            string  `json:"host"`
	CommanderPort   int     `json:"commanderPort"`
	NotifierPort    int     `json:"notifierPort"`
	CommanderSocket *string `json:"commanderSocket"`
	NotifierSocket  *string `json:"notifierSocket"`
	Token           string  `json:"token"`
	URL             string  `json:"url"`
}

func readyOf(hall *server.Hall, f serveFlags) ready {
	r := ready{Ready: true, PID: os.Getpid(), Host: f.host, Token: string(hall.Token()), URL: hall.URL()}
	r.CommanderPort, r.NotifierPort = hall.Ports()
	if f.unix != "" {
		commands, events := axon.SocketPaths(f.dir, f.unix, r.CommanderPort, r.NotifierPort)
		r.CommanderSocket, r.NotifierSocket = &commands, &events
	}
	return r
}
