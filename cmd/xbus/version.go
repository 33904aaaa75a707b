package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Example: "  xbus version\n  xbus version --json",
		Args:    exactly(0, "no argument"),
		RunE: a.runs(func(context.Context, []string) error {
			v := versionOf(debug.ReadBuildInfo())
			if a.json {
				a.emit(v)
				return nil
			}
			a.print("xbus %s %s %s", v.Version, v.Revision, v.Go)
			return nil
		}),
	}
}

type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
}

func versionOf(info *debug.BuildInfo, ok bool) version {
	v := version{"unknown", "unknown", runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value[:min(12, len(s.Value))]
		}
	}
	return v
}
