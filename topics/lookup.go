package topics

import (
	"cmp"
	"slices"
)

// A hit is an entry whose pattern matches. Hits are ordered by rank, which says
// how specific the key of the pattern is, then by age.
type hit[S any] struct {
	entry *entry[S]
	rank  int
}

// few is how many hits, and how many ids, a lookup holds on its stack.
const few = 8

// hits are what one lookup has found: the first few of them here, or all of
// them in memory of the router.
type hits[S any] struct {
	few  [few]hit[S]
	n    int
	many *[]hit[S]
}

func (h *hits[S]) add(r *Router[S], e *entry[S]) {
	if h.many == nil {
		if h.n < few {
			h.few[h.n].entry = e
			h.n++
			return
		}
		h.many = r.overflow.Get().(*[]hit[S])
		*h.many = append((*h.many)[:0], h.few[:]...)
	}
	*h.many = append(*h.many, hit[S]{entry: e})
}

func (h *hits[S]) all() []hit[S] {
	if h.many == nil {
		return h.few[:h.n]
	}
	return *h.many
}

func (h *hits[S]) release(r *Router[S]) {
	if h.many != nil {
		clear(*h.many)
		r.overflow.Put(h.many)
	}
}

// AppendMatches appends to dst the subscribers that listen to topic and returns
// it. The order is that of the reference (protocol §6.2): by the key of their
// patterns, the most specific first and "_" last, then in order of
// subscription; a pattern whose key is not an id of the topic, which the
// reference misses, comes just before those under "_". It allocates nothing
// when dst has room, unless the topic has more than a few ids.
func (r *Router[S]) AppendMatches(dst []S, topic string) []S {
	if len(topic) > MaxTopic {
		return dst
	}
	var found hits[S]
	r.mu.RLock()
	r.find(&found, topic)
	ordered := found.all()
	if len(ordered) > 1 || r.compat {
		ordered = r.order(ordered, topic)
	}
	for _, h := range ordered {
		for sub := h.entry.first; sub != nil; sub = sub.next {
			dst = append(dst, sub.subscriber)
		}
	}
	r.mu.RUnlock()
	found.release(r)
	return dst
}

// Each calls f with each subscriber that listens to topic, in the order of
// AppendMatches. Those that are removed meanwhile may still be called; f may
// call any method of the router.
func (r *Router[S]) Each(topic string, f func(S)) {
	kept := r.called.Get().(*[]S)
	subscribers := r.AppendMatches((*kept)[:0], topic)
	for _, s := range subscribers {
		f(s)
	}
	clear(subscribers)
	*kept = subscribers
	r.called.Put(kept)
}

// find puts the entries that match topic into found, in no order. An entry that
// is filed under several words of the topic, or under one that comes twice, is
// found more than once.
func (r *Router[S]) find(found *hits[S], topic string) {
	if topic != "" { // a literal pattern is filed under all of its text
		r.look(found, topic, topic)
	}
	for start := 0; start < len(topic); {
		end := nextBorder(topic, start)
		if start < end && end-start < len(topic) {
			r.look(found, topic[start:end], topic)
		}
		start = end + 1
	}
	r.collect(found, r.rest, topic)
}

func (r *Router[S]) look(found *hits[S], word, topic string) {
	if hash, ok := r.known.mayHave(word); ok {
		r.collect(found, r.cells.find(hash).cell, topic)
	}
}

func (r *Router[S]) collect(found *hits[S], c cell[S], topic string) {
	for n := c.head; n != nil; n = n.next {
		if n.entry.match(topic) {
			found.add(r, n.entry)
		}
	}
}

// order sorts the hits, takes out those that came twice, and in compat mode
// those that the reference misses.
func (r *Router[S]) order(hits []hit[S], topic string) []hit[S] {
	var stack [few]string
	ids := appendIDs(stack[:0], topic)
	for i := range hits {
		hits[i].rank = rank(ids, hits[i].entry.pattern.key)
	}
	if r.compat {
		hits = slices.DeleteFunc(hits, func(h hit[S]) bool { return h.rank == missed })
	}
	slices.SortFunc(hits, func(a, b hit[S]) int {
		if c := cmp.Compare(b.rank, a.rank); c != 0 {
			return c
		}
		return cmp.Compare(a.entry.seq, b.entry.seq)
	})
	return slices.CompactFunc(hits, func(a, b hit[S]) bool { return a.entry == b.entry })
}

// missed is the rank of a key that is not among the ids: above the general one.
const missed = 1

// rank is higher the further back key stands in ids.
func rank(ids []string, key string) int {
	for i := len(ids) - 1; i >= 0; i-- {
		if ids[i] == key {
			return 2 * i
		}
	}
	return missed
}
