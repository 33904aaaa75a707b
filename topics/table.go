package topics

import "iter"

// A table finds the cell of a word by its hash. It is one array, probed from
// the place that the hash gives: a lookup touches one line of memory as a rule,
// where a map touches three.
type table[S any] struct {
	slots []slot[S] // a power of two of them, at most half of them in use
	used  int
}

// A slot is free when its cell is empty.
type slot[S any] struct {
	hash uint64
	cell cell[S]
}

func newTable[S any]() table[S] { return table[S]{slots: make([]slot[S], 4)} }

// The lowest bits choose the bit in the filter: others choose the slot.
func (t *table[S]) home(hash uint64) uint64 { return hash >> 20 & t.mask() }

func (t *table[S]) mask() uint64 { return uint64(len(t.slots) - 1) }

// find returns the slot of a hash, or the free one where it would be.
func (t *table[S]) find(hash uint64) *slot[S] {
	mask := t.mask()
	for i := t.home(hash); ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.hash == hash || s.cell.head == nil {
			return s
		}
	}
}

// add puts n into the cell of a hash and returns the size of the cell.
func (t *table[S]) add(hash uint64, n *node[S]) (size int) {
	s := t.find(hash)
	if s.cell.head == nil {
		if t.used++; 2*t.used > len(t.slots) {
			t.resize(2 * len(t.slots))
			s = t.find(hash)
		}
		s.hash = hash
	}
	s.cell.push(n)
	return s.cell.size()
}

// remove takes n out and reports whether its cell is empty now.
func (t *table[S]) remove(hash uint64, n *node[S]) (empty bool) {
	s := t.find(hash)
	s.cell.remove(n)
	if s.cell.head != nil {
		return false
	}
	t.used--
	if len(t.slots) > 4 && 8*t.used < len(t.slots) {
		t.resize(len(t.slots) / 2)
		return true
	}
	t.close(hash)
	return true
}

// close fills the gap that a slot has left, so that those behind it, which were
// put there because their places were taken, are found.
func (t *table[S]) close(hash uint64) {
	mask := t.mask()
	gap := t.home(hash)
	for t.slots[gap].hash != hash || t.slots[gap].cell.head != nil {
		gap = (gap + 1) & mask
	}
	t.slots[gap] = slot[S]{}
	for i := (gap + 1) & mask; t.slots[i].cell.head != nil; i = (i + 1) & mask {
		if home := t.home(t.slots[i].hash); (i-home)&mask >= (i-gap)&mask {
			t.slots[gap], t.slots[i] = t.slots[i], slot[S]{}
			gap = i
		}
	}
}

func (t *table[S]) resize(size int) {
	old := t.slots
	t.slots = make([]slot[S], size)
	for _, s := range old {
		if s.cell.head != nil {
			*t.find(s.hash) = s
		}
	}
}

// all iterates over the cells.
func (t *table[S]) all() iter.Seq2[uint64, cell[S]] {
	return func(yield func(uint64, cell[S]) bool) {
		for _, s := range t.slots {
			if s.cell.head != nil && !yield(s.hash, s.cell) {
				return
			}
		}
	}
}
