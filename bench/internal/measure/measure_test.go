package measure

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	for _, c := range []struct {
		values              []float64
		low, median, spread float64 // low is the first quartile
	}{
		{[]float64{7}, 7, 7, 0},
		{[]float64{4, 2}, 2.5, 3, 0.5 / 3},
		{[]float64{5, 1, 4, 2, 3}, 2, 3, 1.0 / 3},
		{[]float64{0, 0, 0}, 0, 0, 0},
	} {
		given := slices.Clone(c.values)
		if got := Quantile(c.values, 0.25); got != c.low {
			t.Errorf("%v: first quartile %v, want %v", c.values, got, c.low)
		}
		if got := Median(c.values); got != c.median {
			t.Errorf("%v: median %v, want %v", c.values, got, c.median)
		}
		if got := Spread(c.values); math.Abs(got-c.spread) > 1e-12 {
			t.Errorf("%v: spread %v, want %v", c.values, got, c.spread)
		}
		if !slices.Equal(given, c.values) {
			t.Errorf("%v became %v", given, c.values)
		}
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("no values have a median")
	}
}

func TestFigures(t *testing.T) {
	for _, c := range []struct {
		figure Figure
		want   string
	}{
		{Figure{"a_vs_b", 2.499, "ratio", AtLeast(2.5)}, "figure a_vs_b 2.5 ratio\nmissed a_vs_b: at least 2.5"},
		{Figure{"a_vs_b", 2.5, "ratio", AtLeast(2.5)}, "figure a_vs_b 2.5 ratio"},
		{Figure{"back_ms", 20.04, "ms", AtMost(20)}, "figure back_ms 20 ms\nmissed back_ms: at most 20"},
		{Figure{"allocs", 0, "allocations", AtMost(0)}, "figure allocs 0 allocations"},
		{Figure{"rate", 1234567.4, "calls/s", Bar{}}, "figure rate 1234567 calls/s"},
		{Figure{"small", 0.0012345, "ratio", Bar{}}, "figure small 0.00123 ratio"},
		{Figure{"nan", math.NaN(), "ratio", AtMost(1)}, "figure nan NaN ratio\nmissed nan: at most 1"},
	} {
		if got := c.figure.String(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.09996: "0.1", 0.5: "0.5", 1: "1", 9.996: "10", 12.34: "12.3", 123.4: "123", 99950: "99950", 1e7: "10000000", -2.345: "-2.35",
	} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}

// The cases take turns, each round begins with another, and what came of them is
// in the file in their order.
func TestRounds(t *testing.T) {
	var order, out strings.Builder
	b := New(Options{Program: "test", Rounds: 3, Results: filepath.Join(t.TempDir(), "results.json")}, &out)
	var cases []Case
	for i, row := range []string{"ours", "theirs", "others"} {
		turn := 0.0
		cases = append(cases, Case{Key: Key{"calls", row, "16"}, Unit: "calls/s", Measure: func(context.Context) (Sample, error) {
			order.WriteString(row[:2] + " ")
			turn++
			return Sample{Value: turn * float64(6-2*i), CPU: float64(i)}, nil
		}})
	}
	err := b.do(t.Context(), func(ctx context.Context, b *Bench) error {
		if err := b.Run(ctx, cases); err != nil {
			return err
		}
		b.Ratio("ours_vs_theirs", cases[0].Key, cases[1].Key, AtLeast(2))
		b.Ratio("ours_vs_nobody", cases[0].Key, Key{"calls", "nobody", "16"}, AtLeast(2))
		b.Note("remark %d", 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := order.String(), "ou th ot th ot ou ot ou th "; got != want {
		t.Errorf("order %q, want %q", got, want)
	}
	if !strings.Contains(out.String(), "figure ours_vs_theirs 1.5 ratio\nmissed ours_vs_theirs: at least 2\n") {
		t.Errorf("printed:\n%s", &out)
	}
	reports, err := ReadReports(b.Results)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		r.Seconds = 0
	}
	want := []*Report{{
		Program: "test", Rounds: 3,
		Series: []*Series{
			{Key: Key{"calls", "ours", "16"}, Unit: "calls/s", Values: []float64{6, 12, 18}},
			{Key: Key{"calls", "theirs", "16"}, Unit: "calls/s", Values: []float64{4, 8, 12}, CPU: []float64{1, 1, 1}},
			{Key: Key{"calls", "others", "16"}, Unit: "calls/s", Values: []float64{2, 4, 6}, CPU: []float64{2, 2, 2}},
		},
		Figures: []Figure{{"ours_vs_theirs", 1.5, "ratio", AtLeast(2)}},
		Notes:   []string{"remark 1"},
	}}
	if !reflect.DeepEqual(reports, want) {
		t.Errorf("reports %+v", reports)
	}
}

func TestFailureOfCase(t *testing.T) {
	broken := errors.New("broken")
	b := New(Options{Rounds: 1}, new(strings.Builder))
	err := b.Run(t.Context(), []Case{{Key: Key{"calls", "ours", "1"}, Measure: func(context.Context) (Sample, error) { return Sample{}, broken }}})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "calls: ours, 1") {
		t.Errorf("error %v", err)
	}
}

func TestReportsAddUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	for _, program := range []string{"a", "b"} {
		if err := AppendReport(file, &Report{Program: program}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := ReadReports(file)
	if err != nil || len(list) != 2 || list[0].Program != "a" || list[1].Program != "b" {
		t.Errorf("%v, %v", list, err)
	}
}

func TestWants(t *testing.T) {
	b := New(Options{Only: []string{"xbus tcp", "nats", "js"}}, nil)
	for row, want := range map[string]bool{"xbus tcp": true, "xbus tls": false, "nats": true, "raw": false, "js tls": true, "jsgo tcp": false} {
		if b.Wants(row) != want {
			t.Errorf("Wants(%q) = %v", row, !want)
		}
	}
	if !New(Options{}, nil).Wants("raw") {
		t.Error("without -only, raw is left out")
	}
}

// The name of a process can look like anything.
func TestParseStat(t *testing.T) {
	const stat = "4242 (a) b (c 9) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 11 0 1"
	if got := parseStat([]byte(stat)); got != 3*time.Second {
		t.Errorf("%v, want 3s", got)
	}
	for _, bad := range []string{"", "1 (x)", "1 (x) S 1 2 3 4 5 6 7 8 9 10 y 50"} {
		if got := parseStat([]byte(bad)); got != 0 {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestPerSecond(t *testing.T) {
	until := time.Now().Add(20 * time.Millisecond)
	s, err := PerSecond(10, nil, func() error {
		for time.Now().Before(until) {
		}
		return nil
	})
	if err != nil || s.Value <= 0 || s.Value > 501 {
		t.Errorf("%v a second: %v", s.Value, err)
	}
	if CPU() > 0 && s.CPU <= 0 {
		t.Errorf("processor time %v µs", s.CPU)
	}
}
