package xbus_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus"
)

// The Go block of README.md is the body of readme in example_test.go, so that it
// compiles and runs.
func TestREADME(t *testing.T) {
	page, source := read(t, "README.md"), read(t, "example_test.go")
	shown := between(page, "```go\n", "```")
	body := between(source, "func readme(ctx context.Context) error {\n", "\n}\n") + "\n"
	body = regexp.MustCompile(`(?m)^\t`).ReplaceAllString(body, "")
	if shown == "" || shown != body {
		t.Errorf("README.md shows\n%s\nand example_test.go has\n%s", shown, body)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func between(text, begin, end string) string {
	_, rest, ok := strings.Cut(text, begin)
	inside, _, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return ""
	}
	return inside
}

// The methods that the page names exist.
func TestREADMENames(t *testing.T) {
	client := reflect.TypeFor[*xbus.Client]()
	names := regexp.MustCompile(`client\.([A-Z]\w+)`).FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(names) < 20 {
		t.Errorf("%d names", len(names))
	}
	for _, m := range names {
		if _, ok := client.MethodByName(m[1]); !ok {
			t.Errorf("README.md names %s, which does not exist", m[0])
		}
	}
}
