package topics

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckTopic(t *testing.T) {
	for topic, want := range map[string]error{
		"a::b":                            nil,
		"Grom@0123::demo.echo.<l>":        nil,
		"a::b::c":                         nil,
		"é::😀":                            nil,
		"a::" + strings.Repeat("b", 4093): nil,
		"a::" + strings.Repeat("b", 4094): ErrTooLong,
		"ab":                              ErrNoNamespace,
		"":                                ErrNoNamespace,
		"gameover":                        ErrNoNamespace,
		"::b":                             ErrBadTopic,
		"a::":                             ErrBadTopic,
		"a::\xff":                         ErrBadTopic,
		"a::b\nc":                         ErrBadTopic,
		"a::b\u2028":                      ErrBadTopic,
	} {
		err := CheckTopic(topic)
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("CheckTopic(%.30q) = %v, want %v", topic, err, want)
		}
		if problem, ok := errors.AsType[*TopicError](err); want != nil && (!ok || problem.Hint == "" || problem.Reason == "" || len(err.Error()) > 400) {
			t.Errorf("CheckTopic(%.30q): incomplete error %v", topic, err)
		}
	}
}

func TestSplitAndExpand(t *testing.T) {
	for _, tt := range []struct {
		topic, namespace, name string
		relative               bool
		expanded               string
	}{
		{"a::b", "a", "b", false, "a::b"},
		{"a::b::c", "a", "b::c", false, "a::b::c"},
		{"b.c", "", "b.c", true, "Grom@1::b.c"},
		{"a:b", "", "a:b", true, "Grom@1::a:b"},
		{"", "", "", true, "Grom@1::"},
		{"::b", "", "b", false, "::b"},
		{"*.(x|y)", "", "*.(x|y)", true, "Grom@1::*.(x|y)"},
	} {
		namespace, name, ok := Split(tt.topic)
		if namespace != tt.namespace || name != tt.name || ok == tt.relative {
			t.Errorf("Split(%q) = %q, %q, %v", tt.topic, namespace, name, ok)
		}
		if got := IsRelative(tt.topic); got != tt.relative {
			t.Errorf("IsRelative(%q) = %v", tt.topic, got)
		}
		if got := Expand(tt.topic, "Grom@1"); got != tt.expanded {
			t.Errorf("Expand(%q) = %q", tt.topic, got)
		}
	}
}

// TestLongIDs has topics that are made of nothing but ids.
func TestLongIDs(t *testing.T) {
	for _, word := range []string{"<a>", "a@b.", ".a-a-a-a-a.", "<a>a@b."} {
		topic := strings.Repeat(word, MaxTopic/len(word))
		if ids := IDs(topic); len(ids) < MaxTopic/len(word) || ids[0] != "_" {
			t.Errorf("%d ids of %q", len(ids), word)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add("a.b:c<d>e", "\n")
	f.Add("abcdefgh.", "éé\u2028")
	for n := range 40 {
		for i := range n {
			s := []byte(strings.Repeat("a", n))
			s[i] = ".:<>\n\r\r\xe2"[i%8]
			f.Add(string(s), string(s[i:]))
		}
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		for i := range len(s) + 1 {
			want := len(s)
			if n := strings.IndexAny(s[i:], ".:<>"); n >= 0 {
				want = i + n
			}
			if got := nextBorder(s, i); got != want {
				t.Fatalf("border of %q from %d on is %d, want %d", s, i, got, want)
			}
		}
		for _, text := range []string{s, other, s + other} {
			want := true
			for i := range len(text) {
				want = want && text[i] >= 0x0E && text[i] < 0x80
			}
			if got := ordinary(text); got != want {
				t.Fatalf("%q is ordinary: %v", text, got)
			}
			want = strings.IndexByte(text, '\n') >= 0 || strings.IndexByte(text, '\r') >= 0 ||
				strings.Contains(text, "\u2028") || strings.Contains(text, "\u2029")
			if got := hasLineBreak(text); got != want {
				t.Fatalf("%q has a line break: %v", text, got)
			}
		}
	})
}
