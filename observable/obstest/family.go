package obstest

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync/atomic"
)

// A family is a goroutine and all that descend from it: they inherit its label,
// so neither other tests nor what a source started before are mistaken for it.
type family struct{ label string }

var families atomic.Int64

func newFamily() family {
	return family{label: fmt.Sprintf("obstest-%d", families.Add(1))}
}

// do runs f as the head of the family.
func (f family) do(run func()) {
	pprof.Do(context.Background(), pprof.Labels("obstest", f.label), func(context.Context) { run() })
}

// wait gives the family time to die out and returns the stacks of who did not.
// It does not use the clock, which stands still in a bubble as long as it runs.
func (f family) wait() string {
	left := ""
	for range 50 {
		if left = f.stacks(); left == "" {
			return ""
		}
		for range 100 {
			runtime.Gosched()
		}
	}
	return left
}

// stacks returns the stacks of the family.
func (f family) stacks() string {
	var all, mine strings.Builder
	pprof.Lookup("goroutine").WriteTo(&all, 1)
	for _, record := range strings.Split(all.String(), "\n\n") {
		if strings.Contains(record, `"`+f.label+`"`) {
			mine.WriteString(record + "\n")
		}
	}
	return mine.String()
}
