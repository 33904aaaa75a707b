package topics

import "hash/maphash"

// A filter answers most questions for words that are not in the index without
// touching the index: 16 bits of memory a word, which stay in the processor's
// cache when the index does not. It is always right when it says no.
type filter struct {
	seed  maphash.Seed
	bits  []uint64 // a power of two of them
	live  int      // words that are in
	stale int      // words that have been removed and still have their bit
}

func newFilter() filter {
	return filter{seed: maphash.MakeSeed(), bits: make([]uint64, 1)}
}

func (f *filter) mayHave(word string) bool {
	h := maphash.String(f.seed, word)
	return f.bits[(h>>6)&uint64(len(f.bits)-1)]&(1<<(h&63)) != 0
}

func (f *filter) set(word string) {
	h := maphash.String(f.seed, word)
	f.bits[(h>>6)&uint64(len(f.bits)-1)] |= 1 << (h & 63)
}

// add puts a word in. It returns true when the filter has become too dense:
// the caller then calls reset and set with all words, which makes room for as
// many again.
func (f *filter) add(word string) (full bool) {
	f.live++
	f.set(word)
	return (f.live+f.stale)*16 > len(f.bits)*64
}

// remove takes a word out.
func (f *filter) remove() {
	f.live--
	f.stale++
}

func (f *filter) reset() {
	size := 1
	for size*64 < f.live*32 {
		size *= 2
	}
	f.bits, f.stale = make([]uint64, size), 0
}
