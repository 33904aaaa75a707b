package payload

// An arena gives out nodes and slots for values that are made together, from
// pieces of memory that grow with what was asked for.
type arena struct {
	nodes     []node
	slots     []Value
	moreNodes int // size of the next piece
	moreSlots int
}

const (
	fewNodes, manyNodes = 2, 256
	fewSlots, manySlots = 16, 1024
)

func (a *arena) node(kind Kind) *node {
	if len(a.nodes) == 0 {
		a.moreNodes = min(max(fewNodes, 2*a.moreNodes), manyNodes)
		a.nodes = make([]node, a.moreNodes)
	}
	n := &a.nodes[0]
	a.nodes = a.nodes[1:]
	n.kind = kind
	return n
}

// take returns room for n values and no more.
func (a *arena) take(n int) []Value {
	if n > len(a.slots) {
		a.moreSlots = min(max(fewSlots, 2*a.moreSlots), manySlots)
		if n > a.moreSlots/4 {
			return make([]Value, 0, n)
		}
		a.slots = make([]Value, a.moreSlots)
	}
	taken := a.slots[:0:n]
	a.slots = a.slots[n:]
	return taken
}
