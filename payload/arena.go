package payload

// An arena gives out nodes and slots for values that are made together.
type arena struct {
	nodes []node
	slots []Value
	grown int
}

func (a *arena) node(kind Kind) *node {
	if len(a.nodes) == 0 {
		a.nodes = make([]node, min(4<<a.grown, 256))
		a.grown++
	}
	n := &a.nodes[0]
	a.nodes = a.nodes[1:]
	n.kind = kind
	return n
}

// take returns room for n values and no more.
func (a *arena) take(n int) []Value {
	if n > len(a.slots) {
		if n > 64 {
			return make([]Value, 0, n)
		}
		a.slots = make([]Value, max(n, min(16<<a.grown, 1024)))
	}
	taken := a.slots[:0:n]
	a.slots = a.slots[n:]
	return taken
}
