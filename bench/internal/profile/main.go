// Profile keeps profiles of what the most important figures measure, and prints
// the top of each:
//
//	go run ./internal/profile        make profile
//
// These are 256 calls in flight and events of 1 KB to one client, over TCP, client
// and hall in one process. Processor time, allocations, and waits for locks and
// channels are kept for each, in runs of their own: the one disturbs the other.
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
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/peer"
)

func main() {
	dir := flag.String("dir", "profiles", "folder for the profiles")
	row := flag.String("contender", "xbus tcp", "what is profiled")
	length := flag.Duration("time", 3*time.Second, "length of each run")
	top := flag.Int("top", 15, "how many lines are printed of each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir, *row, *length, *top); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		stop()
		os.Exit(1)
	}
}

// A load runs about n messages.
type load func(ctx context.Context, n int) error

func init() { runtime.MemProfileRate = 16 << 10 } // from the beginning, or the sums are wrong

func run(ctx context.Context, dir, row string, length time.Duration, top int) error {
	i := slices.IndexFunc(peer.All(), func(p peer.Peer) bool { return p.Name == row })
	if i < 0 {
		return fmt.Errorf("there is no contender %q", row)
	}
	contender := peer.All()[i]
	if contender.Calls == nil || contender.Events == nil {
		return fmt.Errorf("%s has no calls or no events", row)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	caller, err := contender.Calls(ctx)
	if err != nil {
		return err
	}
	calls := func(ctx context.Context, n int) error { return caller.Calls(ctx, n, 256) }
	err = keep(ctx, filepath.Join(dir, "calls256"), calls, length, top)
	if err = errors.Join(err, caller.Close()); err != nil {
		return err
	}
	publisher, err := contender.Events(ctx, peer.EventConfig{Size: 1 << 10, Receivers: 1})
	if err != nil {
		return err
	}
	return errors.Join(keep(ctx, filepath.Join(dir, "events1k"), publisher.Events, length, top), publisher.Close())
}

// A kind is one profile: how it begins and how it ends.
type kind struct {
	name   string
	sample string // what counts in it
	begin  func(*os.File) error
	end    func(*os.File) error
}

var kinds = []kind{
	{"cpu", "cpu", func(f *os.File) error { return pprof.StartCPUProfile(f) }, func(*os.File) error { pprof.StopCPUProfile(); return nil }},
	{"heap", "alloc_space", func(*os.File) error { return nil }, func(f *os.File) error {
		runtime.GC()
		return pprof.Lookup("allocs").WriteTo(f, 0) // with the rate of the run
	}},
	{"mutex", "delay", func(*os.File) error { runtime.SetMutexProfileFraction(5); return nil }, func(f *os.File) error {
		defer runtime.SetMutexProfileFraction(0)
		return pprof.Lookup("mutex").WriteTo(f, 0)
	}},
	{"block", "delay", func(*os.File) error { runtime.SetBlockProfileRate(1000); return nil }, func(f *os.File) error {
		defer runtime.SetBlockProfileRate(0)
		return pprof.Lookup("block").WriteTo(f, 0)
	}},
}

// keep runs the load once for each kind of profile, after a run that warms it up.
func keep(ctx context.Context, prefix string, run load, length time.Duration, top int) error {
	const part = 5000
	during := func(length time.Duration) (n int, err error) {
		for began := time.Now(); time.Since(began) < length && err == nil; n += part {
			err = run(ctx, part)
		}
		return n, err
	}
	if _, err := during(length / 4); err != nil {
		return err
	}
	for _, k := range kinds {
		file := fmt.Sprintf("%s.%s.prof", prefix, k.name)
		n, err := profiled(file, k, func() (int, error) { return during(length) })
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		fmt.Printf("== %s: %d in %v\n", file, n, length)
		if err := show(ctx, file, k.sample, top); err != nil {
			return err
		}
	}
	return nil
}

func profiled(file string, k kind, run func() (int, error)) (n int, err error) {
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := k.begin(f); err != nil {
		return 0, err
	}
	n, err = run()
	return n, errors.Join(err, k.end(f))
}

// show prints the top of a profile, without what pprof says about the file.
func show(ctx context.Context, file, sample string, top int) error {
	text, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-sample_index="+sample, fmt.Sprintf("-nodecount=%d", top), "-top", file).Output()
	if err != nil {
		return fmt.Errorf("go tool pprof %s: %w", file, err)
	}
	_, table, _ := strings.Cut(string(text), "\nShowing ")
	fmt.Println(table)
	return nil
}
