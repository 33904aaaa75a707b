package payload

// A linker makes containers of what the text says, from the root on: what the
// root does not reach costs nothing and is not checked, as in the reference.
type linker struct {
	count int     // how many objects the text has
	nodes []node  // room for containers
	room  []Value // room for what they hold
	queue []reached
	late  []*node // keyed by immutable containers: equal keys can only be told at the end
	grown int     // elements that arrays got beyond what the text says

	keys    table   // finds keys by value
	firsts  []int32 // by object: 1 + the first object with an equal scalar, 0 while unknown
	claims  []claim // by object: who used it as a key last
	current uint32  // the container that is being filled
}

type reached struct {
	node *node
	span span
}

type claim struct{ owner, at uint32 }

// kinds are the containers by their type in the text (protocol §7.3).
var kinds = [maxType + 1]Kind{
	KindObject, KindArray, KindArray, KindJSSet, KindJSSet, KindJSMap, KindJSMap,
	KindMap, KindSet, KindList, KindOrderedMap, KindOrderedSet,
}

// Types that the writer and the reader of the text treat in their own way.
const (
	typeObject, typeArray, typeDense = 0, 1, 2
	typeJSSet, typeJSSetWithMembers  = 3, 4
	typeJSMap, typeJSMapWithMembers  = 5, 6
	typeMap, typeSet, typeList       = 7, 8, 9
	typeOrderedMap, typeOrderedSet   = 10, 11
	specials                         = 6
)

// reuse takes over the memory that holds no values.
func (l *linker) reuse(from *linker) {
	clear(from.queue)
	clear(from.late)
	l.queue, l.late, l.keys = from.queue[:0], from.late[:0], from.keys
	l.firsts, l.claims = from.firsts[:0], from.claims[:0]
}

func (d *decoder) link() (Value, error) {
	d.prepare()
	if !d.listed && d.root >= 0 {
		return Undefined, d.fail("no objects: this is not the text of an immutable value")
	}
	root, err := d.value(d.root)
	if err != nil {
		return Undefined, err
	}
	for next := 0; next < len(d.queue); next++ {
		d.current++
		if err := d.fill(d.queue[next]); err != nil {
			return Undefined, err
		}
	}
	if err := d.checkDepth(); err != nil {
		return Undefined, err
	}
	return root, d.settle()
}

// prepare puts the values that have codes behind the objects, so that every
// edge leads into the table.
func (d *decoder) prepare() {
	d.count = len(d.table)
	for _, code := range codes {
		d.table = append(d.table, code)
	}
	d.nodes = make([]node, len(d.spans))
	d.room = make([]Value, len(d.edges)+len(d.spans))
	d.firsts = zeroed(d.firsts, len(d.table))
	d.claims = zeroed(d.claims, len(d.table))
	d.keys.reset()
}

func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// place returns where in the table an edge leads to.
func (d *decoder) place(e int32) (int, error) {
	switch {
	case e >= 0 && int(e) < d.count:
		return int(e), nil
	case e < 0 && e >= -specials:
		return d.count - 1 - int(e), nil
	case e == edgeGap:
		return 0, d.fail("an array stands where an index should be")
	}
	return d.count + 1, nil // undefined
}

// value returns what an edge leads to.
func (d *decoder) value(e int32) (Value, error) {
	if uint(e) < uint(d.count) {
		if v := d.table[e]; v.kind < kindHole {
			return v, nil
		}
	}
	at, err := d.place(e)
	if err != nil {
		return Undefined, err
	}
	return d.reach(at)
}

// reach returns an object, which is opened when it is a container that nothing
// led to so far.
func (d *decoder) reach(at int) (Value, error) {
	v := d.table[at]
	switch v.kind {
	case kindBroken:
		return Undefined, &SyntaxError{Offset: int(v.num), Reason: "this cannot be an object of an immutable value"}
	case kindSpan:
		s := d.spans[v.num]
		if d.typeMap != nil && s.kind >= 0 && s.kind <= maxType {
			s.kind = d.typeMap[s.kind]
		}
		if s.kind < 0 || s.kind > maxType {
			return Undefined, &SyntaxError{Offset: s.offset, Reason: "unknown type of container"}
		}
		n := &d.nodes[len(d.queue)]
		n.kind, n.order = kinds[s.kind], int32(len(d.queue))
		d.queue = append(d.queue, reached{n, s})
		v = ofNode(n)
		d.table[at] = v
	}
	return v, nil
}

// take returns room for n values.
func (d *decoder) take(n int) []Value {
	if n > len(d.room) {
		return make([]Value, 0, n)
	}
	taken := d.room[:0:n]
	d.room = d.room[n:]
	return taken
}

// claim tells at which place the current container has an equal scalar, or the
// same container, as a key already. If none has, it takes the key for place at.
func (d *decoder) claim(key, at int) (int, bool) {
	c := &d.claims[d.first(key)]
	if c.owner == d.current {
		return int(c.at), true
	}
	*c = claim{d.current, uint32(at)}
	return at, false
}

// first returns the first object with an equal scalar: a text may have it twice.
func (d *decoder) first(key int) int {
	if known := d.firsts[key]; known != 0 {
		return int(known) - 1
	}
	v := d.table[key]
	if !v.kind.container() {
		hash := v.hash()
		mask := uint64(len(d.keys.slots) - 1)
		for i := hash & 0xffffffff & mask; d.keys.slots[i] != 0; i = (i + 1) & mask {
			slot := d.keys.slots[i]
			if at := int(uint32(slot)) - 1; uint32(slot>>32) == uint32(hash) && same(d.table[at], v) {
				d.firsts[key] = int32(at + 1)
				return at
			}
		}
		d.keys.put(hash, key)
	}
	d.firsts[key] = int32(key + 1)
	return key
}

// checkDepth measures how deep containers stand inside one another, cycles
// being followed once. As many levels need as many containers.
func (d *decoder) checkDepth() error {
	if len(d.queue) <= d.limits.Depth {
		return nil
	}
	type step struct {
		n    *node
		next int
	}
	limit := &LimitError{Limit: "Depth", Max: d.limits.Depth}
	const open = -1
	heights := make([]int32, len(d.queue)) // levels from here down, 0 while unknown
	path := []step{{n: d.queue[0].node}}
	for len(path) > 0 {
		top := &path[len(path)-1]
		if top.next == 0 {
			heights[top.n.order] = open
		}
		child, more := top.n.child(&top.next)
		if more {
			if heights[child.order] == 0 {
				path = append(path, step{n: child})
			}
			if len(path) > d.limits.Depth {
				return limit
			}
			continue
		}
		height := int32(1)
		for next := 0; ; {
			child, more := top.n.child(&next)
			if !more {
				break
			}
			height = max(height, heights[child.order]+1)
		}
		heights[top.n.order] = height
		path = path[:len(path)-1]
		if len(path)+int(height) > d.limits.Depth {
			return limit
		}
	}
	return nil
}

// child returns the next container that stands in n.
func (n *node) child(next *int) (*node, bool) {
	if !n.nests {
		return nil, false
	}
	for *next < len(n.slots) {
		v := n.slots[*next]
		*next++
		if v.kind.container() {
			return v.node(), true
		}
	}
	for n.members != nil && *next < len(n.slots)+len(n.members.slots) {
		v := n.members.slots[*next-len(n.slots)]
		*next++
		if v.kind.container() {
			return v.node(), true
		}
	}
	return nil, false
}

// settle removes equal keys that are immutable containers; now that these are
// filled they can be compared, the innermost first. A budget keeps a text from
// asking for the same long comparison again and again.
func (d *decoder) settle() error {
	budget := 64*len(d.edges) + 4096
	for i := len(d.late) - 1; i >= 0; i-- {
		n := d.late[i]
		all := n.slots
		n.slots = make([]Value, 0, len(all))
		t := &table{}
		t.reset()
		for at := 0; at < len(all); at += n.stride() {
			key := all[at]
			if n.byValue(key) {
				budget -= len(key.node().slots)
			}
			hash := n.hashKey(key)
			found := n.search(t, key, hash, &budget)
			switch {
			case budget < 0:
				return &LimitError{Limit: "Values", Max: d.limits.Values}
			case found < 0:
				t.put(hash, n.len())
				n.slots = append(n.slots, all[at:at+n.stride()]...)
			case n.kind.keyed():
				copy(n.slots[2*found:], all[at:at+2])
			}
		}
		n.keys.Store(t)
	}
	return nil
}
