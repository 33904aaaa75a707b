//go:build !linux

package axon

import (
	"net"
	"syscall"
	"time"
)

var errInUse error = syscall.EADDRINUSE

// ownInode is known on Linux only.
func ownInode(net.Conn) uint64 { return 0 }

// peerPID is known on Linux only.
func peerPID(net.Conn) int32 { return 0 }

// boundSilence is known on Linux only; elsewhere keep-alive probes find out.
func boundSilence(net.Conn, time.Duration) {}

// PeerUser is known on Linux only.
func (l *link) PeerUser() (uid uint32, ok bool) { return 0, false }
