package main

import (
	"context"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

func (a *app) stateCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:     "state",
		Short:   "Show where the connection stands",
		Example: "  xbus state\n  xbus state --watch --json",
		Args:    exactly(0, "no argument"),
		RunE:    a.runs(func(ctx context.Context, _ []string) error { return a.state(ctx, watch) }),
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "follow losses, returns, tokens and names, until Ctrl-C")
	return cmd
}

type stateLine struct {
	Type     string    `json:"type"` // state or notice
	Time     time.Time `json:"time"`
	Phase    string    `json:"phase,omitempty"`
	Epoch    uint64    `json:"epoch,omitempty"`
	Attempt  int       `json:"attempt,omitempty"`
	NextMs   float64   `json:"nextMs,omitempty"`
	Cause    string    `json:"cause,omitempty"`
	OrcName  string    `json:"orcName,omitempty"`
	Token    string    `json:"token,omitempty"` // shortened
	Address  string    `json:"address,omitempty"`
	Secure   bool      `json:"secure,omitempty"`
	Commands int       `json:"commands,omitempty"`
	Notice   string    `json:"notice,omitempty"`
	Relayed  bool      `json:"relayed,omitempty"`
}

func (a *app) state(ctx context.Context, watch bool) error {
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if !watch {
		a.showState(client, client.State().Load())
		return nil
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	changes := 0
	wg.Go(func() {
		for n, err := range client.Notices().All(ctx) {
			if err != nil {
				return
			}
			mu.Lock()
			a.showNotice(n)
			mu.Unlock()
		}
	})
	for s, err := range client.State().Observable().All(ctx) {
		if err != nil {
			break
		}
		mu.Lock()
		changes++
		a.showState(client, s)
		mu.Unlock()
	}
	interrupted := ctx.Err() != nil
	cancel(errDone)
	wg.Wait()
	a.say("-- %d state(s), %d session(s)", changes, client.Stats().Conn.Sessions)
	if last := client.State().Load(); !interrupted && last.Err != nil {
		return last.Err // the hall said game over, or worse
	}
	return nil
}

func (a *app) showState(client *xbus.Client, s conn.State) {
	line := stateLine{Type: "state", Time: time.Now(), Phase: s.Phase.String(), Epoch: s.Epoch, Attempt: s.Attempt,
		NextMs: milliseconds(s.NextDelay), OrcName: wire.Redact(client.OrcName().Load()), Token: s.Identity.Token.String(), Commands: client.Registry().Load().Len()}
	if s.Err != nil {
		line.Cause = s.Err.Error()
	}
	if session, ok := client.Session(); ok {
		line.Address, line.Secure = session.Info.Remote, session.Info.Secure
	}
	if a.json {
		a.emit(line)
		return
	}
	a.print("%s  %v", line.Time.Format("15:04:05.000"), s)
	if s.Usable() {
		secure := ""
		if line.Secure {
			secure = ", encrypted"
		}
		a.print("  hall %s, %s%s, %d commands\n  as %s", line.Token, line.Address, secure, line.Commands, wire.Redact(line.OrcName))
	}
}

func (a *app) showNotice(n conn.Notice) {
	if a.json {
		a.emit(stateLine{Type: "notice", Time: time.Now(), Notice: n.Kind.String(), Relayed: n.Relayed})
		return
	}
	whose := ""
	if n.Relayed {
		whose = " (of a horde)"
	}
	a.print("%s  %v%s", time.Now().Format("15:04:05.000"), n.Kind, whose)
}
