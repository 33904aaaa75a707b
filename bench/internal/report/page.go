package report

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

// Names of the files that Write makes.
const (
	PageName    = "performance.md"
	PictureName = "performance.svg"
)

// Write makes the page and the picture in dir.
func Write(dir string, reports []*measure.Report, facts Facts) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var page strings.Builder
	Page(&page, reports, facts)
	if err := os.WriteFile(filepath.Join(dir, PageName), []byte(page.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, PictureName), []byte(Picture(reports)), 0o644)
}

// Page writes the page.
func Page(w io.Writer, reports []*measure.Report, facts Facts) {
	fmt.Fprint(w, head)
	if slices.ContainsFunc(reports, func(r *measure.Report) bool { return r.Quick }) {
		fmt.Fprint(w, quick)
	}
	fmt.Fprintf(w, "\n![Calls and events a second, by contender](%s)\n\n## The machine\n\n| | |\n|---|---|\n", PictureName)
	for _, f := range facts {
		fmt.Fprintf(w, "| %s | %s |\n", cell(f[0]), cell(f[1]))
	}
	bars(w, reports)
	fmt.Fprint(w, "\n## Tables\n\n", tablesHead)
	for _, r := range reports {
		for _, name := range tableNames(r) {
			table(w, r, name)
		}
	}
	notes(w, reports)
	fmt.Fprint(w, tail)
}

func bars(w io.Writer, reports []*measure.Report) {
	fmt.Fprint(w, "\n## Figures and bars\n\n| figure | what it is | value | bar | |\n|---|---|---|---|---|\n")
	var missed []string
	for _, r := range reports {
		for _, f := range r.Figures {
			verdict := "reached"
			switch {
			case f.Bar.Kind == measure.NoBar:
				verdict = ""
			case f.Missed():
				verdict = "**missed**"
				missed = append(missed, f.Name)
			}
			fmt.Fprintf(w, "| `%s` | %s | %s %s | %s | %s |\n", f.Name, meanings[f.Name], grouped(f.Value), unit(f.Unit), f.Bar, verdict)
		}
	}
	switch len(missed) {
	case 0:
		fmt.Fprintln(w, "\nNo bar was missed in this run.")
	case 1:
		fmt.Fprintln(w, "\nOne bar was missed in this run.")
	default:
		fmt.Fprintf(w, "\n%d bars were missed in this run.\n", len(missed))
	}
	explain(w, missed)
}

// explain says why bars were missed, as far as it is known.
func explain(w io.Writer, missed []string) {
	said := false
	for _, name := range missed {
		reason := reasons[name]
		if reason == "" {
			continue
		}
		if !said {
			fmt.Fprint(w, "\n", reasonsHead)
			said = true
		}
		fmt.Fprintf(w, "- `%s`: %s\n", name, reason)
	}
}

// unit leaves out that a ratio is one.
func unit(u string) string {
	if u == "ratio" {
		return "×"
	}
	return u
}

func tableNames(r *measure.Report) (names []string) {
	for _, s := range r.Series {
		if !slices.Contains(names, s.Table) {
			names = append(names, s.Table)
		}
	}
	return names
}

// table has a row for each contender and a column for each question.
func table(w io.Writer, r *measure.Report, name string) {
	var rows, columns []string
	cells := make(map[[2]string]*measure.Series)
	units := make(map[string]bool)
	measured := false // the processor time
	for _, s := range r.Series {
		if s.Table != name {
			continue
		}
		rows, columns = addOnce(rows, s.Row), addOnce(columns, s.Column)
		cells[[2]string{s.Row, s.Column}] = s
		units[s.Unit] = true
		measured = measured || len(s.CPU) > 0
	}
	fmt.Fprintf(w, "### %s\n\n", strings.ToUpper(name[:1])+name[1:])
	same := ""
	if len(units) == 1 {
		for u := range units {
			same = u
		}
		fmt.Fprintf(w, "In %s, ", same)
	}
	rounds := "one round"
	if r.Rounds != 1 {
		rounds = itoa(r.Rounds) + " rounds"
	}
	fmt.Fprintf(w, "%s%s.\n\n", rounds, map[bool]string{true: "; after the stroke the processor time of one message, in µs", false: ""}[measured])
	fmt.Fprintf(w, "| | %s |\n|---|%s\n", strings.Join(columns, " | "), strings.Repeat("---:|", len(columns)))
	for _, row := range rows {
		fmt.Fprintf(w, "| %s ", cell(row))
		for _, column := range columns {
			fmt.Fprintf(w, "| %s ", value(cells[[2]string{row, column}], same == ""))
		}
		fmt.Fprintln(w, "|")
	}
	fmt.Fprintln(w)
}

func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// value is a median with its spread, and the processor time if there is one.
func value(s *measure.Series, withUnit bool) string {
	if s == nil {
		return ""
	}
	text := grouped(s.Median())
	if withUnit {
		text += " " + s.Unit
	}
	if len(s.Values) > 1 {
		text += fmt.Sprintf(" ±%.0f %%", 100*measure.Spread(s.Values))
	}
	if len(s.CPU) > 0 {
		text += " / " + grouped(measure.Median(s.CPU))
	}
	return text
}

func notes(w io.Writer, reports []*measure.Report) {
	var list []string
	seconds := 0.0
	for _, r := range reports {
		seconds += r.Seconds
		for _, n := range r.Notes {
			list = addOnce(list, n)
		}
	}
	fmt.Fprint(w, "## Remarks of the run\n\n")
	for _, n := range list {
		fmt.Fprintf(w, "- %s\n", n)
	}
	fmt.Fprintf(w, "- The run took %.0f s.\n", seconds)
}

// grouped is a number with three significant digits and commas between thousands.
func grouped(v float64) string {
	if math.Abs(v) >= 1000 {
		scale := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-2)
		v = math.Round(v/scale) * scale
	}
	text := measure.Number(v)
	whole, fraction, ok := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if ok {
		whole += "." + fraction
	}
	return whole
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

func itoa(n int) string { return strconv.Itoa(n) }
