package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

func sample() []*measure.Report {
	series := func(row, column string, values, cpu []float64) *measure.Series {
		return &measure.Series{Key: measure.Key{Table: "calls", Row: row, Column: column}, Unit: "calls/s", Values: values, CPU: cpu}
	}
	return []*measure.Report{{
		Program: "calls", Rounds: 3, Seconds: 12.3,
		Series: []*measure.Series{
			series("xbus tcp", "1", []float64{28000, 28512, 29000}, []float64{30}),
			series("xbus tcp", "256", []float64{334000, 335000, 336000}, []float64{2.5}),
			series("js tcp", "256", []float64{5000}, nil),
		},
		Figures: []measure.Figure{
			{Name: "calls256_vs_js", Value: 67, Unit: "ratio", Bar: measure.AtLeast(50)},
			{Name: "calls256_vs_raw", Value: 0.34, Unit: "ratio", Bar: measure.AtLeast(0.35)},
			{Name: "call_kb", Value: 1.5, Unit: "kB"},
		},
		Notes: []string{"redis was left out"},
	}}
}

func TestPage(t *testing.T) {
	var b strings.Builder
	Page(&b, sample(), Facts{{"processor", "some | other, 2 cores"}})
	page := b.String()
	for _, want := range []string{
		"| processor | some \\| other, 2 cores |\n",
		"| `calls256_vs_js` | the same against the real client and server | 67 × | at least 50 | reached |\n",
		"| 0.34 × | at least 0.35 | **missed** |\n",
		"| `call_kb` |  | 1.5 kB |  |  |\n",
		"One bar was missed in this run.\n\nWhy, ",
		"- `calls256_vs_raw`: " + reasons["calls256_vs_raw"] + "\n",
		"### Calls\n\nIn calls/s, 3 rounds",
		"| | 1 | 256 |\n|---|---:|---:|\n",
		"| xbus tcp | 28,500 ±1 % / 30 | 335,000 ±0 % / 2.5 |\n",
		"| js tcp |  | 5,000 |\n",
		"- redis was left out\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("not in the page: %q", want)
		}
	}
	if strings.Contains(page, "A quick run") {
		t.Error("the page says that the run was a quick one")
	}
	if t.Failed() {
		t.Log(page)
	}
}

// Reasons are for figures that the page knows.
func TestReasons(t *testing.T) {
	for name := range reasons {
		if meanings[name] == "" {
			t.Errorf("a reason for %s, of which the page does not say what it is", name)
		}
	}
}

func TestQuickPageSaysSo(t *testing.T) {
	reports := sample()
	reports[0].Quick = true
	var b strings.Builder
	Page(&b, reports, nil)
	if !strings.Contains(b.String(), "A quick run") {
		t.Error("the page of a quick run does not say so")
	}
}

func TestPictureIsWellFormed(t *testing.T) {
	for name, reports := range map[string][]*measure.Report{"some": sample(), "none": nil} {
		picture := Picture(reports)
		d := xml.NewDecoder(strings.NewReader(picture))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf") {
			t.Errorf("%s: numbers that are none:\n%s", name, picture)
		}
	}
	if picture := Picture(sample()); !strings.Contains(picture, ">xbus</text>") || !strings.Contains(picture, ">Xcraft on Node</text>") || strings.Contains(picture, ">nats.go</text>") {
		t.Error("the picture does not have who was measured")
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "docs")
	if err := Write(dir, sample(), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{PageName, PictureName} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() < 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGrouped(t *testing.T) {
	for v, want := range map[float64]string{
		0.0345: "0.0345", 2.345: "2.35", 999: "999", 1234: "1,230", 28512: "28,500", 1234567: "1,230,000", -1500: "-1,500",
	} {
		if got := grouped(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func TestMachine(t *testing.T) {
	facts := Machine(t.Context())
	if len(facts) < 5 || !strings.HasPrefix(facts[4][1], "go") {
		t.Errorf("facts %v", facts)
	}
}

func TestVersion(t *testing.T) {
	for text, want := range map[string]string{
		"v20.20.2": "20.20.2", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc": "7.0.15", "unknown": "unknown",
	} {
		if got := version(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
