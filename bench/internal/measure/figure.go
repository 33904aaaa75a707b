package measure

import (
	"fmt"
	"math"
	"strconv"
)

// A Bar is what a figure must reach. The zero Bar is none.
type Bar struct {
	Limit float64
	Kind  BarKind
}

// BarKind is the side of its limit on which a figure must be.
type BarKind string

// The kinds of bars.
const (
	NoBar BarKind = ""
	Least BarKind = "at least"
	Most  BarKind = "at most"
)

// AtLeast is the bar of figures that should be large.
func AtLeast(limit float64) Bar { return Bar{limit, Least} }

// AtMost is the bar of figures that should be small.
func AtMost(limit float64) Bar { return Bar{limit, Most} }

// Missed tells that value does not reach the bar. No bar is reached by what is
// not a number.
func (b Bar) Missed(value float64) bool {
	switch b.Kind {
	case Least:
		return !(value >= b.Limit)
	case Most:
		return !(value <= b.Limit)
	}
	return false
}

// String is e.g. "at least 2.5", "" for no bar.
func (b Bar) String() string {
	if b.Kind == NoBar {
		return ""
	}
	return fmt.Sprintf("%s %g", b.Kind, b.Limit)
}

// A Figure is one number that stands for much.
type Figure struct {
	Name  string
	Value float64
	Unit  string
	Bar   Bar
}

// Missed tells that the figure does not reach its bar.
func (f Figure) Missed() bool { return f.Bar.Missed(f.Value) }

// String is the line that tools read, "figure NAME VALUE UNIT", with a second
// one, "missed NAME: at least 2.5", when that is so.
func (f Figure) String() string {
	text := fmt.Sprintf("figure %s %s %s", f.Name, Number(f.Value), f.Unit)
	if f.Missed() {
		text += fmt.Sprintf("\nmissed %s: %s", f.Name, f.Bar)
	}
	return text
}

// Number shows a value with three significant digits, and more when it is large:
// never with an exponent.
func Number(v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	scale := math.Pow(10, float64(max(digits, 0)))
	return strconv.FormatFloat(math.Round(v*scale)/scale, 'f', -1, 64)
}
