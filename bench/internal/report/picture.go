package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

// The contenders of the picture, with their colours.
var lines = []struct{ row, label, colour string }{
	{"raw", "raw TCP", "#9aa0a6"},
	{"xbus tcp", "xbus", "#d6336c"},
	{"redis", "redis", "#f08c00"},
	{"nats", "nats.go", "#1c7ed6"},
	{"zmq", "zmq4", "#2f9e44"},
	{"gojs tcp", "xbus, Node server", "#ae3ec9"},
	{"js tcp", "Xcraft on Node", "#5f3dc4"},
}

// A panel is one diagram: a line for each contender, both axes by rank and by
// magnitude.
type panel struct {
	title   string
	table   string
	columns []string // of the table
	labels  []string // of the axis
}

var panels = []panel{
	{"Calls a second, by calls in flight", "calls", []string{"1", "16", "256", "10,000"}, []string{"1", "16", "256", "10,000"}},
	{"Events a second to one client, by size", "events", []string{"100 B to 1", "1 KB to 1", "64 KB to 1", "1 MB to 1"}, []string{"100 B", "1 KB", "64 KB", "1 MB"}},
}

const (
	panelWidth, panelHeight = 480, 380
	marginLeft, marginRight = 60, 130
	marginTop, marginBottom = 50, 40
)

// Picture draws the panels beside each other, as SVG.
func Picture(reports []*measure.Report) string {
	var b strings.Builder
	width := panelWidth * len(panels)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		width, panelHeight, width, panelHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, panelHeight)
	for i, p := range panels {
		fmt.Fprintf(&b, `<g transform="translate(%d,0)">`+"\n", i*panelWidth)
		p.draw(&b, reports)
		fmt.Fprintln(&b, "</g>")
	}
	fmt.Fprintln(&b, "</svg>")
	return b.String()
}

func (p panel) draw(b *strings.Builder, reports []*measure.Report) {
	fmt.Fprintf(b, `<text x="%d" y="28" font-size="14" font-weight="bold" fill="#212529">%s</text>`+"\n", marginLeft, p.title)
	medians := p.medians(reports)
	low, high := decades(medians)
	p.axes(b, low, high)
	type end struct {
		y             float64
		label, colour string
	}
	var ends []end
	for _, l := range lines {
		points := ""
		var last float64
		for i, v := range medians[l.row] {
			if v > 0 {
				last = y(v, low, high)
				points += fmt.Sprintf("%.1f,%.1f ", p.x(i), last)
				fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", p.x(i), last, l.colour)
			}
		}
		if points == "" {
			continue
		}
		stroke := 1.5
		if l.label == "xbus" {
			stroke = 3
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="%g"/>`+"\n", strings.TrimSpace(points), l.colour, stroke)
		ends = append(ends, end{last, l.label, l.colour})
	}
	slices.SortFunc(ends, func(a, b end) int { return int(math.Copysign(1, a.y-b.y)) })
	at := 0.0
	for _, e := range ends { // labels keep off each other
		at = max(at+14, e.y+4)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" fill="%s">%s</text>`+"\n", panelWidth-marginRight+8, at, e.colour, e.label)
	}
}

// medians has a value for each column of each row, 0 where there is none.
func (p panel) medians(reports []*measure.Report) map[string][]float64 {
	rows := make(map[string][]float64)
	for _, r := range reports {
		for _, s := range r.Series {
			i := slices.Index(p.columns, s.Column)
			if s.Table != p.table || i < 0 {
				continue
			}
			if rows[s.Row] == nil {
				rows[s.Row] = make([]float64, len(p.columns))
			}
			rows[s.Row][i] = s.Median()
		}
	}
	return rows
}

// decades are the powers of ten between which all that is drawn lies.
func decades(rows map[string][]float64) (low, high int) {
	least, most := math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for _, v := range rows[l.row] {
			if v > 0 {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	if least > most {
		return 0, 1
	}
	low, high = int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most)))
	return low, max(high, low+1)
}

func (p panel) x(column int) float64 {
	return marginLeft + float64(column)*float64(panelWidth-marginLeft-marginRight)/float64(len(p.columns)-1)
}

func y(v float64, low, high int) float64 {
	part := (math.Log10(v) - float64(low)) / float64(high-low)
	return panelHeight - marginBottom - part*(panelHeight-marginTop-marginBottom)
}

func (p panel) axes(b *strings.Builder, low, high int) {
	for e := low; e <= high; e++ {
		v := math.Pow(10, float64(e))
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dee2e6"/>`+"\n", marginLeft, panelWidth-marginRight, y(v, low, high), y(v, low, high))
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end" fill="#495057">%s</text>`+"\n", marginLeft-8, y(v, low, high)+4, short(v))
	}
	for i, label := range p.labels {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#495057">%s</text>`+"\n", p.x(i), panelHeight-marginBottom+20, label)
	}
}

func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%g M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%g k", v/1e3)
	}
	return fmt.Sprintf("%g", v)
}
