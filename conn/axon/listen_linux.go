package axon

import (
	"net"
	"syscall"
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

// PeerUser returns the user at the other end of a unix socket.
func (l *link) PeerUser() (uid uint32, ok bool) {
	if cred := peerCredentials(l.cfg.in); cred != nil {
		return cred.Uid, true
	}
	return 0, false
}
