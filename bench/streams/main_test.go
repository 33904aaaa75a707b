package main

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every contender does what it says for all items, in one quick round.
func TestPipelinesAgree(t *testing.T) {
	const n = 10_000
	want := loop3(n)
	for name, run := range map[string]func(){
		"xbus": func() { sumXbus(xbus3(n)) }, "channels": func() { channels(n, 3) },
		"ro": func() { ro3(n) }, "rxgo": func() { rxgo3(n) },
	} {
		sink = 0
		if run(); sink != want {
			t.Errorf("%s: ops3 gives %d, the loop %d", name, sink, want)
		}
	}
	sink = 0
	sumXbus(xbus10(n))
	if want := loop10(n); sink != want {
		t.Errorf("ops10 gives %d, the loop %d", sink, want)
	}
	if n := goroutinesOfOps10(); n != 0 {
		t.Errorf("ten operators have %d goroutines", n)
	}
}
