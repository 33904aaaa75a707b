package rpc

import (
	"fmt"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// A shard is a map of the calls that are in it, also of such with one hash, and
// while it grows and is emptied.
func TestShardIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s shard
		model := make(map[string]*Pending)
		hashes := rapid.SampledFrom([]uint32{1, 3, 1 << 20}).Draw(t, "hashes")
		call := func(n int) *Pending { return &Pending{id: fmt.Sprint(n), hash: uint32(n) % hashes} }
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			p := call(rapid.IntRange(0, 60).Draw(t, "call"))
			switch found := s.find(p.hash, p.id); {
			case found != model[p.id]:
				t.Fatalf("call %s: found %p, want %p", p.id, found, model[p.id])
			case found == nil:
				s.add(p)
				model[p.id] = p
			default:
				s.remove(found, nil)
				delete(model, p.id)
			}
		}
		n := 0
		for p := range s.all() {
			if n++; model[p.id] != p {
				t.Fatalf("call %s is there", p.id)
			}
		}
		if n != len(model) || s.inFlight() != n {
			t.Fatalf("%d calls, counted %d, want %d", n, s.inFlight(), len(model))
		}
	})
}

func TestAnEmptyShardKeepsNoBurst(t *testing.T) {
	var s shard
	var calls []*Pending
	for i := range 4 * manyPlaces {
		p := &Pending{id: fmt.Sprint(i), hash: hashOf(fmt.Sprint(i))}
		calls = append(calls, p)
		s.add(p)
	}
	for _, p := range calls {
		if s.find(p.hash, p.id) != p {
			t.Fatalf("call %s is lost", p.id)
		}
		s.remove(p, nil)
	}
	if s.inFlight() != 0 || s.places != nil {
		t.Errorf("%d calls and %d places", s.inFlight(), len(s.places))
	}
}

func TestAShardIsACacheLine(t *testing.T) {
	if size := unsafe.Sizeof(shard{}); unsafe.Sizeof(uintptr(0)) == 8 && size != 64 {
		t.Errorf("%d bytes", size)
	}
}
