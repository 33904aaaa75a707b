//go:build unix

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The section "From the shell" of the README, as it is written: the first block
// in one terminal, the lines of the second in another.
func TestReadme(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	hall, lines := readmeCommands(t, filepath.Join(root, "README.md"))
	for _, port := range []string{"35400", "35800"} {
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		for late := time.Now().Add(patience); err != nil && os.Getenv("XBUS_REQUIRE_NODE") == "1" && time.Now().Before(late); { // another test has it for a while
			time.Sleep(100 * time.Millisecond)
			l, err = net.Listen("tcp", "127.0.0.1:"+port)
		}
		switch {
		case err == nil:
			l.Close()
		case os.Getenv("XBUS_REQUIRE_NODE") == "1":
			t.Fatalf("somebody else is at the default port %s of a hall: %v (XBUS_REQUIRE_NODE=1: this must not be skipped)", port, err)
		default:
			t.Skipf("somebody else is at the default port %s of a hall: %v", port, err)
		}
	}
	shell := func(line string) *exec.Cmd {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "XBUS_URL=", "XBUS_CONTEXT=", "XCRAFT_CONFIG=", "XCRAFT_ROOT=", "XCRAFT_TLS=")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // like a terminal: Ctrl-C reaches all of them
		return cmd
	}

	first := shell(hall)
	out := startWithin(t, first, `"ready":true`, time.Minute)
	defer func() {
		_ = syscall.Kill(-first.Process.Pid, syscall.SIGINT)
		if text, _ := out.end(t, first); !strings.Contains(text, "drained in") {
			t.Errorf("%s ended without its summary:\n%s", hall, text)
		}
	}()
	expect := map[string]string{"call demo.echo": `"x": 1`, "--progress": `{"i":2,"n":3}`, "sub": "demo::clock", "pub": "1 sent, 1 came back", "commands": "demo.echo", "doctor": "session in"}
	for _, line := range lines {
		text, err := shell(line).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", line, err, text)
		}
		for part, want := range expect {
			if strings.Contains(line, part+" ") || strings.HasSuffix(line, part) {
				delete(expect, part)
				if !strings.Contains(string(text), want) {
					t.Errorf("%s: %s\nlacks %q", line, text, want)
				}
			}
		}
	}
	for part := range expect {
		t.Errorf("the section does not show %s", part)
	}
}

// readmeCommands are the lines of the two blocks of the section.
func readmeCommands(t *testing.T, path string) (hall string, lines []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## From the shell\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "```")
	if !ok || len(blocks) != 5 {
		t.Fatalf("the README has no section \"From the shell\" with two blocks")
	}
	for i, block := range []string{blocks[1], blocks[3]} {
		for line := range strings.Lines(strings.TrimPrefix(block, "sh\n")) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			if i == 0 {
				hall = line
			} else {
				lines = append(lines, line)
			}
		}
	}
	return hall, lines
}
