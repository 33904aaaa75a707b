package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the demo says: each line once or more, those of one subject in this order.
func TestDemo(t *testing.T) {
	text := printed(t, func() error { return run(t.Context()) })
	said := make(map[string][]string)
	for line := range strings.Lines(text) {
		what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		said[what] = append(said[what], strings.TrimSpace(rest))
	}
	for what, want := range map[string][]string{
		"hall":     {`^xcraft://127\.0\.0\.1:\d+\?events=\d+$`},
		"registry": {`(^|, )thermo\.read($|,)`},
		"result":   {`^\{Room:attic Celsius:19\.5\}$`},
		"error":    {`"thermo\.reed".* did you mean "thermo\.read"\?`},
		"event":    {`thermo::changed.*20`, `thermo::changed.*21`, `thermo::changed.*22`, `thermo::changed.*25`},
		"cut":      {`the link is cut now`},
		"gap":      {`.`},
	} {
		if got := said[what]; len(got) != len(want) {
			t.Errorf("%s: %q, want %d lines", what, got, len(want))
			continue
		}
		for i, pattern := range want {
			if !regexp.MustCompile(pattern).MatchString(said[what][i]) {
				t.Errorf("%s: %q does not match %q", what, said[what][i], pattern)
			}
		}
	}
	// States are conflated: quick ones may be left out, but not the last.
	states := said["state"]
	if len(states) == 0 || !strings.Contains(states[len(states)-1], "closed") || !strings.Contains(strings.Join(states, "\n"), "connected") {
		t.Errorf("states: %q", states)
	}
}

// printed returns what f writes to the standard output.
func printed(t *testing.T, f func() error) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stdout := os.Stdout
	os.Stdout = w
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		text <- string(b)
	}()
	err = f()
	os.Stdout = stdout
	w.Close()
	all := <-text
	if err != nil {
		t.Fatalf("%v\n%s", err, all)
	}
	return all
}
