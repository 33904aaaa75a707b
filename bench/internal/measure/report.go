package measure

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// A Report is what one run of one program has found.
type Report struct {
	Program string
	Quick   bool `json:",omitempty"`
	Rounds  int
	Seconds float64
	Series  []*Series
	Figures []Figure
	Notes   []string `json:",omitempty"`
}

// AppendReport adds a report to a file of reports, one line of JSON each.
func AppendReport(file string, r *Report) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("the report of %s: %w", r.Program, err)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// ReadReports reads what AppendReport has written.
func ReadReports(file string) ([]*Report, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []*Report
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		r := new(Report)
		if err := json.Unmarshal(lines.Bytes(), r); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", file, len(list)+1, err)
		}
		list = append(list, r)
	}
	return list, lines.Err()
}
