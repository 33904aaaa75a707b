package topics

import "unsafe"

// An entry is a pattern with those who subscribed to it, in order. It holds its
// place in the index and the first subscription itself: what a lookup touches
// lies together, from the last fields of one up to the text of its program, which
// stands behind the entry.
type entry[S any] struct {
	pattern *Pattern
	seq     uint64
	last    *Subscription[S]
	nodes   []node[S] // one for each word under which it is filed
	one     [1]node[S]
	form    form
	text    string // of a literal pattern; of another one its program
	first   *Subscription[S]
	own     Subscription[S] // the first one, as long as it is there
}

func newEntry[S any](p *Pattern, seq uint64) (e *entry[S]) {
	var text string
	if p.form == cut {
		text = string(programOf(p.parts))
	}
	switch {
	case text == "": // a literal or an expression, or left to the pattern itself
		e = &entry[S]{form: p.form, text: p.text}
		if p.form == cut {
			e.form = expression
		}
	case len(text) <= 64:
		b := &struct {
			entry[S]
			room [64]byte
		}{}
		e = b.with(b.room[:], text)
	case len(text) <= 128:
		b := &struct {
			entry[S]
			room [128]byte
		}{}
		e = b.with(b.room[:], text)
	case len(text) <= 256:
		b := &struct {
			entry[S]
			room [256]byte
		}{}
		e = b.with(b.room[:], text)
	default:
		e = &entry[S]{form: cut, text: text}
	}
	e.pattern, e.seq = p, seq
	return e
}

// with makes e the entry of a program, which is kept in the room behind it: among
// very many entries, the one that a lookup needs is then in the page of memory
// that it has just touched. Nobody writes to the room any more.
func (e *entry[S]) with(room []byte, text string) *entry[S] {
	n := copy(room, text)
	e.form, e.text = cut, unsafe.String(unsafe.SliceData(room), n)
	return e
}

func (e *entry[S]) match(topic string) bool {
	switch e.form {
	case literal:
		return topic == e.text
	case cut:
		return program(e.text).match(topic)
	default:
		return e.pattern.match(topic)
	}
}

// A node is an entry in a cell.
type node[S any] struct {
	prev  *node[S]
	word  string // "" in the cell of the rest
	hash  uint64
	count int // of the nodes in the cell, if this is its head
	next  *node[S]
	entry *entry[S]
}

// A cell is the list of the nodes that are filed under one word, in no order.
// Two words with the same hash share a cell, which costs a comparison and
// nothing else.
type cell[S any] struct{ head *node[S] }

func (c cell[S]) size() int {
	if c.head == nil {
		return 0
	}
	return c.head.count
}

// file enters e into the index, under the words of the choice whose cells are
// the emptiest, so that patterns which have a common word and a rare one end up
// under the rare one.
func (r *Router[S]) file(e *entry[S]) {
	r.entries[e.pattern.text] = e
	*r.spaces.of(e.pattern, &r.known)++
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
		if r.cells.add(n.hash, n) == 1 && r.known.add(n.word, n.hash) {
			r.remember()
		}
	}
}

// unfile takes e out of the index.
func (r *Router[S]) unfile(e *entry[S]) {
	delete(r.entries, e.pattern.text)
	*r.spaces.of(e.pattern, &r.known)--
	for i := range e.nodes {
		n := &e.nodes[i]
		if n.word == "" {
			r.rest.remove(n)
			continue
		}
		if r.cells.remove(n.hash, n) {
			r.known.remove()
		}
	}
}

func (r *Router[S]) emptiest(choices [][]string) (best []string) {
	least := 0
	for _, choice := range choices {
		load := 0
		for _, word := range choice {
			load = max(load, r.cells.find(r.known.hash(word)).cell.size())
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
	for hash, c := range r.cells.all() {
		for n := c.head; n != nil; n = n.next {
			r.known.set(n.word, hash)
		}
	}
}

func (c *cell[S]) push(n *node[S]) {
	n.count = c.size() + 1
	n.next = c.head
	if c.head != nil {
		c.head.prev = n
	}
	c.head = n
}

func (c *cell[S]) remove(n *node[S]) {
	left := c.size() - 1
	if n.prev == nil {
		c.head = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	}
	if c.head != nil {
		c.head.count = left
	}
}
