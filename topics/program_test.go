package topics

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A program matches what its parts match.
func TestProgramsAreParts(t *testing.T) {
	pieces := []string{"a", "b", "::", "*", ".", "x.y", "(a|b)", "(ab|b|)", "é", "𝄞", "<l>", "\n"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 8).Draw(t, "pattern"), "")
		parts := cutParts(text)
		if parts == nil {
			t.Skip("it has no parts: RE2 matches it")
		}
		p := programOf(parts)
		alphabet := []string{"a", "b", "ab", "::", ".", "x.y", "é", "𝄞", "<l>", "\n", "\xff"}
		topic := strings.Join(rapid.SliceOfN(rapid.SampledFrom(alphabet), 0, 8).Draw(t, "topic"), "")
		if want, _ := matchParts(parts, topic); p.match(topic) != want {
			t.Fatalf("%q and %q: %v, want %v", text, topic, !want, want)
		}
	})
}

func TestTooLongForAProgram(t *testing.T) {
	// The longest of all: as many forms as there can be, each as long as can be.
	form := strings.Repeat("a", 900)
	pattern := "x::" + form + "(b|c|d|e)" + "(" + strings.Repeat("f|", 15) + "g)"
	if len(pattern) > MaxPattern {
		t.Fatal("no pattern")
	}
	p, err := Compile(pattern)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRouter[int]()
	r.Add(p, 1)
	if got := r.AppendMatches(nil, "x::"+form+"cg"); len(got) != 1 {
		t.Errorf("%d subscribers", len(got))
	}
	if got := r.AppendMatches(nil, "x::"+form+"ch"); len(got) != 0 {
		t.Errorf("%d subscribers", len(got))
	}
}
