package xbus_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// surroundings are what the Go blocks of README.md leave out, in their order.
var surroundings = []struct{ imports, before, after string }{
	{"context log", `type App struct{}
		type Args struct{ Path string }
		func _(ctx context.Context) error {`, `}`},
	{"context io log os server", `type Query struct{ Name string }
		func (Query) Path() string { return "" }
		type Meta struct{ Name string }
		type Reading struct{ Celsius float64 }
		func _(ctx context.Context, client *xbus.Client, hall *server.Hall, file *os.File, size int64, disk io.Writer) {`, `_, _ = answer, err }`},
	{"context server", `type Query struct{ Room string }
		type Reading struct{ Room string; Celsius float64 }
		func read(context.Context, string) (Reading, error) { return Reading{}, nil }
		var _ *xbus.Client
		func _(ctx context.Context) error {`, `return err }`},
}

// All Go blocks of README.md compile, within what they leave out.
func TestREADMEBlocks(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(blocks) != len(surroundings) {
		t.Fatalf("README.md has %d Go blocks, and the test knows what surrounds %d", len(blocks), len(surroundings))
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range blocks {
		around := surroundings[i]
		source := "package readme\nimport \"" + module + "\"\n"
		for name := range strings.FieldsSeq(around.imports) {
			if name == "server" {
				name = module + "/server"
			}
			source += fmt.Sprintf("import %q\n", name)
		}
		source += around.before + "\n" + block[1] + "\n" + around.after + "\n"

		// A file that only the compiler sees, in a folder that does not exist.
		file := filepath.Join(t.TempDir(), "block.go")
		overlay := filepath.Join(t.TempDir(), "overlay.json")
		virtual := filepath.Join(root, "internal", "readme", "block.go")
		replace, err := json.Marshal(map[string]map[string]string{"Replace": {virtual: file}})
		if err := errors.Join(err, os.WriteFile(file, []byte(source), 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("go", "build", "-overlay", overlay, "./internal/readme").CombinedOutput(); err != nil {
			t.Errorf("Go block %d of README.md: %v\n%s", i+1, err, out)
		}
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
