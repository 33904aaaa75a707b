package payload

// A linker makes containers of what the text says, from the root on: what the
// root does not reach costs nothing and is not checked, as in the reference.
type linker struct {
	count int      // how many objects the text has
	text  string   // the bytes of all strings
	names []string // strings that are no objects: see otherKey
	nodes []node   // room for containers
	room  []Value  // room for what they hold
	queue []reached
	late  []*node // keyed by immutable containers: equal keys can only be told at the end
	grown int     // elements that arrays got beyond what the text says

	keys    index      // finds keys by value
	keyed   [8][]int32 // edges of containers whose keys are strings, no two equal: entities of a kind have the same
	current uint32     // the container that is being filled, counted from 1
	back    bool       // a container holds one that was reached before it
}

// A reached container has the node of the same position.
type reached struct {
	span, depth int32
}

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
	clear(from.late)
	l.queue, l.late, l.keys = from.queue[:0], from.late[:0], from.keys
}

func (d *decoder) link() (Value, error) {
	d.prepare()
	if !d.listed && d.root >= 0 {
		return Undefined, d.fail("no objects: this is not the text of an immutable value")
	}
	root, err := d.value(nil, d.root)
	if err != nil {
		return Undefined, err
	}
	for next := 0; next < len(d.queue); next++ {
		d.current = uint32(next + 1)
		if err := d.fill(&d.nodes[next], d.spans[d.queue[next].span]); err != nil {
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
	d.text = string(d.chars)
	d.table = append(d.table, codes[:]...)
	d.nodes = make([]node, len(d.spans))
	d.room = make([]Value, len(d.edges))
	d.keys.reset()
}

// at returns where in the table an edge leads to.
func (d *decoder) at(e int32) int {
	if uint(e) < uint(d.count) {
		return int(e)
	}
	return d.code(e)
}

// code is at for an edge that leads to no object of the text.
func (d *decoder) code(e int32) int {
	switch {
	case e < 0 && e >= -specials:
		return d.count - 1 - int(e)
	case e == edgeGap:
		return d.count + specials
	}
	return d.count + 1 // undefined
}

// failInside fails because of the container that is being filled.
func (d *decoder) failInside(reason string) error {
	offset := int32(0)
	if d.current > 0 {
		offset = d.spans[d.queue[d.current-1].span].offset
	}
	return &SyntaxError{Offset: int(offset), Reason: reason}
}

// value returns what an edge leads to, and what the container n holds there, if
// n is not nil.
func (d *decoder) value(n *node, e int32) (Value, error) {
	o := &d.table[d.at(e)]
	switch o.kind {
	case kindSpan, kindBroken, kindGap:
		if err := d.open(o); err != nil {
			return Undefined, err
		}
	}
	v := d.make(o)
	if n != nil && o.kind == kindOpen {
		return v, d.nest(n, v.node())
	}
	return v, nil
}

// open makes a node of a container that nothing led to so far.
func (d *decoder) open(o *object) error {
	switch o.kind {
	case kindBroken:
		return &SyntaxError{Offset: int(o.bits), Reason: "this cannot be an object of an immutable value"}
	case kindGap:
		return d.failInside("an array stands where an index should be")
	}
	s := &d.spans[o.bits]
	if d.typeMap != nil && s.kind >= 0 && s.kind <= maxType {
		s.kind = d.typeMap[s.kind]
	}
	if s.kind < 0 || s.kind > maxType {
		return &SyntaxError{Offset: int(s.offset), Reason: "unknown type of container"}
	}
	at := len(d.queue)
	n := &d.nodes[at]
	n.kind, n.order = kinds[s.kind], int32(at)
	d.queue = append(d.queue, reached{span: int32(o.bits), depth: 1})
	o.kind, o.bits = kindOpen, uint64(at)
	return nil
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

// use tells how a scalar, wherever the text has it, or a container is used as
// a key.
func (d *decoder) use(key int, v Value) *use {
	if d.table[key].first == 0 {
		d.table[key].first = d.first(key, v)
	}
	return &d.table[d.table[key].first-1].use
}

// first returns 1 + the first object with an equal scalar: a text may have it twice.
func (d *decoder) first(key int, v Value) int32 {
	if v.Kind().container() {
		return int32(key + 1)
	}
	if d.keys.full() {
		d.keys.grow(func(at int) uint64 { return d.make(&d.table[at]).hash() })
	}
	hash := v.hash()
	slot, found := d.keys.seek(hash, func(at int) bool { return same(d.make(&d.table[at]), v) })
	if found {
		return int32(d.keys.numbers[slot] + 1)
	}
	d.keys.put(slot, hash, key)
	return int32(key + 1)
}

// nest notes that a container stands in another one. A container that was
// reached later is filled later, so that its depth is final by then.
func (d *decoder) nest(n, inner *node) error {
	n.nests = true
	child := inner.order
	if child <= n.order {
		d.back = true
		return nil
	}
	depth := d.queue[n.order].depth + 1
	if int(depth) > d.limits.Depth {
		return &LimitError{Limit: "Depth", Max: d.limits.Depth}
	}
	d.queue[child].depth = max(d.queue[child].depth, depth)
	return nil
}

// checkDepth measures how deep containers stand inside one another where nest
// could not: when some hold others that were reached before. Cycles are followed
// once. As many levels need as many containers.
func (d *decoder) checkDepth() error {
	if !d.back || len(d.queue) <= d.limits.Depth {
		return nil
	}
	type step struct {
		n    *node
		next int
	}
	limit := &LimitError{Limit: "Depth", Max: d.limits.Depth}
	const open = -1
	heights := make([]int32, len(d.queue)) // levels from here down, 0 while unknown
	path := []step{{n: &d.nodes[0]}}
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
		if v.Kind().container() {
			return v.node(), true
		}
	}
	for n.members != nil && *next < len(n.slots)+len(n.members.slots) {
		v := n.members.slots[*next-len(n.slots)]
		*next++
		if v.Kind().container() {
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
		x := newIndex(n.len())
		n.slots = make([]Value, 0, len(all))
		for at := 0; at < len(all); at += n.stride() {
			key := all[at]
			if n.byValue(key) {
				budget -= len(key.node().slots)
			}
			hash := n.hashKey(key)
			slot, found := x.seek(hash, func(at int) bool { return n.sameKey(n.key(at), key, &budget) })
			switch {
			case budget < 0:
				return &LimitError{Limit: "Values", Max: d.limits.Values}
			case !found:
				x.put(slot, hash, n.len())
				n.slots = append(n.slots, all[at:at+n.stride()]...)
			case n.kind.keyed():
				copy(n.slots[2*x.numbers[slot]:], all[at:at+2])
			}
		}
		n.keys.Store(x)
	}
	return nil
}
