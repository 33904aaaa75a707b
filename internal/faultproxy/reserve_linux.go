package faultproxy

import (
	"fmt"
	"net"
	"syscall"
)

// reserve binds an address, which may have the port 0, without listening: the
// system refuses connections to it, and gives the port to nobody who asks for
// any free one. The listeners of package net can still have it.
func reserve(addr *net.TCPAddr) (bound *net.TCPAddr, free func(), err error) {
	family, sa := toSockaddr(addr)
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket: %w", err)
	}
	free = func() { syscall.Close(fd) }
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err == nil {
		err = syscall.Bind(fd, sa)
	}
	if err == nil {
		sa, err = syscall.Getsockname(fd)
	}
	if err != nil {
		free()
		return nil, nil, fmt.Errorf("bind %s: %w", addr, err)
	}
	return &net.TCPAddr{IP: addr.IP, Port: portOf(sa), Zone: addr.Zone}, free, nil
}

func toSockaddr(addr *net.TCPAddr) (family int, sa syscall.Sockaddr) {
	if ip := addr.IP.To4(); ip != nil {
		return syscall.AF_INET, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(ip)}
	}
	s := &syscall.SockaddrInet6{Port: addr.Port}
	copy(s.Addr[:], addr.IP.To16())
	return syscall.AF_INET6, s
}

func portOf(sa syscall.Sockaddr) int {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return sa.Port
	case *syscall.SockaddrInet6:
		return sa.Port
	}
	return 0
}
