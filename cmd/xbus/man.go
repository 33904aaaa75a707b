package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man <command>",
		Short:   "Describe a command of the hall",
		Example: "  xbus man demo.echo\n  xbus man warehouse.get --json",
		Args:    exactly(1, "one command: xbus man demo.echo; see: xbus commands"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeCall(cmd, args, part)
		},
		RunE: a.runs(func(ctx context.Context, args []string) error { return a.man(ctx, args[0]) }),
	}
}

func (a *app) man(ctx context.Context, name string) error {
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	registry := client.Registry().Load()
	c, err := registry.Lookup(name)
	if err != nil {
		return a.unknown(registry, name)
	}
	if a.json {
		a.emit(struct {
			commandLine
			Entry json.RawMessage `json:"entry"`
		}{commandOf(c), c.Raw})
		return nil
	}
	a.print("%s", c.Name)
	if c.Desc != "" {
		a.print("  %s", c.Desc)
	}
	a.print("\nusage\n  xbus call %s", synopsis(c))
	list := func(title string, names []string) {
		if len(names) > 0 {
			a.print("\n%s\n  %s", title, strings.Join(names, "\n  "))
		}
	}
	list("required", c.Params.Required)
	list("optional", c.Params.Optional)
	var facts []string
	if c.Params.Variadic {
		facts = append(facts, "the last parameter takes several values")
	}
	if c.Module.Name != "" {
		facts = append(facts, strings.TrimSpace("module "+c.Module.Name+" "+c.Module.Version))
	}
	switch {
	case !c.Activity:
		facts = append(facts, "built into the hall")
	case c.Parallel:
		facts = append(facts, "as an activity it runs beside others")
	default:
		facts = append(facts, "as an activity it runs alone in the hall")
	}
	if c.Registrar != "" {
		facts = append(facts, "registered by "+c.Registrar)
	}
	list("facts", facts)
	return nil
}
