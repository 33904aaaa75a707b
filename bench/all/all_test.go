package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"all", "another", "events", "calls", "internal"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if name == "internal" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name, "main.go"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list, err := programs(dir)
	if want := []string{"calls", "events", "another"}; err != nil || !slices.Equal(list, want) {
		t.Errorf("%q, want %q: %v", list, want, err)
	}
	if list, err := programs(t.TempDir()); err == nil {
		t.Errorf("an empty folder has programs: %q", list)
	}
}

func TestFlags(t *testing.T) {
	r := runner{quick: true, rounds: 3}
	if got, want := r.flags("file"), []string{"-results", "file", "-quick", "-rounds", "3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
