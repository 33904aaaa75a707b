package topics

import "hash/maphash"

// A filter answers most questions for words that are not in the index without
// touching the index: first by the shape of the word, then by 16 to 32 bits of
// memory a word, which stay in the processor's cache when the index does not.
// It is always right when it says no.
type filter struct {
	seed   maphash.Seed
	shapes *[64]uint64 // by length, then by the outer letters; nil before the first word
	bits   []uint64    // a power of two of them
	live   int         // words that are in
	stale  int         // words that have been removed and still have their bit
}

func newFilter() filter {
	return filter{seed: maphash.MakeSeed(), bits: make([]uint64, 1)}
}

func (f *filter) hash(word string) uint64 { return maphash.String(f.seed, word) }

// mayHave returns the hash of a word that may be in. The word is not empty.
func (f *filter) mayHave(word string) (hash uint64, ok bool) {
	length, outer := shape(word)
	if f.shapes == nil || f.shapes[length]&outer == 0 {
		return 0, false
	}
	hash = f.hash(word)
	return hash, f.bits[hash>>6&uint64(len(f.bits)-1)]&(1<<(hash&63)) != 0
}

func shape(word string) (length int, outer uint64) {
	return len(word) & 63, 1 << ((word[0] ^ word[len(word)-1]<<1) & 63)
}

// add puts a word in. It returns true when the filter has become too dense:
// the caller then calls reset, and set with all words, which makes room for
// about as many again.
func (f *filter) add(word string, hash uint64) (full bool) {
	f.live++
	f.set(word, hash)
	return (f.live+f.stale)*16 > len(f.bits)*64
}

func (f *filter) set(word string, hash uint64) {
	length, outer := shape(word)
	if f.shapes == nil {
		f.shapes = new([64]uint64)
	}
	f.shapes[length] |= outer
	f.bits[hash>>6&uint64(len(f.bits)-1)] |= 1 << (hash & 63)
}

// remove takes a word out; its bits stay until the next reset.
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
	f.shapes = nil
}
