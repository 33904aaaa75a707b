package payload

// An index finds numbers by hash, with open addressing: what a number stands for
// is the business of who asks. The tags, a byte of each hash, answer most
// questions on their own; 0 is a free slot.
type index struct {
	tags    []uint8
	numbers []uint32
	used    int
}

const leastIndex = 16 // slots; always a power of two

func newIndex(numbers int) *index {
	size := leastIndex
	for size < 2*numbers {
		size *= 2
	}
	return &index{tags: make([]uint8, size), numbers: make([]uint32, size)}
}

// reset empties the index. It keeps the size that was of use the last time.
func (x *index) reset() {
	size := leastIndex
	for size < 2*x.used && size < len(x.tags) {
		size *= 2
	}
	if x.tags == nil {
		*x = *newIndex(size / 2)
	}
	x.tags, x.numbers = x.tags[:size], x.numbers[:size]
	clear(x.tags)
	x.used = 0
}

// seek returns the slot with a number of this hash for which is holds, or else
// the free slot where it belongs.
func (x *index) seek(hash uint64, is func(number int) bool) (slot int, found bool) {
	tag, mask := uint8(hash>>56)|1, len(x.tags)-1
	for slot = int(hash) & mask; x.tags[slot] != 0; slot = (slot + 1) & mask {
		if x.tags[slot] == tag && is(int(x.numbers[slot])) {
			return slot, true
		}
	}
	return slot, false
}

// put stores a number in a free slot that seek returned.
func (x *index) put(slot int, hash uint64, number int) {
	x.tags[slot], x.numbers[slot] = uint8(hash>>56)|1, uint32(number)
	x.used++
}

// full reports whether grow must be called before the next put.
func (x *index) full() bool { return 2*x.used >= len(x.tags) }

// grow makes room: slots found before are void then.
func (x *index) grow(hash func(number int) uint64) {
	bigger := newIndex(2 * x.used)
	for slot, tag := range x.tags {
		if tag != 0 {
			number := int(x.numbers[slot])
			h := hash(number)
			free, _ := bigger.seek(h, func(int) bool { return false })
			bigger.put(free, h, number)
		}
	}
	*x = *bigger
}
