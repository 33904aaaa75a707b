//go:build !unix

package interop

import (
	"errors"
	"os"
	"os/exec"
)

var errNoSignals = errors.New("this system has no signals")

func detach(*exec.Cmd) {}

func terminate(p *os.Process) error { return p.Kill() }
func pause(*os.Process) error       { return errNoSignals }
func resume(*os.Process) error      { return nil }
