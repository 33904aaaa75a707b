package topics

// file enters e into the index: a literal pattern under its text, another one
// under the words of the choice whose cells are the emptiest, so that patterns
// which have a common word and a rare one end up under the rare one.
func (r *Router[S]) file(e *entry[S]) {
	r.entries[e.pattern.text] = e
	if e.pattern.Literal() {
		r.learn(e.pattern.text)
		return
	}
	choice := r.emptiest(e.pattern.anchors())
	if choice == nil {
		e.enter(&r.rest)
		return
	}
	for _, word := range choice {
		c := r.cells[word]
		if c == nil {
			c = &cell[S]{word: word}
			r.cells[word] = c
			r.learn(word)
		}
		e.enter(c)
	}
}

// unfile takes e out of the index.
func (r *Router[S]) unfile(e *entry[S]) {
	delete(r.entries, e.pattern.text)
	if e.pattern.Literal() {
		r.known.remove()
	}
	for _, place := range e.places {
		c := place.cell
		c.take(place.item)
		if c != &r.rest && len(c.items) == 0 {
			delete(r.cells, c.word)
			r.known.remove()
		}
	}
}

func (r *Router[S]) emptiest(choices [][]string) (best []string) {
	least := 0
	for _, choice := range choices {
		load := 0
		for _, word := range choice {
			if c := r.cells[word]; c != nil {
				load = max(load, len(c.items))
			}
		}
		if best == nil || load < least {
			best, least = choice, load
		}
	}
	return best
}

// learn adds a text or a word to the filter, and builds it anew when it is
// full, which happens once per doubling.
func (r *Router[S]) learn(word string) {
	if !r.known.add(word) {
		return
	}
	r.known.reset()
	for text, e := range r.entries {
		if e.pattern.Literal() {
			r.known.set(text)
		}
	}
	for word := range r.cells {
		r.known.set(word)
	}
}

func (e *entry[S]) enter(c *cell[S]) {
	c.items = append(c.items, item[S]{entry: e, place: len(e.places)})
	e.places = append(e.places, place[S]{cell: c, item: len(c.items) - 1})
}

// take removes an item by putting the last one in its place.
func (c *cell[S]) take(at int) {
	last := len(c.items) - 1
	moved := c.items[last]
	c.items[at] = moved
	moved.entry.places[moved.place].item = at
	c.items[last] = item[S]{}
	c.items = c.items[:last]
}
