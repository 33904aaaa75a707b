package topics

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// TestConcurrentUse adds, removes and looks up at the same time: who stays is
// always found, who has left before the lookup is not.
func TestConcurrentUse(t *testing.T) {
	r := NewRouter[*atomic.Bool]()
	alive := func() *atomic.Bool { b := new(atomic.Bool); b.Store(true); return b }
	fixed := alive()
	r.Add(MustCompile("a::*"), fixed)
	p := MustCompile("*::x.(b|c)*")

	var writers, readers sync.WaitGroup
	var stop atomic.Bool
	for w := range 4 {
		writers.Go(func() {
			own := []*Pattern{MustCompile(fmt.Sprintf("a::x.b%d", w)), MustCompile(fmt.Sprintf("*::*.b%d", w)), p}
			for i := range 500 {
				s := alive()
				sub := r.Add(own[i%len(own)], s)
				topic := fmt.Sprintf("a::x.b%d", w)
				if !listens(r, topic, s) {
					t.Errorf("%q is not found after Add", own[i%len(own)])
				}
				if !r.Remove(sub) || r.Remove(sub) {
					t.Error("Remove did not say what it did")
				}
				if listens(r, topic, s) {
					t.Errorf("%q is found after Remove", own[i%len(own)])
				}
				s.Store(false)
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			var dst []*atomic.Bool
			for !stop.Load() {
				dst = r.AppendMatches(dst[:0], "a::x.b1")
				if len(dst) == 0 {
					t.Error("the one who stayed is not found")
				}
				r.Each("a::x.b2", func(*atomic.Bool) { _ = r.Len() })
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
	if r.Len() != 1 {
		t.Errorf("%d are left", r.Len())
	}
}

func listens(r *Router[*atomic.Bool], topic string, s *atomic.Bool) bool {
	found := false
	r.Each(topic, func(other *atomic.Bool) { found = found || other == s })
	return found
}
