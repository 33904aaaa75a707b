//go:build !linux

package axon

import (
	"net"
	"time"
)

// acknowledger has nothing to do where the system has no such option.
func acknowledger(net.Conn) func() { return func() {} }

// peerInode is known on Linux only; without it the hall sends the answers of
// this client to everybody (protocol §2.6).
func peerInode(net.Conn) (inode uint64, known bool) { return 0, false }

func heard(net.Conn, time.Duration) bool { return false }
