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
func resume(p *os.Process) error    { return p.Signal(syscall.SIGCONT) }

// pause returns when the process is frozen. A test process that died before
// would leave it frozen for good: see detach.
func pause(p *os.Process) error {
	err := p.Signal(syscall.SIGSTOP)
	if err == nil {
		waitStopped(p.Pid)
	}
	return err
}
