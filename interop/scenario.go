package interop

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// RunScenario runs a file of operations in a JS client, until its end. The
// script is a path, or the name of a file of the folder scenarios without its
// extension: basic, commands, payloads, reconnect. The error tells which expectations of
// the script were not met; the facts are returned in any case.
func RunScenario(ctx context.Context, opts ClientOptions, script string) ([]Fact, error) {
	if !strings.ContainsAny(script, `./\`) {
		dir, err := Dir()
		if err != nil {
			return nil, err
		}
		script = filepath.Join(dir, "scenarios", script+".jsonl")
	}
	script, err := filepath.Abs(script)
	if err != nil {
		return nil, fmt.Errorf("interop: scenario: %w", err)
	}
	if !exists(script) {
		return nil, fmt.Errorf("interop: scenario: there is no file %s", script)
	}
	opts.script = script
	c, err := StartClient(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer c.Kill()

	code, err := c.End(ctx)
	facts := c.Facts()
	if err == nil {
		err = verdict(facts, code)
	}
	if err != nil {
		err = c.proc.explain(fmt.Errorf("interop: scenario %s: %w", filepath.Base(script), err))
	}
	return facts, err
}

// verdict is what a client that has run to its end says about a scenario.
func verdict(facts []Fact, code int) error {
	var errs []error
	for _, f := range facts {
		if f.failed() {
			errs = append(errs, fmt.Errorf("%s", f))
		}
	}
	if len(errs) == 0 && code != 0 {
		errs = append(errs, fmt.Errorf("exit code %d", code))
	}
	return errors.Join(errs...)
}
