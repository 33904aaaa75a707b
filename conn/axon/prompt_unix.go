//go:build unix

package axon

import "syscall"

const writesAtOnce = true

// writeOnce writes to a socket that does not block, and returns how much.
func writeOnce(fd uintptr, b []byte) int {
	n, err := syscall.Write(int(fd), b)
	if err != nil {
		return 0
	}
	return n
}
