package topics

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func add(t testing.TB, r *Router[string], pattern, subscriber string) *Subscription[string] {
	t.Helper()
	p, err := CompileInternal(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return r.Add(p, subscriber)
}

// TestOrder is the order of the reference (protocol §6.2).
func TestOrder(t *testing.T) {
	const uuid = "01234567-89ab-cdef-0123-456789abcdef"
	r := NewRouter[string]()
	add(t, r, "*::*", "all")
	add(t, r, "*::x."+uuid+".*", "uuid 1")
	add(t, r, "a@b::*", "orc")
	add(t, r, "a@b::x."+uuid+".y", "uuid 2")
	add(t, r, "*::*", "all again")
	add(t, r, "*.y", "end")
	add(t, r, "*::x."+uuid+".*", "uuid 1 again")
	want := "uuid 1, uuid 1 again, uuid 2, orc, all, all again, end"
	if got := strings.Join(r.AppendMatches(nil, "a@b::x."+uuid+".y"), ", "); got != want {
		t.Errorf("order %s, want %s", got, want)
	}
	add(t, r, "a@b::x*(@q|y)", "missed 1") // its key, "(@q|y)", is no id
	add(t, r, "(a@b|a@c)::*", "missed 2")
	want = "uuid 1, uuid 1 again, uuid 2, orc, missed 1, missed 2, all, all again, end"
	if got := strings.Join(r.AppendMatches(nil, "a@b::x."+uuid+".y"), ", "); got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

func TestSharedPattern(t *testing.T) {
	r := NewRouter[string]()
	first, second, third := add(t, r, "a::*", "1"), add(t, r, "a::*", "2"), add(t, r, "a::*", "3")
	listeners := func() string { return strings.Join(r.AppendMatches(nil, "a::b"), "") }
	for _, step := range []struct {
		remove *Subscription[string]
		there  bool
		left   string
	}{
		{nil, false, "123"},
		{second, true, "13"},
		{second, false, "13"},
		{first, true, "3"},
		{third, true, ""},
		{third, false, ""},
	} {
		if there := r.Remove(step.remove); there != step.there || listeners() != step.left || r.Len() != len(step.left) {
			t.Fatalf("Remove said %v; %q of %d are left, want %q", there, listeners(), r.Len(), step.left)
		}
	}
	fourth := add(t, r, "a::*", "4")
	add(t, r, "a::*", "5")
	if got := r.RemoveAll("a::*"); !slices.Equal(got, []string{"4", "5"}) || r.Len() != 0 || listeners() != "" {
		t.Errorf("RemoveAll removed %q", got)
	}
	if r.Remove(fourth) || r.RemoveAll("a::*") != nil {
		t.Error("removed twice")
	}
}

// TestInternalSubscriptionStays is defect 26 of the reference: who subscribes
// to greathall::* and leaves must not take the client's own one with him.
func TestInternalSubscriptionStays(t *testing.T) {
	r := NewRouter[string]()
	add(t, r, "greathall::*", "internal")
	user := add(t, r, "greathall::*", "user")
	r.Remove(user)
	r.Remove(user)
	if got := r.AppendMatches(nil, "greathall::heartbeat"); !slices.Equal(got, []string{"internal"}) {
		t.Errorf("listeners %q", got)
	}
}

// TestOncePerEntry has topics that lead to the same entry by several words.
func TestOncePerEntry(t *testing.T) {
	r := NewRouter[string]()
	add(t, r, "*::*(alpha|beta).*", "1")
	add(t, r, "echo::*", "2")
	add(t, r, "gameover", "3")
	for topic, want := range map[string]string{
		"x::alpha.beta.alpha.c": "1",
		"echo::echo.echo":       "2",
		"gameover":              "3",
		"gameover::gameover":    "",
		"":                      "",
	} {
		if got := strings.Join(r.AppendMatches(nil, topic), ","); got != want {
			t.Errorf("%q: %q, want %q", topic, got, want)
		}
	}
	add(t, r, "", "4")
	if got := strings.Join(r.AppendMatches(nil, ""), ","); got != "4" {
		t.Errorf("the empty topic goes to %q", got)
	}
}

func TestEachMayChangeTheRouter(t *testing.T) {
	r := NewRouter[string]()
	subs := map[string]*Subscription[string]{}
	for _, s := range []string{"1", "2", "3"} {
		subs[s] = add(t, r, "a::*", s)
	}
	called := ""
	r.Each("a::b", func(s string) {
		called += s
		r.Remove(subs[s])
		r.Each("a::b", func(s string) { called += "(" + s + ")" })
	})
	if want := "1(2)(3)2(3)3"; called != want {
		t.Errorf("called %s, want %s", called, want)
	}
	if r.Len() != 0 {
		t.Errorf("%d are left", r.Len())
	}
}

func TestAddPanicsWithoutPattern(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "Compile") {
			t.Errorf("panic with %v", text)
		}
	}()
	NewRouter[int]().Add(nil, 1)
}

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
		if size != c.size || word && size == 0 {
			t.Fatalf("a cell of %d says %d", size, c.size)
		}
		nodes += size
	}
	walk(r.rest, false)
	for hash, c := range r.cells {
		walk(c, true)
		if h, ok := r.known.mayHave(c.head.word); !ok || h != hash {
			t.Fatalf("the filter does not know %q", c.head.word)
		}
	}
	for _, e := range r.entries {
		filed += len(e.nodes)
	}
	if nodes != filed || r.known.live != len(r.cells) {
		t.Fatalf("%d nodes in cells, %d in entries; %d words, %d known", nodes, filed, len(r.cells), r.known.live)
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

// TestManyPatterns fills and empties a router, so that the index and its filter
// grow, go stale and are built anew.
func TestManyPatterns(t *testing.T) {
	const n = 20_000
	patterns, wanted := population(n)
	r := NewRouter[int]()
	subs := make([]*Subscription[int], n)
	for i, p := range patterns {
		subs[i] = r.Add(p, i)
	}
	byTopic := func(topic string) []int { return r.AppendMatches(nil, topic) }
	for _, topic := range wanted {
		got := byTopic(topic)
		if len(got) != 1 || !patterns[got[0]].Match(topic) {
			t.Fatalf("%q goes to %v", topic, got)
		}
	}
	if len(r.cells) < n || r.rest.size != 0 {
		t.Errorf("%d cells, %d patterns without one", len(r.cells), r.rest.size)
	}
	for round := range 3 {
		for i := range n {
			if i%100 != round {
				r.Remove(subs[i])
			}
		}
		for _, topic := range wanted {
			if got := byTopic(topic); len(got) > 1 || len(got) == 1 && got[0]%100 != round {
				t.Fatalf("round %d: %q goes to %v", round, topic, got)
			}
		}
		if want := n / 100; r.Len() != want || len(r.cells) != want || len(r.entries) != want || r.known.live != want {
			t.Fatalf("%d subscriptions, %d cells, %d entries, %d known, want %d", r.Len(), len(r.cells), len(r.entries), r.known.live, want)
		}
		for i := range n {
			if i%100 != round {
				subs[i] = r.Add(patterns[i], i)
			}
		}
		if room := len(r.known.bits) * 64; room > 64*n {
			t.Fatalf("the filter has grown to %d bits", room)
		}
	}
	for _, topic := range wanted {
		if got := byTopic(topic); len(got) != 1 {
			t.Fatalf("%q goes to %v", topic, got)
		}
	}
}

// TestFilterForgets has more words come and go than the filter has room for.
func TestFilterForgets(t *testing.T) {
	r := NewRouter[int]()
	word := func(i int) string { return fmt.Sprintf("word-%04d", i) }
	for i := range 5000 {
		r.Remove(r.Add(MustCompile(word(i)+"::*"), i))
	}
	known := 0
	for i := range 1000 {
		if _, ok := r.known.mayHave(word(i)); ok {
			known++
		}
	}
	if known > 500 {
		t.Errorf("%d of 1000 forgotten words are known", known)
	}
}

func TestDispatchAllocatesNothing(t *testing.T) {
	for _, r := range []*Router[int]{NewRouter[int](), NewRouter[int](Compat())} {
		for i, pattern := range []string{"*::*", "a@b::*", "*::<l>.*", "a@b::<l>.(c|d).0-1-2-3-4.*", "a::b", "(a|b)::c"} {
			r.Add(MustCompile(pattern), i)
		}
		dst := make([]int, 0, 8)
		for topic, hits := range map[string]int{"a@b::<l>.c.0-1-2-3-4.x": 4, "a::b": 2, "nobody": 0} {
			if n := testing.AllocsPerRun(100, func() { dst = r.AppendMatches(dst[:0], topic) }); n != 0 || len(dst) != hits {
				t.Errorf("%q: %v allocations, %d listeners", topic, n, len(dst))
			}
		}
	}
}
