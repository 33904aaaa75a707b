package topics

import (
	"fmt"
	"slices"
	"strings"
	"testing"
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

// TestChanges: what was found may be kept until it changes.
func TestChanges(t *testing.T) {
	r := NewRouter[string]()
	seen := map[uint64]bool{r.Changes(): true}
	changed := func(what string, want bool) {
		t.Helper()
		if now := r.Changes(); seen[now] == want {
			t.Errorf("%s is seen as a change: %v, want %v", what, !want, want)
		}
		seen[r.Changes()] = true
	}
	first := add(t, r, "a::*", "1")
	changed("a subscription", true)
	add(t, r, "a::*", "2")
	changed("one more to the same pattern", true)
	r.AppendMatches(nil, "a::b")
	changed("a lookup", false)
	r.Remove(first)
	changed("the end of one", true)
	r.Remove(first)
	changed("the end of one that has ended", false)
	r.RemoveAll("a::*")
	changed("the end of all", true)
	r.RemoveAll("a::*")
	changed("the end of none", false)
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
	if r.cells.used < n || r.rest.size() != 0 {
		t.Errorf("%d cells, %d patterns without one", r.cells.used, r.rest.size())
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
		if want := n / 100; r.Len() != want || r.cells.used != want || len(r.entries) != want || r.known.live != want {
			t.Fatalf("%d subscriptions, %d cells, %d entries, %d known, want %d", r.Len(), r.cells.used, len(r.entries), r.known.live, want)
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
