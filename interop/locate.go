package interop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const minNode = 18

// ErrUnavailable is wrapped by the errors of [Available].
var ErrUnavailable = errors.New("interop: the real great hall is not available")

// Available tells whether the real great hall and the real client can run here:
// nil, or an error that says what is missing and how to get it.
func Available() error {
	_, err := locate()
	return err
}

// Require skips the test when the real great hall cannot run here, and says
// why. When the variable XBUS_REQUIRE_NODE is 1 the test fails instead.
func Require(t testing.TB) {
	t.Helper()
	require(t, Available())
}

func require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("XBUS_REQUIRE_NODE") == "1":
		t.Fatalf("%v (XBUS_REQUIRE_NODE=1: this must not be skipped)", err)
	default:
		t.Skip(err)
	}
}

// Dir is the folder of server.js, client.js and node_modules: that of the
// variable XBUS_INTEROP_DIR, else the one of this source file, else the folder
// interop of the nearest parent of the working directory that has it.
func Dir() (string, error) {
	candidates := []string{}
	if dir := os.Getenv("XBUS_INTEROP_DIR"); dir != "" {
		candidates = append(candidates, dir)
	} else {
		if _, file, _, ok := runtime.Caller(0); ok {
			candidates = append(candidates, filepath.Dir(file))
		}
		candidates = append(candidates, parents()...)
	}
	for _, dir := range candidates {
		if exists(filepath.Join(dir, "server.js")) && exists(filepath.Join(dir, "goblins.json")) {
			return filepath.Abs(dir)
		}
	}
	return "", fmt.Errorf("%w: no folder with server.js among %s: set XBUS_INTEROP_DIR to the folder interop of xbus",
		ErrUnavailable, strings.Join(candidates, ", "))
}

func parents() []string {
	var dirs []string
	dir, err := os.Getwd()
	for err == nil {
		dirs = append(dirs, filepath.Join(dir, "interop"))
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return dirs
}

// installation is what [Available] has found.
type installation struct {
	node string // path of the node program
	dir  string // see Dir
}

// locate looks once: running node takes longer than most of the tests.
var locate = sync.OnceValues(func() (installation, error) {
	dir, err := Dir()
	if err != nil {
		return installation{}, err
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return installation{}, fmt.Errorf("%w: the program node is not in PATH: install Node.js %d or later", ErrUnavailable, minNode)
	}
	out, err := exec.Command(node, "--version").Output()
	if err != nil {
		return installation{}, fmt.Errorf("%w: %s --version: %v", ErrUnavailable, node, err)
	}
	if err := checkVersion(strings.TrimSpace(string(out))); err != nil {
		return installation{}, err
	}
	// npm writes this file last, so that half an installation is not taken for one.
	if !exists(filepath.Join(dir, "node_modules", ".package-lock.json")) {
		return installation{}, fmt.Errorf("%w: its packages are not installed: run `make interop-install`, or `npm ci` in %s", ErrUnavailable, dir)
	}
	return installation{node: node, dir: dir}, nil
})

func checkVersion(version string) error {
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return fmt.Errorf("%w: cannot read the version of node: %q", ErrUnavailable, version)
	}
	if n < minNode {
		return fmt.Errorf("%w: node is %s: install Node.js %d or later", ErrUnavailable, version, minNode)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
