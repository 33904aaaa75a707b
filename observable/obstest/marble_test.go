package obstest

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	tests := []struct {
		in     string
		marks  []mark
		length time.Duration
	}{
		{"", nil, 0},
		{"--", nil, ms(2)},
		{"a-B7|", []mark{{0, Next, "a"}, {ms(2), Next, "B"}, {ms(3), Next, "7"}, {ms(4), Complete, ""}}, ms(5)},
		{"-(ab#)", []mark{{ms(1), Next, "a"}, {ms(1), Next, "b"}, {ms(1), Failed, ""}}, ms(2)},
		{" -  {ten} ", []mark{{ms(1), Next, "ten"}}, ms(2)},
		{"a 30ms b 1s |", []mark{{0, Next, "a"}, {ms(31), Next, "b"}, {ms(1032), Complete, ""}}, ms(1033)},
		{"|--", []mark{{0, Complete, ""}}, ms(3)},
		{"a 5 b", []mark{{0, Next, "a"}, {ms(1), Next, "5"}, {ms(2), Next, "b"}}, ms(3)},
	}
	for _, tt := range tests {
		d, err := parse(tt.in)
		if err != nil || !slices.Equal(d.marks, tt.marks) || d.length != tt.length {
			t.Errorf("parse(%q) = %v, length %v, %v; want %v, length %v", tt.in, d.marks, d.length, err, tt.marks, tt.length)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]string{
		"(ab":        "not closed",
		"ab)":        "no group is open",
		"((a))":      "a group in a group",
		"(a-b)":      "no time passes in a group",
		"( 3ms )":    "no time passes in a group",
		"|a":         "nothing may follow the end",
		"#|":         "nothing may follow the end",
		"{abc":       "not closed",
		"a 3ms":      "a space must follow",
		"a 1500us b": "not a positive number of frames",
		"a -3ms b":   "not a positive number of frames",
		"a*b":        "this sign means nothing",
		"é":          "this sign means nothing",
	} {
		if _, err := parse(in); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), in) {
			t.Errorf("parse(%q): %v; want an error that names the diagram and says %q", in, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "-a-b|", "(ab)#", "{x} 5ms y", "a  9h b", "((", "\xff", "-(a{ }|)--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parse(s)
		if err != nil {
			return
		}
		again, err := parse(draw(d.marks))
		if err != nil || !slices.Equal(again.marks, d.marks) {
			t.Errorf("%q is drawn as %q, which reads %v, %v; want %v", s, draw(d.marks), again.marks, err, d.marks)
		}
	})
}
