package topics

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestRouterIsALoop holds the router to a list that is gone through.
func TestRouterIsALoop(t *testing.T) {
	patterns := []string{
		"a::b", "a::*", "*::*", "*::b", "*::*.<l>", "b@c::*", "b@c::x.0-1-2-3-4.(done|failed)", "*::x.0-1-2-3-4.*",
		"*::desk@*.id.end", "*::desk@1*", "*::(b|c)", "(a|b)::*", "(b@c|d)::*", "*::<l>.*", "(a|b)::x.(c|d)", "a::x.(b*)",
		"b::x|y", "q::(x)|(b)", "*.*.*", "a::(b|b.b)", "*::*(b|c).*", "gameover", "a::x.y.z", "*::q.y.(z)*",
		"*::b@c.d@e.*", "*::d@e.*", "<l>::*",
	}
	words := []string{"a", "b", "c", "x", "y", "z", "b@c", "d@e", "<l>", "0-1-2-3-4", "desk@1", "desk@12", "id", "end", "done"}
	topics := rapid.Custom(func(t *rapid.T) string {
		text := rapid.SliceOfN(rapid.SampledFrom(words), 1, 5).Draw(t, "words")
		return text[0] + rapid.SampledFrom([]string{"::", ".", ""}).Draw(t, "separator") + strings.Join(text[1:], ".")
	})
	rapid.Check(t, func(t *rapid.T) {
		compat := rapid.Bool().Draw(t, "compat")
		var opts []Option
		if compat {
			opts = append(opts, Compat())
		}
		r, loop := NewRouter[int](opts...), &loop{compat: compat}
		next := 0
		var subs []*Subscription[int]
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				p, err := CompileInternal(rapid.SampledFrom(patterns).Draw(t, "pattern"))
				if err != nil {
					t.Fatal(err)
				}
				subs = append(subs, r.Add(p, next))
				loop.add(p, next)
				next++
			},
			"remove": func(t *rapid.T) {
				if len(subs) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(subs)-1).Draw(t, "subscription")
				if got, want := r.Remove(subs[i]), loop.remove(i); got != want {
					t.Fatalf("Remove(%d) is %v", i, got)
				}
			},
			"remove all": func(t *rapid.T) {
				pattern := rapid.SampledFrom(patterns).Draw(t, "pattern")
				if got, want := r.RemoveAll(pattern), loop.removeAll(pattern); !slices.Equal(got, want) {
					t.Fatalf("RemoveAll(%q) is %v, want %v", pattern, got, want)
				}
			},
			"": func(t *rapid.T) {
				topic := topics.Draw(t, "topic")
				want := loop.matches(topic)
				if got := r.AppendMatches(nil, topic); !slices.Equal(got, want) {
					t.Fatalf("%q goes to %v, want %v", topic, got, want)
				}
				var each []int
				r.Each(topic, func(s int) { each = append(each, s) })
				if !slices.Equal(each, want) {
					t.Fatalf("Each(%q) calls %v, want %v", topic, each, want)
				}
				if got := r.Len(); got != loop.len() {
					t.Fatalf("Len is %d, want %d", got, loop.len())
				}
				namespace, _, _ := Split(topic)
				if reached := r.Reaches(namespace); !reached && want != nil || reached && loop.len() == 0 {
					t.Fatalf("Reaches(%q) is %v, and %q goes to %v of %d", namespace, reached, topic, want, loop.len())
				}
				checkIndex(t, r)
			},
		})
	})
}

// checkIndex holds the lists of the index to what they say of themselves.
func checkIndex[S any](t *rapid.T, r *Router[S]) {
	nodes, filed := 0, 0
	walk := func(c cell[S], word bool) {
		n, size := c.head, 0
		for prev := (*node[S])(nil); n != nil; prev, n = n, n.next {
			if n.prev != prev || n.entry.first == nil || r.entries[n.entry.pattern.text] != n.entry || (n.word != "") != word {
				t.Fatalf("%q is not where it should be", n.entry.pattern)
			}
			size++
		}
		if size != c.size() || word && size == 0 {
			t.Fatalf("a cell of %d says %d", size, c.size())
		}
		nodes += size
	}
	walk(r.rest, false)
	for hash, c := range r.cells.all() {
		walk(c, true)
		if h, ok := r.known.mayHave(c.head.word); !ok || h != hash {
			t.Fatalf("the filter does not know %q", c.head.word)
		}
	}
	for _, e := range r.entries {
		filed += len(e.nodes)
	}
	if nodes != filed || r.known.live != r.cells.used {
		t.Fatalf("%d nodes in cells, %d in entries; %d words, %d known", nodes, filed, r.cells.used, r.known.live)
	}
}

// A loop is a router without an index, written after protocol §6.2.
type loop struct {
	compat  bool
	entries []*loopEntry // in order of the first subscription
	where   []*loopEntry // of each subscriber, nil when removed
}

type loopEntry struct {
	pattern     *Pattern
	subscribers []int
}

func (l *loop) add(p *Pattern, s int) {
	i := slices.IndexFunc(l.entries, func(e *loopEntry) bool { return e.pattern.String() == p.String() })
	if i < 0 {
		i = len(l.entries)
		l.entries = append(l.entries, &loopEntry{pattern: p})
	}
	l.entries[i].subscribers = append(l.entries[i].subscribers, s)
	l.where = append(l.where, l.entries[i])
}

func (l *loop) remove(s int) bool {
	e := l.where[s]
	if e == nil {
		return false
	}
	l.where[s] = nil
	e.subscribers = slices.DeleteFunc(e.subscribers, func(other int) bool { return other == s })
	l.entries = slices.DeleteFunc(l.entries, func(e *loopEntry) bool { return len(e.subscribers) == 0 })
	return true
}

func (l *loop) removeAll(pattern string) (removed []int) {
	for _, e := range l.entries {
		if e.pattern.String() == pattern {
			removed = slices.Clone(e.subscribers)
		}
	}
	for _, s := range removed {
		l.remove(s)
	}
	return removed
}

func (l *loop) matches(topic string) (all []int) {
	ids := IDs(topic)
	slices.Reverse(ids)
	ids = slices.Compact(ids)
	seen := map[*loopEntry]bool{}
	take := func(e *loopEntry, is bool) {
		if is && !seen[e] && e.pattern.Match(topic) {
			seen[e] = true
			all = append(all, e.subscribers...)
		}
	}
	for _, id := range ids {
		if id == "_" && !l.compat {
			for _, e := range l.entries {
				take(e, e.pattern.Key() != "_")
			}
		}
		for _, e := range l.entries {
			take(e, e.pattern.Key() == id)
		}
	}
	return all
}

func (l *loop) len() (n int) {
	for _, e := range l.entries {
		n += len(e.subscribers)
	}
	return n
}
