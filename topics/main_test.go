package topics

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vectors reads a file that was recorded from the reference.
func vectors[T any](t testing.TB, name string) []T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return all
}

// patternVector is an element of topics.json: what the reference makes of a
// pattern, and whether it matches and delivers topics.
type patternVector struct {
	Pattern string
	Regexp  string
	Ids     []string
	Key     string
	Invalid string // why it does not compile in JavaScript
	Topics  []struct {
		Topic            string
		Match, Delivered bool
	}
}
