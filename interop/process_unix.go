//go:build unix

package interop

import (
	"os"
	"os/exec"
	"syscall"
)

// detach puts the process in a group of its own. A Ctrl-C in the terminal then
// reaches the tests only, which end their processes themselves; and when the
// test process dies, the system sends a hang-up to a group that is frozen.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
func pause(p *os.Process) error     { return p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) error    { return p.Signal(syscall.SIGCONT) }
