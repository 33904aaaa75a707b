//go:build unix && !linux

package interop

// waitStopped does nothing here: the child stops a moment later.
func waitStopped(pid int) {}
