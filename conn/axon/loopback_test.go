package axon

import (
	"net"
	"testing"
)

// loopback makes a link like pipe does, over TCP.
func loopback(t testing.TB, compressed bool, change ...func(*Config)) (l *link, events, commands net.Conn) {
	t.Helper()
	cfg := Config{}.withDefaults()
	for _, f := range change {
		f(&cfg)
	}
	in, events := tcpPair(t)
	out, commands := tcpPair(t)
	l = newLink(linkConfig{Config: cfg, in: in, out: out, compressed: compressed})
	l.start()
	t.Cleanup(func() {
		l.Close()
		events.Close()
		commands.Close()
	})
	return l, events, commands
}

func tcpPair(t testing.TB) (ours, theirs net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ours, err = net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}
