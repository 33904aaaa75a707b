package topics

// An entry is a pattern with those who subscribed to it, in order. It holds its
// place in the index itself: what a lookup touches lies together.
type entry[S any] struct {
	pattern     *Pattern
	first, last *Subscription[S]
	seq         uint64
	nodes       []node[S] // one for each word under which it is filed
	one         [1]node[S]
}

// A node is an entry in a cell.
type node[S any] struct {
	entry      *entry[S]
	next, prev *node[S]
	word       string // "" in the cell of the rest
	hash       uint64
}

// A cell is the list of the nodes that are filed under one word, in no order.
// Two words with the same hash share a cell, which costs a comparison and
// nothing else.
type cell[S any] struct {
	head *node[S]
	size int
}

// file enters e into the index, under the words of the choice whose cells are
// the emptiest, so that patterns which have a common word and a rare one end up
// under the rare one.
func (r *Router[S]) file(e *entry[S]) {
	r.entries[e.pattern.text] = e
	choice := r.emptiest(e.pattern.anchors())
	e.nodes = e.one[:]
	if len(choice) > 1 {
		e.nodes = make([]node[S], len(choice))
	}
	for i := range e.nodes {
		n := &e.nodes[i]
		n.entry = e
		if choice == nil {
			r.rest.push(n)
			continue
		}
		n.word, n.hash = choice[i], r.known.hash(choice[i])
		c := r.cells[n.hash]
		c.push(n)
		r.cells[n.hash] = c
		if c.size == 1 && r.known.add(n.word, n.hash) {
			r.remember()
		}
	}
}

// unfile takes e out of the index.
func (r *Router[S]) unfile(e *entry[S]) {
	delete(r.entries, e.pattern.text)
	for i := range e.nodes {
		n := &e.nodes[i]
		if n.word == "" {
			r.rest.remove(n)
			continue
		}
		c := r.cells[n.hash]
		c.remove(n)
		if c.size > 0 {
			r.cells[n.hash] = c
			continue
		}
		delete(r.cells, n.hash)
		r.known.remove()
	}
}

func (r *Router[S]) emptiest(choices [][]string) (best []string) {
	least := 0
	for _, choice := range choices {
		load := 0
		for _, word := range choice {
			load = max(load, r.cells[r.known.hash(word)].size)
		}
		if best == nil || load < least {
			best, least = choice, load
		}
	}
	return best
}

// remember builds the filter anew, which happens once per doubling.
func (r *Router[S]) remember() {
	r.known.reset()
	for hash, c := range r.cells {
		for n := c.head; n != nil; n = n.next {
			r.known.set(n.word, hash)
		}
	}
}

func (c *cell[S]) push(n *node[S]) {
	n.next = c.head
	if c.head != nil {
		c.head.prev = n
	}
	c.head = n
	c.size++
}

func (c *cell[S]) remove(n *node[S]) {
	if n.prev == nil {
		c.head = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	}
	c.size--
}
