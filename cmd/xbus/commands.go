package main

import (
	"context"
	"fmt"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/rpc"
)

func (a *app) commandsCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:     "commands [glob]",
		Short:   "List the commands of the hall",
		Example: "  xbus commands\n  xbus commands 'warehouse.*'\n  xbus commands --watch --json",
		Args:    atMost(1, "one glob at most: xbus commands 'demo.*'"),
		RunE: a.runs(func(ctx context.Context, args []string) error {
			glob := "*"
			if len(args) > 0 {
				glob = args[0]
			}
			return a.commands(ctx, glob, watch)
		}),
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "go on with what is added, removed and changed, until Ctrl-C")
	return cmd
}

func (a *app) commands(ctx context.Context, glob string, watch bool) error {
	if _, err := path.Match(glob, ""); err != nil {
		return usage("write e.g. 'demo.*'", "%q is no glob", glob)
	}
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	matches := func(name string) bool { ok, _ := path.Match(glob, name); return ok }
	shown := 0
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, c := range client.Registry().Load().All() {
		if !matches(c.Name) {
			continue
		}
		shown++
		if a.json {
			a.emit(commandOf(c))
			continue
		}
		fmt.Fprintf(table, "%s\t%s\n", synopsis(c), c.Desc)
	}
	table.Flush()
	if watch {
		return a.watchCommands(ctx, client, matches)
	}
	if shown == 0 {
		return &codeError{codeUnknown, fmt.Errorf("no command of the %d matches %q", client.Registry().Load().Len(), glob), "see: xbus commands"}
	}
	return nil
}

func (a *app) watchCommands(ctx context.Context, client *xbus.Client, matches func(string) bool) error {
	changes, first := 0, true
	for diff, err := range client.RegistryChanges().All(ctx) {
		if err != nil {
			a.say("-- %d change(s)", changes)
			return ended(ctx, err)
		}
		if first { // everything, which is listed already
			first = false
			continue
		}
		for _, part := range []struct {
			sign, kind string
			names      []string
		}{{"+", "added", diff.Added}, {"-", "removed", diff.Removed}, {"~", "changed", diff.Changed}} {
			for _, name := range part.names {
				if !matches(name) {
					continue
				}
				changes++
				if a.json {
					a.emit(map[string]any{"type": part.kind, "name": name})
				} else {
					a.print("%s %s", part.sign, name)
				}
			}
		}
	}
	return nil
}

type commandLine struct {
	Type     string   `json:"type"`
	Name     string   `json:"name"`
	Desc     string   `json:"desc,omitempty"`
	Required []string `json:"required,omitempty"`
	Optional []string `json:"optional,omitempty"`
	Variadic bool     `json:"variadic,omitempty"`
	Parallel bool     `json:"parallel"`
	Activity bool     `json:"activity"`
	Module   string   `json:"module,omitempty"`
	Version  string   `json:"version,omitempty"`
}

func commandOf(c rpc.Command) commandLine {
	return commandLine{"command", c.Name, c.Desc, c.Params.Required, c.Params.Optional, c.Params.Variadic, c.Parallel, c.Activity, c.Module.Name, c.Module.Version}
}

// completeCall proposes commands, then the parameters of the one that is there.
func (a *app) completeCall(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	if a.timeout == 0 {
		a.timeout = connectTimeout / 5
	}
	client, err := a.connect(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer client.Close()
	registry := client.Registry().Load()
	var list []string
	if len(args) == 0 {
		for _, c := range registry.All() {
			list = append(list, cobra.CompletionWithDesc(c.Name, c.Desc))
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := registry.Lookup(args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	given := strings.Join(args[1:], " ")
	for i, name := range append(c.Params.Required, c.Params.Optional...) {
		what := "optional"
		if i < len(c.Params.Required) {
			what = "required"
		}
		if !strings.Contains(" "+given, " "+name+"=") {
			list = append(list, cobra.CompletionWithDesc(name+"=", what))
		}
	}
	return list, cobra.ShellCompDirectiveNoSpace
}
