package payload

// Equal reports whether two values are the same payload: the same kinds with the
// same content, −0 and 0 being different and NaN equal to itself. The order of
// entries counts in OrderedMap, OrderedSet, List and array, as in Immutable.js;
// that references are shared does not.
func (v Value) Equal(w Value) bool {
	c := comparer{}
	return c.equal(v, w)
}

// equalKeys is Immutable.is: immutable containers by value, plain ones by
// identity, 0 equal to −0. It gives up, with false, when budget is spent.
func equalKeys(a, b Value, budget *int) bool {
	c := comparer{asKeys: true, budget: budget}
	return c.equal(a, b)
}

type comparer struct {
	asKeys bool
	budget *int
	steps  int
	seen   map[[2]*node]struct{}
}

// patience is how many containers are compared before those that were met are
// remembered: small values need no memory, shared ones and cycles do.
const patience = 64

func (c *comparer) equal(a, b Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	if !a.Kind().container() {
		return same(a, b) && (c.asKeys || a.Kind() != KindNumber || a.negativeZero() == b.negativeZero())
	}
	if a.ptr == b.ptr {
		return true
	}
	if c.asKeys && !a.Kind().Immutable() {
		return false
	}
	return c.nodes(a.node(), b.node())
}

func (c *comparer) nodes(a, b *node) bool {
	if len(a.slots) != len(b.slots) || (a.members == nil) != (b.members == nil) || !c.spend(len(a.slots)) {
		return false
	}
	if c.steps++; c.steps > patience {
		pair := [2]*node{a, b}
		if _, met := c.seen[pair]; met {
			return true // equal as far as this walk can tell, or it has ended already
		}
		if c.seen == nil {
			c.seen = map[[2]*node]struct{}{}
		}
		c.seen[pair] = struct{}{}
	}
	if a.members != nil && !c.entries(a.members, b.members) {
		return false
	}
	switch a.kind {
	case KindObject, KindJSMap, KindMap:
		return c.entries(a, b)
	case KindSet, KindJSSet:
		return c.elements(a, b)
	}
	for i := range a.slots {
		if !c.equal(a.slots[i], b.slots[i]) {
			return false
		}
	}
	return true
}

func (c *comparer) spend(n int) bool {
	if c.budget == nil {
		return true
	}
	*c.budget -= n + 1
	return *c.budget >= 0
}

// entries compares without order. The i-th key of b is tried before a search:
// it is where the same maker puts it.
func (c *comparer) entries(a, b *node) bool {
	if len(a.slots) != len(b.slots) {
		return false
	}
	for i := 0; i < len(a.slots); i += 2 {
		at := i
		if !c.equal(a.slots[i], b.slots[i]) {
			if at = 2 * b.find(a.slots[i]); at < 0 {
				return false
			}
		}
		if !c.equal(a.slots[i+1], b.slots[at+1]) {
			return false
		}
	}
	return true
}

func (c *comparer) elements(a, b *node) bool {
	for i, v := range a.slots {
		if !c.equal(v, b.slots[i]) && b.find(v) < 0 {
			return false
		}
	}
	return true
}
