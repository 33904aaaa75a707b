package topics

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// FuzzPattern holds each pattern that is matched part by part to the regular
// expression of the same pattern, and its index to what it matches.
func FuzzPattern(f *testing.F) {
	for _, v := range vectors[patternVector](f, "topics.json") {
		for _, topic := range v.Topics {
			f.Add(v.Pattern, topic.Topic)
		}
	}
	f.Add("*::*.(submit|rollback)-<line>", "Grom@1::x.rollback-<line>")
	f.Add("a::***b**", "a::😀b\xff\xfe")
	f.Fuzz(func(t *testing.T, pattern, topic string) {
		p, err := CompileInternal(pattern)
		if err != nil {
			if err.Error() == "" || len(err.Error()) > 2000 {
				t.Errorf("error %q", err)
			}
			return
		}
		sameAsRegexp(t, p, topic)
		foundByWords(t, p, topic)
	})
}

func TestPartsAreTheRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "aa", "*", "*", "**", "é", "😀", "::", "."}), 0, 5),
			func(s []string) string { return strings.Join(s, "") })
		pattern := pieces.Draw(t, "before") +
			rapid.SampledFrom([]string{"", "(a|b)", "(b|aa)", "x(ab|a)", "(aa|a|)", "(a|b)(ab|::)"}).Draw(t, "group") +
			pieces.Draw(t, "behind")
		p, err := CompileInternal(pattern)
		if err != nil {
			t.Skip(err)
		}
		topic := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "aa", "é", "😀", "::", ".", "\n", "\u2028", "\xff"}), 0, 9).Draw(t, "topic"), "")
		sameAsRegexp(t, p, topic)
		foundByWords(t, p, topic)
	})
}

type errorf interface{ Errorf(string, ...any) }

func sameAsRegexp(t errorf, p *Pattern, topic string) {
	if len(topic) > MaxTopic {
		return
	}
	re, _, err := compileRegexp(p.text)
	if err != nil {
		t.Errorf("%q compiles into parts only: %v", p, err)
		return
	}
	if got, want := p.Match(topic), matchRegexp(re, topic); got != want {
		t.Errorf("%q matches %q: %v, the regular expression says %v", p, topic, got, want)
	}
	got, ok := p.Captures(topic)
	other := &Pattern{form: expression, text: p.text}
	other.expr.Store(re)
	want, wanted := other.Captures(topic)
	if p.Literal() {
		want = nil
	}
	if ok != wanted || !slices.Equal(got, want) {
		t.Errorf("%q on %q captures %q %v, the regular expression %q %v", p, topic, got, ok, want, wanted)
	}
	if ordinary(topic) && !strings.ContainsRune(p.text, '(') {
		plain := regexp.MustCompile(`(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(p.text), `\*`, `.+`) + `$`)
		if got, want := p.Match(topic), plain.MatchString(topic); got != want {
			t.Errorf("%q matches %q: %v, a plain expression says %v", p, topic, got, want)
		}
	}
}

// foundByWords checks the promise of anchors.
func foundByWords(t errorf, p *Pattern, topic string) {
	if !p.Match(topic) || p.Literal() {
		return
	}
	words := wordsOf(topic, true, true)
	for _, choice := range p.anchors() {
		if !slices.ContainsFunc(choice, func(word string) bool { return slices.Contains(words, word) }) {
			t.Errorf("%q matches %q, which has none of the words %q", p, topic, choice)
		}
	}
}

func TestAnchors(t *testing.T) {
	for pattern, want := range map[string][][]string{
		"demo::ticked":             {{"demo::ticked"}},
		"demo::*":                  {{"demo"}},
		"*::*":                     nil,
		"*::desk@1*":               nil,
		"*::*.<my-line>":           {{"my-line"}},
		"*::name@*.id.suffix":      {{"suffix"}, {"id"}},
		"a@b::c.0-1.(done|failed)": {{"a@b"}, {"0-1"}, {"c"}},
		"*::(changed|released)":    {{"changed", "released"}},
		"(ab|cd)::x*":              {{"ab", "cd"}},
		"*::(x*|y).z":              {{"z"}},
		"q::(x*|y).*.z":            {{"q"}, {"z"}},
		"q::(x)|y(z)":              nil,
	} {
		if got := MustCompile(pattern).anchors(); !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q is filed under %q, want %q", pattern, got, want)
		}
	}
}

// FuzzIDs holds the ids to their expression, and their order to its rule.
func FuzzIDs(f *testing.F) {
	for _, v := range vectors[struct{ Topic string }](f, "extract-ids.json") {
		f.Add(v.Topic)
	}
	expr := regexp.MustCompile(`[^<>.:*]+@[^<>.:*]+|\.[a-z0-9]+(?:-[a-z0-9]+){4}\.|<[a-zA-Z.-]+>`)
	f.Fuzz(func(t *testing.T, topic string) {
		var want []string
		for _, id := range expr.FindAllString(topic, -1) {
			switch {
			case id[0] == '<':
				want = slices.Insert(want, 0, id)
			case id[0] == '.' || len(want) <= 2:
				want = append(want, id)
			default:
				want = slices.Insert(want, len(want)-2, id)
			}
		}
		want = slices.Insert(want, 0, "_")
		if got := IDs(topic); !slices.Equal(got, want) {
			t.Errorf("%q: ids %q, want %q", topic, got, want)
		}
		if got := Key(topic); got != want[len(want)-1] {
			t.Errorf("%q: key %q", topic, got)
		}
		if got := appendIDs([]string{"x", "y"}, topic); !slices.Equal(got[2:], want) || got[0] != "x" || got[1] != "y" {
			t.Errorf("%q: appended %q, want %q", topic, got, want)
		}
	})
}
