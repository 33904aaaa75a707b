package axon

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
)

// The port of a client on unix sockets is the inode of the hall's end of the
// event socket (protocol §2.6).
func TestTheInodeOfTheOtherEnd(t *testing.T) {
	dir := t.TempDir()
	commands, events := SocketPaths(dir, "hall", DefaultCommanderPort, DefaultNotifierPort)
	listenOn := func(path string) net.Listener {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	notifier := listenOn(events)
	listenOn(commands)
	dialed := make(chan uint64)
	asked := make(chan struct{}, 2)
	cfg := Config{UnixSocketID: "hall", SocketDir: dir, Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
		asked <- struct{}{}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	tr := transport(t, cfg)
	go func() {
		defer close(dialed)
		l, err := tr.Dial(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		dialed <- l.Info().Port
		l.Close()
	}()
	<-asked
	<-asked // both are connected or about to be, and nobody has accepted one
	select {
	case port := <-dialed:
		t.Errorf("the port is %d, before the hall has accepted anything", port)
	default:
	}
	accepted, err := notifier.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	inode, err := socketInode(accepted)
	if err != nil {
		t.Fatal(err)
	}
	if port := <-dialed; port != uint64(inode) || port == 0 {
		t.Errorf("the port is %d, the hall's end is %d", port, inode)
	}
	<-dialed
}

// A hall that listens and takes nobody in is a time-out, not a client without a
// port.
func TestAHallThatDoesNotAccept(t *testing.T) {
	dir := t.TempDir()
	commands, events := SocketPaths(dir, "hall", DefaultCommanderPort, DefaultNotifierPort)
	for _, path := range []string{commands, events} {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := transport(t, Config{UnixSocketID: "hall", SocketDir: dir}).Dial(ctx)
	if !errors.Is(err, conn.ErrTimeout) || !strings.Contains(err.Error(), filepath.Base(events)) {
		t.Errorf("the error is %v", err)
	}
}

// A hall that has closed already is lost, or has said why.
func TestAHallThatClosesAtOnce(t *testing.T) {
	for _, test := range []struct {
		script halltest.Script
		want   error
	}{
		{halltest.Script{Refuse: true}, conn.ErrLinkLost},
		{halltest.Script{Reject: true}, conn.ErrCertificateRejected},
	} {
		h := halltest.New(t, halltest.Unix(), test.script)
		for range 20 { // it may close before or after it is looked at
			if err := run(t, to(h)).wait(); conn.ReasonOf(err) != test.want {
				t.Errorf("the error is %v, want %v", err, test.want)
			}
		}
		for _, line := range h.Saw() {
			if strings.Contains(line, "command ") {
				t.Errorf("the hall saw %s", line)
			}
		}
	}
}

func TestWhereThereIsNoInode(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	if inode, known := peerInode(ours); inode != 0 || known {
		t.Errorf("the peer of a pipe is %d, %v", inode, known)
	}
	for _, b := range [][]byte{nil, make([]byte, 15), make([]byte, 16)} {
		if peer, err := parsePeer(b); err == nil {
			t.Errorf("% x tells the peer %d", b, peer)
		}
	}
}

// Small commands are not held back.
func TestNoDelay(t *testing.T) {
	l := dial(t, to(halltest.New(t, halltest.TCP(), halltest.Script{})))
	for _, socket := range []net.Conn{l.cfg.in, l.cfg.out} {
		if noDelay, err := socketOption(socket, syscall.IPPROTO_TCP, syscall.TCP_NODELAY); err != nil || noDelay == 0 {
			t.Errorf("TCP_NODELAY is %d, %v", noDelay, err)
		}
	}
}

// socketOption reads an option of a socket.
func socketOption(c net.Conn, level, option int) (value int, err error) {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, err
	}
	control := raw.Control(func(fd uintptr) { value, err = syscall.GetsockoptInt(int(fd), level, option) })
	return value, errors.Join(err, control)
}

func TestKeepAlive(t *testing.T) {
	h := halltest.New(t, halltest.TCP(), halltest.Script{})
	for delay, want := range map[time.Duration]int{0: 6, 20 * time.Second: 20, -1: 0} {
		l := dial(t, to(h, func(c *Config) { c.KeepAlive = delay }))
		for _, socket := range []net.Conn{l.cfg.in, l.cfg.out} {
			on, err := socketOption(socket, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
			if err != nil || (on != 0) != (want > 0) {
				t.Errorf("KeepAlive %v: SO_KEEPALIVE is %d, %v", delay, on, err)
			}
			idle, err := socketOption(socket, syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE)
			if want > 0 && (err != nil || idle != want) {
				t.Errorf("KeepAlive %v: TCP_KEEPIDLE is %d, %v", delay, idle, err)
			}
		}
	}
}

// Each read of a TCP socket, within TLS too, asks the kernel to acknowledge at
// once.
func TestAcknowledger(t *testing.T) {
	h := halltest.New(t, halltest.TCP(), halltest.Script{})
	socket := dial(t, to(h)).cfg.out // on which nothing comes meanwhile
	raw, err := socket.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 0) })
	acknowledger(socket)()
	if quick, err := socketOption(socket, syscall.IPPROTO_TCP, syscall.TCP_QUICKACK); err != nil || quick != 1 {
		t.Errorf("TCP_QUICKACK is %d, %v", quick, err)
	}
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	acknowledger(ours)() // has nothing to do
}
