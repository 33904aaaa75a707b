package axon

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"syscall"
	"time"
	"unsafe"
)

// acknowledger returns what makes a socket acknowledge at once what it has
// received. A Node hall leaves Nagle's algorithm on for the sockets that it
// accepts; a delayed acknowledgement would hold its next small event for up to
// 40 ms. The kernel clears the option by itself, so it is set after each read.
func acknowledger(c net.Conn) func() {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	socket, ok := c.(*net.TCPConn)
	if !ok {
		return func() {}
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return func() {}
	}
	set := func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	}
	return func() { _ = raw.Control(set) }
}

// peerInode returns the inode of the other end of a unix socket, 0 as long as
// nobody has accepted it; known is false when the kernel does not tell
// (protocol §2.6). It asks by sock_diag(7).
func peerInode(c net.Conn) (inode uint64, known bool) {
	own, err := socketInode(c)
	if err != nil {
		return 0, false
	}
	peer, err := askPeer(own)
	if err != nil {
		return 0, false
	}
	return uint64(peer), true
}

// heard waits until the other end has sent something or has hung up, and reports
// whether it has within the time.
func heard(c net.Conn, within time.Duration) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	c.SetReadDeadline(time.Now().Add(within))
	defer c.SetReadDeadline(time.Time{})
	return raw.Read(func(fd uintptr) (done bool) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return err != syscall.EAGAIN
	}) == nil
}

func socketInode(c net.Conn) (inode uint32, err error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var stat syscall.Stat_t
	var statErr error
	if err := raw.Control(func(fd uintptr) { statErr = syscall.Fstat(int(fd), &stat) }); err != nil {
		return 0, err
	}
	return uint32(stat.Ino), statErr
}

// The parts of sock_diag(7) that package syscall does not name.
const (
	netlinkSockDiag  = 4
	sockDiagByFamily = 20
	udiagShowPeer    = 4
	unixDiagPeer     = 2
)

// A diagRequest is struct unix_diag_req behind its netlink header.
type diagRequest struct {
	syscall.NlMsghdr
	family, protocol uint8
	_                uint16
	states, inode    uint32
	show             uint32
	cookie           [2]uint32
}

func askPeer(inode uint32) (uint32, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, netlinkSockDiag)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	timeout := syscall.Timeval{Sec: 1}
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout)

	req := diagRequest{family: syscall.AF_UNIX, states: ^uint32(0), inode: inode, show: udiagShowPeer}
	req.Len, req.Type, req.Flags = uint32(unsafe.Sizeof(req)), sockDiagByFamily, syscall.NLM_F_REQUEST
	req.cookie = [2]uint32{^uint32(0), ^uint32(0)}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&req)), unsafe.Sizeof(req))
	if err := syscall.Sendto(fd, bytes, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return 0, err
	}
	var buf [4096]byte
	n, _, err := syscall.Recvfrom(fd, buf[:], 0)
	if err != nil {
		return 0, err
	}
	return parsePeer(buf[:n])
}

// parsePeer finds the attribute UNIX_DIAG_PEER behind struct unix_diag_msg.
func parsePeer(b []byte) (uint32, error) {
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return 0, err
	}
	const diagMsg = 16
	for _, m := range messages {
		if m.Header.Type != sockDiagByFamily || len(m.Data) < diagMsg {
			continue
		}
		for attrs := m.Data[diagMsg:]; len(attrs) >= 4; {
			length := int(binary.NativeEndian.Uint16(attrs))
			if length < 4 || length > len(attrs) {
				break
			}
			if binary.NativeEndian.Uint16(attrs[2:]) == unixDiagPeer && length >= 8 {
				return binary.NativeEndian.Uint32(attrs[4:]), nil
			}
			attrs = attrs[min((length+3)&^3, len(attrs)):]
		}
	}
	return 0, errors.New("the kernel does not tell the peer")
}
