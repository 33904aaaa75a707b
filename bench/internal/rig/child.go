package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// childVariable tells a program that it is to be a hall for another one.
const childVariable = "XBUS_BENCH_HALL"

// Child runs a hall and does not return, if this process was started by Apart.
// Each program that uses Apart calls it first.
func Child() {
	address := os.Getenv(childVariable)
	if address == "" {
		return
	}
	hall, err := Open(context.Background(), address)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(hall.URL())
	_, _ = io.Copy(io.Discard, os.Stdin) // until its parent lets it go
	hall.Close()
	os.Exit(0)
}

// A Process is a hall in a process of its own, so that what is measured here is
// the side of the client alone.
type Process struct {
	URL   string
	cmd   *exec.Cmd
	stdin io.Closer
}

// Apart starts this program once more, as a hall.
func Apart(ctx context.Context) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childVariable+"=xcraft://127.0.0.1:0")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "xcraft") {
		err = errors.New(strings.TrimSpace(line))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the hall apart: %w", err), p.Close())
	}
	p.URL = strings.TrimSpace(line)
	return p, nil
}

// PID is that of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Close ends the hall and waits for its process.
func (p *Process) Close() error {
	p.stdin.Close()
	return p.cmd.Wait()
}
