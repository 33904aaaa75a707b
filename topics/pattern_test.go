package topics

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestCompileRefuses(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		want    error
		says    string // part of the message
	}{
		{"device.changed", ErrNoNamespace, `write "<namespace>::device.changed"`},
		{"", ErrNoNamespace, "namespace is missing"},
		{"a:b", ErrNoNamespace, `"*::a:b"`},
		{"a::" + strings.Repeat("b", MaxPattern), ErrTooLong, "(1027 bytes)"},
		{"a::\xff", ErrSyntax, "not valid UTF-8"},
		{"a::(b))", ErrSyntax, `has no "("`},
		{"a::((b)", ErrSyntax, "not closed"},
		{"a::(*)", ErrSyntax, `"*" in its group has nothing to repeat`},
		{"a::(b**)", ErrSyntax, "nothing to repeat"},
		{"a::(^*)", ErrSyntax, "nothing to repeat"},
		{"a::([b)", ErrSyntax, `"[" in its group is not closed`},
		{"a::([z-a])", ErrSyntax, `"z-a"`},
		{"a::(b{3,2})", ErrSyntax, "out of order"},
		{"a::(?i:b)", ErrSyntax, `begins with "?"`},
		{"a::(?P<n>b)", ErrSyntax, `begins with "?"`},
		{"a::(?<n>b)(?<n>c)", ErrSyntax, "given twice"},
		{"a::(?<>b)", ErrSyntax, "name of a group"},
		{"a::(?=b)*", ErrUnsupported, `"(?="`},
		{"a::(?!b)*", ErrUnsupported, `"(?!"`},
		{"a::(?<=b)*", ErrUnsupported, `"(?<="`},
		{"a::(?<!b)*", ErrUnsupported, "filter the events"},
		{"a::(b{1001})", ErrUnsupported, "1000 times"},
		{"a::(b{99999999999999999999})", ErrUnsupported, "1000 times"},
		{"a::((b{40}){40})", ErrUnsupported, "1024 parts"},
		{"a::((bcdefghijkl){200})", ErrUnsupported, "1024 parts"},
	} {
		p, err := Compile(tt.pattern)
		problem, typed := errors.AsType[*PatternError](err)
		switch {
		case p != nil || !typed:
			t.Errorf("Compile(%.40q) = %v, %v", tt.pattern, p, err)
		case !errors.Is(err, tt.want):
			t.Errorf("Compile(%.40q): %v is not %q", tt.pattern, err, tt.want)
		case problem.Pattern != tt.pattern || problem.Reason == "" || problem.Hint == "":
			t.Errorf("Compile(%.40q): incomplete error %#v", tt.pattern, problem)
		case !strings.Contains(err.Error(), tt.says):
			t.Errorf("Compile(%.40q): %q does not say %q", tt.pattern, err, tt.says)
		case len(err.Error()) > 400:
			t.Errorf("Compile(%.40q): message of %d bytes", tt.pattern, len(err.Error()))
		}
	}
}

func TestCompileInternal(t *testing.T) {
	p, err := CompileInternal("gameover")
	if err != nil || !p.Match("gameover") || p.Match("gameover!") {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := CompileInternal("(a"); err != nil {
		t.Error(err) // a literal parenthesis
	}
}

func TestMustCompilePanics(t *testing.T) {
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, ErrNoNamespace) {
			t.Errorf("panic with %v", err)
		}
	}()
	MustCompile("x")
}

// TestForms holds the patterns that services use to the fast way.
func TestForms(t *testing.T) {
	for pattern, want := range map[string]form{
		"demo::device.changed":                   literal,
		"demo::a|b":                              literal,
		"demo::()":                               literal,
		"greathall::*":                           cut,
		"*::*":                                   cut,
		"*::desk@1.verb-requested":               cut,
		"*::*.<line>":                            cut,
		"*::name@*.id.suffix":                    cut,
		"Grom@t::c.(error|finished)":             cut,
		"*::*.(submit|trash)-<line>":             cut,
		"(a|b)::(c|d)":                           cut,
		"a::(b)":                                 cut,
		"a::**":                                  cut,
		"a::*\n":                                 expression,
		"(a|b)::x.(c|d)":                         expression, // the dot is any character
		"a::((b|c)|d)":                           expression,
		"a::(b*)":                                expression,
		"a::(b|c)|d(e)":                          expression,
		"a::" + strings.Repeat("(b|c|d|e|f)", 3): expression, // 125 alternatives
	} {
		if got := MustCompile(pattern).form; got != want {
			t.Errorf("%q has form %d, want %d", pattern, got, want)
		}
		if MustCompile(pattern).Literal() != (want == literal) {
			t.Errorf("%q: Literal is wrong", pattern)
		}
	}
}

func TestMatchTakesWhatEndsFirst(t *testing.T) {
	for _, tt := range []struct {
		pattern, topic string
		want           bool
	}{
		{"a::*(b|cd)*", "a::xbcd", true},
		{"a::*(b|cd)*", "a::xcdb", true},
		{"a::*(bcd|c)*", "a::xbcd", true},
		{"a::*(bcd|c)*", "a::xbc", false},
		{"a::(b|bc)*d", "a::bcd", true},
		{"a::(b|bc)*d", "a::bd", false},
		{"a::*(d|cd)", "a::cd", true},
		{"a::*(|b)*", "a::b", false},
		{"a::*(|b)*", "a::bc", true},
	} {
		if got := MustCompile(tt.pattern).Match(tt.topic); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.topic, got)
		}
	}
}

func TestMatchHalves(t *testing.T) {
	for _, tt := range []struct {
		pattern, topic string
		want           bool
	}{
		{"a::**", "a::😀", true}, // a star for each half
		{"a::***", "a::😀", false},
		{"a::***", "a::😀b", true},
		{"a::**b", "a::😀b", true},
		{"a::*b**", "a::xb😀", true},
		{"a::*b**", "a::xbé", false},
		{"a::(.)", "a::😀", false},
		{"a::(..)", "a::😀", true},
		{"a::([😀]+)", "a::😀", true},
		{"a::(😀+)", "a::😀", true},
		{"a::(😀+)", "a::😀😀", false}, // the + is for the second half
		{"a::([^a])", "a::\n", true},
		{"a::(.)", "a::\u2028", false},
		{"a::*", "a::\u2028", false},
		{"a::*", "a::…", true}, // U+2026
		{"a::*", "a::b\rc", false},
		{"a::\u2028*", "a::\u2028b", true},
		{"a::*", "a::\xff", true},
		{"a::**", "a::\xff", false},
		{"a::**", "a::\xff\xfe", true},
		{"a::(.)", "a::\xff", true},
		{"a::([b)\n]c(d])", "a::]", true}, // one class, over two lines
		{"a::([b)\n]c(d])", "a::d", true},
		{"a::([b)\n]c(d])", "a::\\", false},
		{"a::\uFFFD*", "a::\xffx", false},
		{"a::(\uFFFD)(.)", "a::\xffx", false},
	} {
		if got := MustCompile(tt.pattern).Match(tt.topic); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.topic, got)
		}
	}
}

func TestMatchLimit(t *testing.T) {
	p := MustCompile("a::*")
	if topic := "a::" + strings.Repeat("b", MaxTopic-3); !p.Match(topic) || p.Match(topic+"b") {
		t.Error("the limit of a topic is not 4096 bytes")
	}
	r := NewRouter[int]()
	r.Add(p, 1)
	if topic := "a::" + strings.Repeat("b", MaxTopic-3); len(r.AppendMatches(nil, topic)) != 1 || len(r.AppendMatches(nil, topic+"b")) != 0 {
		t.Error("the router has another limit")
	}
}

func TestCaptures(t *testing.T) {
	for _, tt := range []struct {
		pattern, topic string
		want           []string
	}{
		{"a::b", "a::b", nil},
		{"thermo::*.changed", "thermo::kitchen.changed", []string{"kitchen"}},
		{"*::*", "a::b::c", []string{"a::b", "c"}},
		{"*::*.*", "a::b.c.d", []string{"a", "b.c", "d"}},
		{"*::*b*", "a::bbb", []string{"a", "b", "b"}},
		{"*::*é*", "a::xéé", []string{"a", "x", "é"}},
		{"*::**", "a::bcd", []string{"a", "bc", "d"}},
		{"a::*.(x|y)", "a::b.y", []string{"b", "y"}},
		{"a::(x)", "a::x", []string{"x"}},
		{"a::((b)|c)", "a::c", []string{"c", ""}},
		{"a::(?<n>b)*", "a::bé", []string{"b", "é"}},
		{"a::(?:b|c)*", "a::bd", []string{"d"}},
		{"a::**", "a::😀", []string{"\uFFFD", "\uFFFD"}},
	} {
		got, ok := MustCompile(tt.pattern).Captures(tt.topic)
		if !ok || !slices.Equal(got, tt.want) {
			t.Errorf("%q on %q captures %q, %v", tt.pattern, tt.topic, got, ok)
		}
	}
	if got, ok := MustCompile("a::*").Captures("b::c"); ok || got != nil {
		t.Errorf("captured %q of another topic", got)
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	for _, tt := range [][2]string{
		{"a::b", "a::b"},
		{"*::*.<line>", "Grom@0123456789abcdef::x.<line>"},
		{"*::**", "a::😀"},
		{"(a|b)::x.(c|d)", "a::x.d"},
	} {
		p := MustCompile(tt[0])
		if n := testing.AllocsPerRun(100, func() { p.Match(tt[1]); p.Match("another::topic") }); n != 0 {
			t.Errorf("%q: %v allocations", tt[0], n)
		}
	}
}

// TestMatchIsLinear counts the bytes that are compared and searched.
func TestMatchIsLinear(t *testing.T) {
	for _, tt := range []struct{ pattern, fill string }{
		{"*::" + strings.Repeat("*a", 500) + "b", "a"},
		{"*::" + strings.Repeat("*a", 500) + "*b", "a"},
		{"*::" + strings.Repeat("*a", 250) + "(b|c|)" + strings.Repeat("*a", 240), "a"},
		{"*::" + strings.Repeat("*ab", 300), "a"},
		{"*::*(" + strings.Repeat("a|", 63) + "b)*c", "a"},
		{"*::*(aaaab|aaac|aad|ae|af|ag)" + strings.Repeat("*a", 300), "a"},
	} {
		p := MustCompile(tt.pattern)
		if p.form != cut {
			t.Fatalf("%.30q is matched by package regexp", tt.pattern)
		}
		forms := 0
		for _, part := range p.parts {
			forms = max(forms, len(part.more))
		}
		for size := 64; size <= MaxTopic; size *= 2 {
			topic := "ns::" + strings.Repeat(tt.fill, size-4)
			if _, looked := matchParts(p.parts, topic); looked > (2+forms)*size {
				t.Errorf("%.30q looked at %d bytes of a topic of %d", tt.pattern, looked, size)
			}
		}
	}
}
