package near

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestName(t *testing.T) {
	names := []string{"warehouse.get", "warehouse.set", "demo.run", "motd"}
	for name, want := range map[string]string{
		"warehouse.gett": "warehouse.get", "warehose.get": "warehouse.get", "WAREHOUSE.GET": "warehouse.get",
		"warehouse.let": "warehouse.get", "get": "", "demo.rnu": "demo.run", "mott": "motd", "m": "", "": "",
		"completely.different": "", strings.Repeat("x", 1<<20): "",
	} {
		if got := Name(name, names); got != want {
			t.Errorf("%.30q: %q, want %q", name, got, want)
		}
	}
	if got := Name("noTls", []string{"noTLS"}); got != "noTLS" {
		t.Errorf("%q, want the name as it is written", got)
	}
	if got := Name("motd", nil); got != "" {
		t.Errorf("%q of no names", got)
	}
}

// distance against its definition.
func TestDistance(t *testing.T) {
	var slow func(a, b string) int
	slow = func(a, b string) int {
		switch {
		case a == "" || b == "":
			return len(a) + len(b)
		case a[0] == b[0]:
			return slow(a[1:], b[1:])
		}
		return 1 + min(slow(a[1:], b), slow(a, b[1:]), slow(a[1:], b[1:]))
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[ab.]{0,6}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		got, want := distance(a, b, limit), slow(a, b)
		if got != want && (got < limit || want < limit) {
			t.Fatalf("distance(%q, %q, %d) = %d, want %d", a, b, limit, got, want)
		}
	})
}
