package axon

import (
	"net"
	"syscall"
	"testing"
	"time"
)

func TestSilenceIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	boundSilence(c, 15*time.Second)
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if ms, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout); err != nil || ms != 15_000 {
			t.Errorf("the limit is %d ms, %v", ms, err)
		}
	})
}

// A negative delay means no probes at all, not those of the system.
func TestKeepAliveOfAcceptedSockets(t *testing.T) {
	for delay, want := range map[time.Duration]int{time.Minute: 1, -1: 0} {
		l := &Listener{cfg: ListenConfig{Host: DefaultHost, KeepAlive: delay}, network: "tcp"}
		door, err := l.open("CommanderPort", 0, commanderSocket)
		if err != nil {
			t.Fatal(err)
		}
		defer door.Close()
		c, err := net.Dial("tcp", door.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		socket, err := door.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		raw, err := socket.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			if on, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE); err != nil || on != want {
				t.Errorf("with %v keep-alive is %d, %v", delay, on, err)
			}
		})
	}
}
