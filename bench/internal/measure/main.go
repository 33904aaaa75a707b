package measure

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options are the flags that every program has.
type Options struct {
	Program string
	// Rounds is how often each cell is measured.
	Rounds int
	// Quick asks for a run of some seconds, which shows that all works and
	// roughly how fast.
	Quick bool
	// Only has the contenders to measure; all when it is empty.
	Only []string
	// Results is the file to which the report is appended; none when it is "".
	Results string
	// CPUProfile is the file for a profile of the run; none when it is "".
	CPUProfile string
}

// Rounds of a run: medians need at least five.
const (
	DefaultRounds = 5
	QuickRounds   = 3
)

// Register adds the flags of all programs to fs.
func (o *Options) Register(fs *flag.FlagSet) {
	fs.IntVar(&o.Rounds, "rounds", 0, fmt.Sprintf("rounds, in which the contenders take turns (%d; quick %d)", DefaultRounds, QuickRounds))
	fs.BoolVar(&o.Quick, "quick", false, "a short run: all works, and roughly how fast")
	fs.Func("only", "contenders to measure, by their names or the first word of them: \"xbus tcp,nats,raw\"", func(list string) error {
		o.Only = slices.Collect(strings.SplitSeq(list, ","))
		return nil
	})
	fs.StringVar(&o.Results, "results", "", "file to which the report is appended, one line of JSON")
	fs.StringVar(&o.CPUProfile, "cpuprofile", "", "file for a profile of processor time")
}

// settle gives what was not said its default.
func (o *Options) settle() {
	switch {
	case o.Rounds > 0:
	case o.Quick:
		o.Rounds = QuickRounds
	default:
		o.Rounds = DefaultRounds
	}
}

// Main is the main function of a program: it reads the flags, runs it until it
// has come to its end or is interrupted, and keeps its report. Flags of its own
// are registered before.
func Main(program string, run func(context.Context, *Bench) error) {
	b := &Bench{Options: Options{Program: program}, out: os.Stdout, log: os.Stderr}
	b.Options.Register(flag.CommandLine)
	flag.Parse()
	b.settle()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.do(ctx, run); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
		stop()
		os.Exit(1)
	}
}

// New makes a Bench for tests: what it would print goes to out.
func New(o Options, out io.Writer) *Bench {
	o.settle()
	return &Bench{Options: o, out: out, log: io.Discard}
}

func (b *Bench) do(ctx context.Context, run func(context.Context, *Bench) error) error {
	if b.CPUProfile != "" {
		f, err := os.Create(b.CPUProfile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	began := time.Now()
	if err := run(ctx, b); err != nil {
		return err
	}
	b.report.Program, b.report.Quick, b.report.Rounds = b.Program, b.Quick, b.Rounds
	b.report.Seconds = time.Since(began).Seconds()
	if b.Results == "" {
		return nil
	}
	return AppendReport(b.Results, &b.report)
}

// Ints is a flag that takes a list of numbers.
type Ints []int

func (l *Ints) String() string { return strings.Trim(fmt.Sprint([]int(*l)), "[]") }

// Set replaces the list by one like "1,16".
func (l *Ints) Set(text string) error {
	*l = nil
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a number from 1 on", word)
		}
		*l = append(*l, n)
	}
	return nil
}
