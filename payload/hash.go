package payload

import (
	"hash/maphash"
	"math"
)

var seed = maphash.MakeSeed()

// hash gives equal scalars the same number, 0 and −0 counting as equal, and each
// container a number of its own.
func (v Value) hash() uint64 {
	switch v.kind {
	case KindString, KindFunc:
		return maphash.String(seed, v.str())
	case KindBytes:
		return maphash.Bytes(seed, v.bytes())
	case KindNumber:
		f := v.float()
		if f != f {
			f = math.NaN()
		}
		return mix(math.Float64bits(f+0) ^ uint64(v.kind)) // −0 + 0 is 0
	case KindBool:
		return mix(v.num + 2)
	case KindUndefined, KindNull, kindHole:
		return mix(uint64(v.kind) + 4)
	}
	return maphash.Comparable(seed, v.ptr)
}

func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}

// same is the SameValueZero of JavaScript: scalars by value, containers by
// identity.
func same(a, b Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case KindString, KindFunc:
		return a.str() == b.str()
	case KindBytes:
		return string(a.bytes()) == string(b.bytes())
	case KindNumber:
		x, y := a.float(), b.float()
		return (x == y || x != x && y != y) && a.literal() == b.literal()
	case KindBool:
		return a.num == b.num
	case KindUndefined, KindNull, kindHole:
		return true
	}
	return a.ptr == b.ptr
}

// A table finds numbers by hash, with open addressing. A slot is the low half
// of a hash and the number + 1; who looks something up compares what the number
// stands for.
type table struct {
	slots []uint64
	used  int
}

// reset empties the table and keeps its memory for later.
func (t *table) reset() {
	if t.slots == nil {
		t.slots = make([]uint64, 64)
	}
	t.slots = t.slots[:64]
	clear(t.slots)
	t.used = 0
}

// put adds a number that the table does not hold yet.
func (t *table) put(hash uint64, number int) {
	if 2*t.used >= len(t.slots) {
		t.grow()
	}
	t.used++
	insert(t.slots, hash<<32|uint64(number+1))
}

func insert(slots []uint64, slot uint64) {
	mask := uint64(len(slots) - 1)
	i := slot >> 32 & mask
	for slots[i] != 0 {
		i = (i + 1) & mask
	}
	slots[i] = slot
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]uint64, max(16, 4*len(old)))
	for _, slot := range old {
		if slot != 0 {
			insert(t.slots, slot)
		}
	}
}
