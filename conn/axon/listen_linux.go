package axon

import (
	"net"
	"syscall"
	"time"
)

var errInUse error = syscall.EADDRINUSE

// ownInode returns the inode of this end of a unix socket: what its peer calls
// the port (protocol §2.6). 0 when it is not known.
func ownInode(c net.Conn) uint64 {
	inode, err := socketInode(c)
	if err != nil {
		return 0
	}
	return uint64(inode)
}

// peerPID returns the process at the other end of a unix socket, 0 for others.
func peerPID(c net.Conn) int32 {
	if cred := peerCredentials(c); cred != nil {
		return cred.Pid
	}
	return 0
}

func peerCredentials(c net.Conn) *syscall.Ucred {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nil
	}
	var cred *syscall.Ucred
	var credErr error
	if raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}) != nil || credErr != nil {
		return nil
	}
	return cred
}

// tcpUserTimeout is the socket option that package syscall does not name.
const tcpUserTimeout = 18

// boundSilence makes the system give a socket up whose peer acknowledges nothing
// for so long: a peer that is gone without a word would otherwise be sent
// heartbeats for a quarter of an hour.
func boundSilence(c net.Conn, limit time.Duration) {
	socket, ok := c.(*net.TCPConn)
	if !ok || limit <= 0 {
		return
	}
	if raw, err := socket.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(limit.Milliseconds()))
		})
	}
}

// PeerUser returns the user at the other end of a unix socket.
func (l *link) PeerUser() (uid uint32, ok bool) {
	if cred := peerCredentials(l.cfg.in); cred != nil {
		return cred.Uid, true
	}
	return 0, false
}
