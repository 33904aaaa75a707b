package interop

import "syscall"

const (
	waitByPID = 1          // P_PID of waitid(2)
	stopped   = 2          // WSTOPPED
	keepState = 0x01000000 // WNOWAIT
)

// waitStopped waits until every thread of a child that was sent SIGSTOP has
// stopped, or until the child has ended. It leaves the state of the child to
// whoever waits for its end.
func waitStopped(pid int) {
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, waitByPID, uintptr(pid), 0, stopped|keepState, 0, 0)
		if errno != syscall.EINTR {
			return
		}
	}
}
