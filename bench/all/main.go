// All runs the programs of bench one after the other, each in a process of its
// own, and writes docs/performance.md and docs/performance.svg of what they have
// found.
//
//	go run ./all          about ten minutes
//	go run ./all -quick   under two; page and picture go to bin
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/report"
)

// order is that of the page; programs that it does not name come last.
var order = []string{"calls", "latency", "events", "link", "dispatch", "cost", "footprint", "streams", "payload", "transfer", "shares"}

// programs finds what is to be run: the folders of dir with a main.go, without
// this one.
func programs(dir string) (list []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "main.go"))
	for _, f := range files {
		if name := filepath.Base(filepath.Dir(f)); name != "all" {
			list = append(list, name)
		}
	}
	rank := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(list, func(a, b string) int { return rank(a) - rank(b) })
	if len(list) == 0 && err == nil {
		err = errors.New("there are no programs: run it in the folder bench")
	}
	return list, err
}

func main() {
	quick := flag.Bool("quick", false, "a short run: all works, and roughly how fast")
	rounds := flag.Int("rounds", 0, "rounds of each program (its own default)")
	docs := flag.String("docs", "", "folder of page and picture (../docs, quick ../bin)")
	only := flag.String("programs", "", "programs to run, e.g. calls,events (all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := runner{quick: *quick, rounds: *rounds, docs: *docs}
	if r.docs == "" {
		r.docs = filepath.Join("..", map[bool]string{false: "docs", true: "bin"}[*quick])
	}
	list, err := programs(".")
	if *only != "" {
		list = strings.Split(*only, ",")
	}
	if err == nil {
		err = r.run(ctx, list)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "all:", err)
		stop()
		os.Exit(1)
	}
}

type runner struct {
	quick  bool
	rounds int
	docs   string
	dir    string // of programs and results
}

// run goes on with the next program when one fails.
func (r runner) run(ctx context.Context, programs []string) (err error) {
	if r.dir, err = os.MkdirTemp("", "xbus-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.dir)
	build := []string{"build", "-o", r.dir + string(filepath.Separator)} // a folder: all at once
	for _, p := range programs {
		build = append(build, "./"+p)
	}
	if err := r.command(ctx, "go", build...); err != nil {
		return fmt.Errorf("the programs cannot be built: %w", err)
	}
	facts := report.Machine(ctx)
	results := filepath.Join(r.dir, "results.jsonl")
	var failed []error
	for _, p := range programs {
		fmt.Printf("== %s, %s\n", p, time.Now().Format("15:04:05"))
		if e := r.command(ctx, filepath.Join(r.dir, p), r.flags(results)...); e != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p, e))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	reports, err := measure.ReadReports(results)
	if err == nil {
		err = report.Write(r.docs, reports, facts)
	}
	if err == nil {
		fmt.Printf("== written: %s and %s\n", filepath.Join(r.docs, report.PageName), filepath.Join(r.docs, report.PictureName))
	}
	return errors.Join(append(failed, err)...)
}

func (r runner) flags(results string) []string {
	flags := []string{"-results", results}
	if r.quick {
		flags = append(flags, "-quick")
	}
	if r.rounds > 0 {
		flags = append(flags, "-rounds", strconv.Itoa(r.rounds))
	}
	return flags
}

// patience is how long an interrupted program may take to end.
const patience = 15 * time.Second

func (r runner) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends what it has started
	cmd.WaitDelay = patience
	return cmd.Run()
}
