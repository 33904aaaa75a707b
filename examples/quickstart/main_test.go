package main

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQuickstart(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out, []string{"-count", "2"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"connected to mem://quickstart", `warehouse.get: {"name":"xbus","version":1}`, "event warehouse::changed: {"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "event "); n != 2 {
		t.Errorf("%d events", n)
	}
}
