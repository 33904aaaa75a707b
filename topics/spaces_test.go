package topics

import (
	"fmt"
	"testing"
)

func TestNamespaceOfAPattern(t *testing.T) {
	for pattern, want := range map[string]string{
		"a::b": "a", "a::*": "a", "a::b.*.c": "a", "a::(b|c)": "", "a::*.(b|c)": "a", "a:::b*": "a", "a@b::x.<l>": "a@b",
		"*::b": "", "a*::b": "", "(a|b)::c": "", "a:*": "", "a::x.(b*)": "", "q::(x)|(b)": "", "gameover": "",
	} {
		p, err := CompileInternal(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := p.namespace(); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, %v, want %q", pattern, got, ok, want)
		}
	}
}

// Namespaces that no pattern is about are told apart from the others, all but
// the few that share a counter.
func TestReaches(t *testing.T) {
	r := NewRouter[int]()
	sub := r.Add(MustCompile("mine::*"), 1)
	unreached := 0
	for i := range 200 {
		if !r.Reaches(fmt.Sprintf("other%d", i)) {
			unreached++
		}
	}
	if !r.Reaches("mine") || unreached < 100 {
		t.Errorf("mine: %v, %d of 200 others are not reached", r.Reaches("mine"), unreached)
	}
	open := r.Add(MustCompile("*::end"), 2)
	r.Remove(sub)
	if !r.Reaches("mine") || !r.Reaches("other1") {
		t.Error("a pattern for all namespaces reaches each")
	}
	r.Remove(open)
	if r.Reaches("mine") || r.Reaches("other1") {
		t.Error("no pattern is left, and one is reached")
	}
}
