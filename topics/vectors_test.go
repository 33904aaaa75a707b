package topics

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// lookAround are the patterns that the reference compiles and RE2 does not.
var lookAround = []string{"(?=a)a", "(?!a)*"}

func TestPatternsOfTheReference(t *testing.T) {
	topics := 0
	for _, file := range []string{"topics.json", "generated.json"} {
		for _, v := range vectors[patternVector](t, file) {
			if got := source(v.Pattern); got != v.Regexp {
				t.Errorf("%q: regular expression %s, want %s", v.Pattern, got, v.Regexp)
			}
			if got := IDs(v.Pattern); !slices.Equal(got, v.Ids) {
				t.Errorf("%q: ids %q, want %q", v.Pattern, got, v.Ids)
			}
			if got := Key(v.Pattern); got != v.Key {
				t.Errorf("%q: key %q, want %q", v.Pattern, got, v.Key)
			}
			p, err := CompileInternal(v.Pattern)
			switch {
			case v.Invalid != "":
				if !errors.Is(err, ErrSyntax) {
					t.Errorf("%q: error %v, the reference has %q", v.Pattern, err, v.Invalid)
				}
				continue
			case slices.Contains(lookAround, v.Pattern):
				if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "looks ahead") {
					t.Errorf("%q: error %v", v.Pattern, err)
				}
				continue
			case err != nil:
				t.Errorf("%q: %v", v.Pattern, err)
				continue
			}
			strict, lenient := NewRouter[int](Compat()), NewRouter[int]()
			strict.Add(p, 1)
			lenient.Add(p, 1)
			for _, topic := range v.Topics {
				topics++
				if got := p.Match(topic.Topic); got != topic.Match {
					t.Errorf("%q matches %q: %v, want %v", v.Pattern, topic.Topic, got, topic.Match)
				}
				if got := len(strict.AppendMatches(nil, topic.Topic)) == 1; got != topic.Delivered {
					t.Errorf("compat: %q delivers %q: %v, want %v", v.Pattern, topic.Topic, got, topic.Delivered)
				}
				if got := len(lenient.AppendMatches(nil, topic.Topic)) == 1; got != topic.Match {
					t.Errorf("%q delivers %q: %v, want %v", v.Pattern, topic.Topic, got, topic.Match)
				}
			}
		}
	}
	if topics < 250 {
		t.Errorf("only %d topics were tried", topics)
	}
}

func TestIDsOfTheReference(t *testing.T) {
	for _, v := range vectors[struct {
		Topic string
		Ids   []string
	}](t, "extract-ids.json") {
		if got := IDs(v.Topic); !slices.Equal(got, v.Ids) {
			t.Errorf("%q: ids %q, want %q", v.Topic, got, v.Ids)
		}
	}
}

func TestLineIDOfTheReference(t *testing.T) {
	for _, v := range vectors[struct {
		Topic  string
		LineID *string
	}](t, "extract-line-id.json") {
		line, ok := LineID(v.Topic)
		if ok != (v.LineID != nil) || ok && line != *v.LineID {
			t.Errorf("%q: line %q %v, want %v", v.Topic, line, ok, v.LineID)
		}
	}
}
