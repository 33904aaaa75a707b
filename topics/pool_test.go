//go:build !race

package topics

import (
	"strings"
	"testing"
)

// TestPoolsAllocateNothing is not for the race detector, under which pools
// forget on purpose.
func TestPoolsAllocateNothing(t *testing.T) {
	r := NewRouter[int]()
	for i := range 5 * few {
		r.Add(MustCompile("*::*"+strings.Repeat("*", i)), i)
	}
	dst := make([]int, 0, 5*few)
	topic := "a::" + strings.Repeat("x", 5*few+1)
	n := testing.AllocsPerRun(500, func() {
		dst = r.AppendMatches(dst[:0], topic)
		r.Each(topic, func(int) {})
	})
	if n >= 1 || len(dst) != 5*few {
		t.Errorf("%v allocations, %d listeners", n, len(dst))
	}
	kept := r.overflow.Get().(*[]hit[int])
	for _, h := range (*kept)[:cap(*kept)] {
		if h.entry != nil {
			t.Fatal("the pool keeps an entry alive")
		}
	}
}
