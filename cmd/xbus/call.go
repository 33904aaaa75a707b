package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/wire"
)

type callFlags struct {
	progress, raw, activity, force bool
	as                             string
}

func (a *app) callCommand() *cobra.Command {
	var f callFlags
	cmd := &cobra.Command{
		Use:   "call <command> [name=value …|@file|-]",
		Short: "Call a command and print its result",
		Long:  "Call a command and print its result.\n\n" + argsHelp,
		Example: "  xbus call demo.echo x=1 name=ada list=[1,2]\n" +
			"  xbus call demo.progress n=3 --progress\n" +
			"  echo '{\"x\": 1}' | xbus call demo.echo -",
		Args:              atLeast(1, "a command: xbus call demo.echo x=1; see: xbus commands"),
		ValidArgsFunction: a.completeCall,
		RunE: a.runs(func(ctx context.Context, args []string) error {
			return a.call(ctx, args[0], args[1:], f)
		}),
	}
	cmd.Flags().BoolVar(&f.progress, "progress", false, "show the events that the call causes")
	cmd.Flags().BoolVar(&f.raw, "raw", false, "print the message of the answer as it came")
	cmd.Flags().BoolVar(&f.activity, "activity", false, "run it as an activity: wait for others in the hall")
	cmd.Flags().BoolVar(&f.force, "force", false, "send it though the registry does not know it or its parameters are missing")
	cmd.Flags().StringVar(&f.as, "as", "", "send it under this orc name")
	return cmd
}

func (a *app) call(ctx context.Context, name string, args []string, f callFlags) error {
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	registry := client.Registry().Load()
	entry, err := registry.Lookup(name)
	if err != nil && !f.force {
		return a.unknown(registry, name)
	}
	data, err := a.data(args, &entry.Params)
	if err != nil {
		return err
	}
	if !f.force {
		if err := a.check(data, entry); err != nil {
			return err
		}
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	began := time.Now()
	wait := a.meter(func(d time.Duration) string { return fmt.Sprintf("%s: %v", name, d.Round(time.Second)) })
	pending := client.Call(ctx, name, payloadOf(data), f.options()...)
	if f.progress {
		a.showProgress(ctx, pending)
	}
	answer, err := pending.Await(ctx)
	wait.end()
	took := time.Since(began)
	if err != nil && codeOf(ctx, err) == codeInterrupted {
		a.sayUnanswered(name, err, took)
	}
	return a.showResult(pending, answer, err, took, f)
}

// sayUnanswered is the summary of a call that was interrupted.
func (a *app) sayUnanswered(name string, err error, took time.Duration) {
	verdict := ""
	if v, ok := rpc.VerdictOf(err); ok {
		verdict = "; " + v.String()
	}
	a.say("-- %s: no answer in %s%s", name, human(took), verdict)
}

// payloadOf keeps a missing payload from being sent as null.
func payloadOf(data json.RawMessage) any {
	if data == nil {
		return nil
	}
	return data
}

func (f callFlags) options() []rpc.Option {
	var opts []rpc.Option
	if f.progress {
		opts = append(opts, rpc.Progress())
	}
	if f.activity {
		opts = append(opts, rpc.Activity())
	}
	if f.as != "" {
		opts = append(opts, rpc.As(f.as))
	}
	return opts
}

// showProgress prints events until the call has ended. Its own end is told by
// the call.
func (a *app) showProgress(ctx context.Context, p *rpc.Pending) {
	for ev, err := range p.Progress().All(ctx) {
		if err != nil {
			if ctx.Err() == nil {
				a.note("progress: %v", err)
			}
			return
		}
		if a.json {
			a.emit(progressLine{"progress", ev.Topic, jsonOf(ev.Message)})
			continue
		}
		a.say("%s %s", shortTopic(ev.Topic, p.ID()), jsonOf(ev.Message))
	}
}

type progressLine struct {
	Type  string          `json:"type"`
	Topic string          `json:"topic"`
	Data  json.RawMessage `json:"data,omitempty"`
}

type resultLine struct {
	Type    string          `json:"type"`
	Command string          `json:"command"`
	ID      string          `json:"id"`
	OK      bool            `json:"ok"`
	Ms      float64         `json:"ms"`
	Data    json.RawMessage `json:"data,omitempty"`
	Error   *errorLine      `json:"error,omitempty"`
}

type errorLine struct {
	Code    string          `json:"code,omitempty"`
	Message string          `json:"message"`
	Name    string          `json:"name,omitempty"`
	Info    json.RawMessage `json:"info,omitempty"`
	// Verdict says whether a command without an answer can have run.
	Verdict string `json:"verdict,omitempty"`
}

func (a *app) showResult(p *rpc.Pending, answer *wire.Message, err error, took time.Duration, f callFlags) error {
	switch {
	case a.json && f.raw && err == nil:
		a.print("%s", answer.Raw())
	case a.json:
		line := resultLine{Type: "result", Command: p.Command(), ID: p.ID(), OK: err == nil, Ms: milliseconds(took), Error: errorOf(err)}
		if err == nil {
			line.Data = jsonOf(answer)
		}
		a.emit(line)
	case err == nil && f.raw:
		a.print("%s", answer.Raw())
	case err == nil:
		if data := jsonOf(answer); data != nil {
			a.print("%s", pretty(data))
		}
	}
	return err
}

func errorOf(err error) *errorLine {
	if err == nil {
		return nil
	}
	var far *rpc.Error
	if errors.As(err, &far) {
		return &errorLine{Code: far.Code, Message: far.Message, Name: far.Name, Info: far.Info}
	}
	line := &errorLine{Message: err.Error()}
	if verdict, ok := rpc.VerdictOf(err); ok {
		line.Verdict = verdict.String()
	}
	return line
}

// unknown is the error of a command that the hall does not have.
func (a *app) unknown(r *rpc.Registry, name string) error {
	err := &codeError{code: codeUnknown, err: fmt.Errorf("call %q: %w: the hall has %d others", name, rpc.ErrCommandNotAvailable, r.Len()), hint: "see: xbus commands"}
	if near := r.Suggest(name); near != "" {
		module, _, _ := strings.Cut(near, ".")
		err.hint = fmt.Sprintf("did you mean %q? see: xbus commands '%s.*'", near, module)
	}
	if a.json {
		a.emit(resultLine{Type: "result", Command: name, Error: &errorLine{Code: rpc.CodeNotAvailable, Message: err.Error()}})
	}
	return err
}

// shortTopic leaves out what all events of a call have in common.
func shortTopic(topic, id string) string {
	_, name, _ := strings.Cut(topic, "::")
	return strings.Replace(name, "."+id, "", 1)
}
