package topics

import (
	"cmp"
	"slices"
)

// A lookup is the memory that finding the listeners of one topic needs; it is
// used again by later ones.
type lookup[S any] struct {
	hits        []hit[S]
	ids         []string
	subscribers []S
}

// A hit is an entry whose pattern matches. Hits are ordered by rank, which says
// how specific the key of the pattern is, then by age.
type hit[S any] struct {
	entry *entry[S]
	rank  int
}

// AppendMatches appends to dst the subscribers that listen to topic and returns
// it. The order is that of the reference (protocol §6.2): by the key of their
// patterns, the most specific first and "_" last, then in order of
// subscription; a pattern whose key is not an id of the topic, which the
// reference misses, comes just before those under "_". It allocates nothing
// when dst has room.
func (r *Router[S]) AppendMatches(dst []S, topic string) []S {
	if len(topic) > MaxTopic {
		return dst
	}
	l := r.lookups.Get().(*lookup[S])
	r.mu.RLock()
	r.find(l, topic)
	for _, h := range l.hits {
		for sub := h.entry.first; sub != nil; sub = sub.next {
			dst = append(dst, sub.subscriber)
		}
	}
	r.mu.RUnlock()
	r.release(l)
	return dst
}

// Each calls f with each subscriber that listens to topic, in the order of
// AppendMatches. Those that are removed meanwhile may still be called; f may
// call any method of the router.
func (r *Router[S]) Each(topic string, f func(S)) {
	l := r.lookups.Get().(*lookup[S])
	l.subscribers = r.AppendMatches(l.subscribers[:0], topic)
	for _, s := range l.subscribers {
		f(s)
	}
	r.release(l)
}

func (r *Router[S]) release(l *lookup[S]) {
	clear(l.hits)
	clear(l.ids)
	clear(l.subscribers)
	l.hits, l.ids, l.subscribers = l.hits[:0], l.ids[:0], l.subscribers[:0]
	r.lookups.Put(l)
}

// find puts the entries that match topic into l.hits, in order.
func (r *Router[S]) find(l *lookup[S], topic string) {
	if r.known.mayHave(topic) {
		if e := r.entries[topic]; e != nil && e.pattern.Literal() {
			l.hits = append(l.hits, hit[S]{entry: e})
		}
	}
	for start := 0; start < len(topic); {
		end := start
		for end < len(topic) && !isBorder(topic[end]) {
			end++
		}
		if word := topic[start:end]; word != "" && r.known.mayHave(word) {
			if c := r.cells[word]; c != nil {
				l.matchAll(c, topic)
			}
		}
		start = end + 1
	}
	l.matchAll(&r.rest, topic)
	if len(l.hits) > 1 || r.compat {
		r.order(l, topic)
	}
}

func (l *lookup[S]) matchAll(c *cell[S], topic string) {
	for _, item := range c.items {
		if item.entry.pattern.match(topic) {
			l.hits = append(l.hits, hit[S]{entry: item.entry})
		}
	}
}

// order sorts the hits, takes out those that came twice because they are filed
// under several words, and in compat mode those that the reference misses.
func (r *Router[S]) order(l *lookup[S], topic string) {
	l.ids = appendIDs(l.ids[:0], topic)
	for i := range l.hits {
		l.hits[i].rank = rank(l.ids, l.hits[i].entry.pattern.key)
	}
	if r.compat {
		l.hits = slices.DeleteFunc(l.hits, func(h hit[S]) bool { return h.rank == missed })
	}
	slices.SortFunc(l.hits, func(a, b hit[S]) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(a.entry.seq, b.entry.seq))
	})
	l.hits = slices.CompactFunc(l.hits, func(a, b hit[S]) bool { return a.entry == b.entry })
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
