package measure

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A Key names one cell: a table, the contender in its row, what was asked of it
// in its column.
type Key struct{ Table, Row, Column string }

func (k Key) String() string { return k.Table + ": " + k.Row + ", " + k.Column }

// A Sample is what one round gives for one cell. CPU is the processor time of one
// message in microseconds, 0 where it is not measured.
type Sample struct{ Value, CPU float64 }

// A Case is how a cell is measured, once per round.
type Case struct {
	Key
	Unit    string
	Measure func(context.Context) (Sample, error)
}

// A Series is what the rounds have given for one cell.
type Series struct {
	Key
	Unit   string
	Values []float64
	CPU    []float64 `json:",omitempty"`
}

// Median is what the cell counts with.
func (s *Series) Median() float64 { return Median(s.Values) }

// A Bench is one run of one program.
type Bench struct {
	Options
	report Report
	out    io.Writer // what is the result
	log    io.Writer // what happens meanwhile
}

// Run measures the cases round by round, so that what disturbs the machine
// disturbs all contenders. Each round begins with another case. It may be called
// several times; its series add up to the report.
func (b *Bench) Run(ctx context.Context, cases []Case) error {
	series := make([]*Series, len(cases))
	for i, c := range cases {
		series[i] = &Series{Key: c.Key, Unit: c.Unit}
	}
	for round := range b.Rounds {
		for i := range cases {
			i := (i + round) % len(cases)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			runtime.GC() // what the one before has left is not paid by this one
			sample, err := cases[i].Measure(ctx)
			if err != nil {
				return fmt.Errorf("%v: %w", cases[i].Key, err)
			}
			series[i].add(sample)
		}
	}
	for _, s := range series {
		b.Add(s)
	}
	return nil
}

func (s *Series) add(sample Sample) {
	s.Values = append(s.Values, sample.Value)
	if sample.CPU > 0 {
		s.CPU = append(s.CPU, sample.CPU)
	}
}

// Add puts a series that the program has measured by itself into the report, and
// shows it.
func (b *Bench) Add(s *Series) {
	b.report.Series = append(b.report.Series, s)
	fmt.Fprintf(b.out, "%-44s %12s %-8s", s.Key, Number(s.Median()), s.Unit)
	if len(s.Values) > 1 {
		fmt.Fprintf(b.out, " ±%3.0f %%", 100*Spread(s.Values))
	}
	if len(s.CPU) > 0 {
		fmt.Fprintf(b.out, "  processor %s µs", Number(Median(s.CPU)))
	}
	fmt.Fprintln(b.out)
}

// Median returns what a cell counts with, NaN when it was not measured.
func (b *Bench) Median(k Key) float64 {
	i := slices.IndexFunc(b.report.Series, func(s *Series) bool { return s.Key == k })
	if i < 0 {
		return math.NaN()
	}
	return b.report.Series[i].Median()
}

// Figure adds a figure to the report and prints its line. One that is not a
// number, because a contender was left out, is left out too.
func (b *Bench) Figure(name string, value float64, unit string, bar Bar) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		if len(b.Only) == 0 {
			b.Logf("no figure %s: a contender was left out", name)
		}
		return
	}
	f := Figure{Name: name, Value: value, Unit: unit, Bar: bar}
	b.report.Figures = append(b.report.Figures, f)
	fmt.Fprintln(b.out, f)
}

// Ratio adds the figure of what ours is for theirs.
func (b *Bench) Ratio(name string, ours, theirs Key, bar Bar) {
	b.Figure(name, b.Median(ours)/b.Median(theirs), "ratio", bar)
}

// Note adds a remark for the reader of the report.
func (b *Bench) Note(format string, args ...any) {
	b.report.Notes = append(b.report.Notes, fmt.Sprintf(format, args...))
	fmt.Fprintf(b.out, "note: "+format+"\n", args...)
}

// NoteOnce is Note for a remark that may have been made already.
func (b *Bench) NoteOnce(format string, args ...any) {
	if !slices.Contains(b.report.Notes, fmt.Sprintf(format, args...)) {
		b.Note(format, args...)
	}
}

// Logf tells what happens meanwhile.
func (b *Bench) Logf(format string, args ...any) {
	fmt.Fprintf(b.log, "%s: %s: "+format+"\n", append([]any{time.Now().Format("15:04:05"), b.Program}, args...)...)
}

// Wants tells whether a contender is to be measured: -only has none, its name,
// or the first word of its name.
func (b *Bench) Wants(row string) bool {
	first, _, _ := strings.Cut(row, " ")
	return len(b.Only) == 0 || slices.Contains(b.Only, row) || slices.Contains(b.Only, first)
}
