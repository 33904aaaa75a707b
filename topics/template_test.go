package topics

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseTemplateRefuses(t *testing.T) {
	for text, want := range map[string]struct {
		err  error
		says string
	}{
		"thermo.{room}":            {ErrNoNamespace, "namespace is missing"},
		"thermo::*.{room}":         {ErrSyntax, "no * and no groups"},
		"thermo::(a|b).{room}":     {ErrSyntax, "no * and no groups"},
		"thermo::{room":            {ErrSyntax, "not closed"},
		"thermo::{}":               {ErrSyntax, "not closed"},
		"thermo::{ro.om}":          {ErrSyntax, "letters, digits"},
		"thermo::room}":            {ErrSyntax, `no "{"`},
		"thermo::{a}{b}":           {ErrSyntax, "nothing divides"},
		"thermo::{a}-{b}":          {ErrSyntax, "nothing divides"},
		"thermo::{a}.{a}":          {ErrSyntax, "twice"},
		strings.Repeat("a::", 400): {ErrTooLong, "1024"},
	} {
		_, err := ParseTemplate(text)
		if problem, ok := errors.AsType[*PatternError](err); !ok || !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.says) || problem.Hint == "" {
			t.Errorf("ParseTemplate(%.40q): %v", text, err)
		}
	}
}

func template(t testing.TB, text string) *Template {
	t.Helper()
	tpl, err := ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func TestTemplateParse(t *testing.T) {
	for _, tt := range []struct {
		text, topic string
		want        map[string]string // nil: another topic
	}{
		{"thermo::{room}.changed", "thermo::kitchen.changed", map[string]string{"room": "kitchen"}},
		{"thermo::{room}.changed", "thermo::kitchen.east.changed", nil},
		{"thermo::{room}.changed", "thermo::kitchen", nil},
		{"thermo::{room}.changed", "thermo::.changed", nil},
		{"thermo::{room}.changed", "thermo::kitchen.changed.x", nil},
		{"thermo::{room}.changed", "other::kitchen.changed", nil},
		{"{orc}::desk@{n}.<{line}>", "Grom@1::desk@12.<a-b>", map[string]string{"orc": "Grom@1", "n": "12", "line": "a-b"}},
		{"a::x{b}-y.{c}-z", "a::xp-y-y.q-z-z", map[string]string{"b": "p-y", "c": "q-z"}},
		{"a::x{b}-y.{c}-z", "a::x-y.q-z", nil},
		{"a::{b}", "a::b", map[string]string{"b": "b"}},
		{"a::{b}", "a::b\nc", nil},
		{"a::{b}", "a::" + strings.Repeat("b", MaxTopic), nil},
		{"a::b", "a::b", map[string]string{}},
		{"a::b", "a::bc", nil},
	} {
		tpl := template(t, tt.text)
		got, ok := tpl.Parse(tt.topic)
		if ok != (tt.want != nil) || !maps.Equal(got, tt.want) {
			t.Errorf("%q on %.40q: %v, %v", tt.text, tt.topic, got, ok)
		}
		if ok && !tpl.Pattern().Match(tt.topic) {
			t.Errorf("the pattern %q of %q does not match %q", tpl.Pattern(), tt.text, tt.topic)
		}
	}
}

func TestTemplateBuildRefuses(t *testing.T) {
	tpl := template(t, "thermo::{room}.changed")
	for _, tt := range []struct {
		values map[string]string
		says   string
	}{
		{nil, "no value for {room}"},
		{map[string]string{"room": ""}, "not one word"},
		{map[string]string{"room": "a.b"}, `"a.b" for {room} is not one word`},
		{map[string]string{"room": "a\nb"}, "not one word"},
		{map[string]string{"room": "\xff"}, "not one word"},
		{map[string]string{"room": "a", "floor": "1"}, "no place {floor}"},
		{map[string]string{"room": strings.Repeat("a", MaxTopic)}, "4096 bytes"},
	} {
		topic, err := tpl.Build(tt.values)
		if _, ok := errors.AsType[*TopicError](err); topic != "" || !ok || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Build(%.60q) = %.40q, %v", tt.values, topic, err)
		}
	}
}

func TestTemplateGoesBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"one", "two", "three"}[:rapid.IntRange(0, 3).Draw(t, "places")]
		fixed := rapid.SampledFrom([]string{"::", "::x", "-x::y-", ".", "<a>", "-:-"})
		text, values := rapid.SampledFrom([]string{"a::", "a::b", ""}).Draw(t, "begin"), map[string]string{}
		for _, name := range names {
			text += "{" + name + "}" + fixed.Draw(t, "fixed")
			values[name] = rapid.StringMatching(`[-a-z@xé\x{1F600}*()|]{1,6}`).Draw(t, "value")
		}
		tpl, err := ParseTemplate(text + "z")
		if err != nil {
			t.Skip(err)
		}
		if got := tpl.Names(); !slices.Equal(got, names) {
			t.Fatalf("names %q", got)
		}
		topic, err := tpl.Build(values)
		if err != nil {
			t.Skip(err)
		}
		got, ok := tpl.Parse(topic)
		if !ok || !maps.Equal(got, values) {
			t.Fatalf("%q built %q of %q and found %q", tpl, topic, values, got)
		}
		if !tpl.Pattern().Match(topic) {
			t.Fatalf("%q does not match %q", tpl.Pattern(), topic)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	f.Add("thermo::{room}.changed", "thermo::kitchen.changed")
	f.Add("{orc}::desk@{n}.<{line}>", "Grom@1::desk@12.<a-b>")
	f.Add("a::x{b}-y.{c}-z", "a::xp-y-y.q-z-z")
	f.Fuzz(func(t *testing.T, text, topic string) {
		tpl, err := ParseTemplate(text)
		if err != nil {
			return
		}
		values, ok := tpl.Parse(topic)
		if !ok {
			return
		}
		if !tpl.Pattern().Match(topic) {
			t.Errorf("the pattern of %q does not match %q", tpl, topic)
		}
		if built, err := tpl.Build(values); built != topic && CheckTopic(topic) == nil {
			t.Errorf("%q finds %q in %q and builds %q of them, %v", tpl, values, topic, built, err)
		}
	})
}
