package xbus_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/xcraft-go/xbus"

// arrows are the imports that the house allows, within the module. A package
// that is not listed is not allowed to exist: give it a room first.
var arrows = map[string][]string{
	"wire":       {},
	"observable": {},
	"payload":    {},

	"operators": {"observable"},
	"topics":    {},
	"conn":      {"observable", "wire"},
	"rpc":       {"internal/near", "observable", "payload", "wire"},

	"conn/axon":           {"conn", "wire"},
	"conn/inproc":         {"conn", "observable", "wire"},
	"observable/rx":       {"observable"},
	"observable/obstest":  {"observable"},
	"server":              {"conn", "conn/axon", "conn/inproc", "observable", "payload", "topics", "wire"},
	"":                    {"conn", "conn/axon", "conn/inproc", "observable", "operators", "payload", "rpc", "topics", "wire"},
	"xbustest":            {"", "conn", "internal/faultproxy", "observable", "payload", "rpc", "server", "topics", "wire"},
	"interop":             {},
	"interop/mkcerts":     {"interop"},
	"config":              {"internal/near"},
	"internal/faultproxy": {},
	"internal/near":       {},
	"internal/halltest":   {"conn", "conn/axon", "conn/inproc", "wire"},
}

// doors are the dependencies and the one package that may import each; tests
// may import what they like.
var doors = map[string]string{
	"github.com/cenkalti/backoff/v4":      "conn",
	"github.com/google/uuid":              "wire",
	"github.com/klauspost/compress/gzip":  "conn/axon",
	"github.com/klauspost/compress/flate": "conn/axon",
	"github.com/reactivex/rxgo/v2":        "observable/rx",
}

type listed struct {
	ImportPath, Name string
	Imports, Deps    []string
}

func listPackages(t *testing.T, args ...string) []listed {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Name,Imports,Deps"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var list []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func room(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func TestImportsGoDownOnly(t *testing.T) {
	for _, p := range listPackages(t, "./...") {
		name := room(p.ImportPath)
		if strings.HasPrefix(name, "examples/") {
			continue // examples import what they show
		}
		allowed, known := arrows[name]
		if !known {
			t.Errorf("package %q has no room in the house: add it to arrows", name)
			continue
		}
		for _, imported := range p.Imports {
			if target, door := doors[imported]; door && target != name {
				t.Errorf("%s imports %s, whose door is %s", name, imported, target)
			}
			if !strings.HasPrefix(imported, module) {
				continue
			}
			if to := room(imported); !slices.Contains(allowed, to) {
				t.Errorf("%q imports %q: that arrow does not exist in the house", name, to)
			}
		}
	}
}

func TestTheRootLinksNothingHeavy(t *testing.T) {
	heavy := []string{"github.com/reactivex/rxgo", "github.com/stretchr/testify", "github.com/go-zeromq/zmq4", "testing", "net/http"}
	for _, p := range listPackages(t, ".") {
		for _, dep := range p.Deps {
			for _, h := range heavy {
				if dep == h || strings.HasPrefix(dep, h+"/") {
					t.Errorf("the root package links %s", dep)
				}
			}
		}
	}
}
