package faultproxy_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/internal/faultproxy"
)

func TestForwardsBothWaysAndTheEndOfStreams(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.write(client, "hello")
	r.read(server, "hello")
	r.write(server, "world")
	r.read(client, "world")

	client.CloseWrite()
	r.readEnd(server, "")
	r.write(server, "still open") // one direction is over, the other is not
	server.Close()
	r.readEnd(client, "still open")

	r.wait(func(s faultproxy.Stats) bool { return s.Open == 0 })
	s := r.proxy.Stats()
	if s.Accepted != 1 || s.Up.Forwarded != 5 || s.Down.Forwarded != 15 {
		t.Errorf("stats %+v", s)
	}
	balanced(t, s)
}

func TestPassesOnTheResetOfOneSide(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	server.SetLinger(0)
	server.Close()
	if _, err := r.rest(client); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		name string
		how  faultproxy.End
		want error
	}{
		{"close", faultproxy.Close, nil},
		{"reset", faultproxy.Reset, syscall.ECONNRESET},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, faultproxy.Config{})
			client, server := r.dial()
			r.write(client, "a")
			r.read(server, "a")
			r.write(server, "b")
			r.read(client, "b")
			r.proxy.Cut(tt.how)
			for name, conn := range map[string]net.Conn{"client": client, "server": server} {
				if _, err := r.rest(conn); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Errorf("%s: got %v, want %v", name, err, tt.want)
				}
				conn.Close()
			}
			r.wait(func(s faultproxy.Stats) bool { return s.Open == 0 })
			r.dial() // later connections are fine
		})
	}
}

// What was forwarded before the cut arrives, though much of it still waits in
// the proxy's system, and the other side has sent what nobody reads any more.
func TestCutCloseLosesNothingThatWasForwarded(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	text := strings.Repeat("x", 600_000)
	forwarded := int64(0)
	for range 10 { // what could go wrong does not go wrong each time
		r.proxy.Set(faultproxy.Up, faultproxy.Faults{})
		client, server := r.dial()
		r.write(server, text)
		forwarded += int64(len(text))
		r.wait(func(s faultproxy.Stats) bool { return s.Down.Forwarded == forwarded })
		r.proxy.Set(faultproxy.Up, faultproxy.Faults{Stall: true})
		r.write(client, strings.Repeat("y", 100_000)) // more than one read takes
		r.proxy.Cut(faultproxy.Close)
		r.readEnd(client, text)
		client.Close()
		server.Close()
	}
}

func TestHalfClose(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.write(server, "last words")
	r.read(client, "last words")
	r.proxy.HalfClose(faultproxy.Down)
	r.readEnd(client, "")
	r.write(server, "into the void")
	r.wait(func(s faultproxy.Stats) bool { return s.Down.Swallowed == 13 })
	r.write(client, "the other way is fine")
	r.read(server, "the other way is fine")
}

func TestRefuseAndAdmitAgain(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	for range 3 {
		if err := r.proxy.Admit(faultproxy.Refuse); err != nil {
			t.Fatal(err)
		}
		if conn, err := net.Dial("tcp", r.proxy.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v, %v; want a refusal", conn, err)
		}
		r.write(client, "open connections stay")
		r.read(server, "open connections stay")
		if err := r.proxy.Admit(faultproxy.Forward); err != nil {
			t.Fatal(err)
		}
		r.dial()
	}
}

func TestBlackHole(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	if err := r.proxy.Admit(faultproxy.BlackHole); err != nil {
		t.Fatal(err)
	}
	lost := r.dialOnly()
	r.write(lost, "anybody there?")
	r.wait(func(s faultproxy.Stats) bool { return s.BlackHoled == 1 })
	if err := r.proxy.Admit(faultproxy.Forward); err != nil {
		t.Fatal(err)
	}
	client, server := r.dial() // the first that the target sees
	r.write(client, "second")
	r.read(server, "second")
	if s := r.proxy.Stats(); s.Up.Received != 6 || s.Open != 2 {
		t.Errorf("stats %+v: the black hole read something", s)
	}
	r.proxy.Cut(faultproxy.Close)
	r.readEnd(lost, "")
}

func TestUnreachableTarget(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	r.proxy.Retarget(nobody.Addr().String())
	client, err := net.Dial("tcp", r.proxy.Addr())
	if err == nil { // the reset may come before dial looks
		defer client.Close()
		_, err = r.rest(client)
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
	r.wait(func(s faultproxy.Stats) bool { return s.Unreachable == 1 && s.Open == 0 })
	r.proxy.Retarget(r.target.Addr().String())
	r.dial()
}

func TestKeepPorts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("KeepPorts needs Linux")
	}
	r := newRig(t, faultproxy.Config{KeepPorts: true})
	for range 3 {
		client, server := r.dial()
		got, want := server.RemoteAddr().(*net.TCPAddr).Port, client.LocalAddr().(*net.TCPAddr).Port
		if got != want {
			t.Errorf("the target sees the port %d, the client has %d", got, want)
		}
		r.write(client, "x")
		r.read(server, "x")
	}
}

func TestCloseWithEverythingUnderWay(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	stalled, server := r.dial()
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{Stall: true})
	r.proxy.Set(faultproxy.Down, faultproxy.Faults{Limit: 1})
	r.write(stalled, "stalled")
	r.write(server, "limited to a byte a second")
	r.wait(func(s faultproxy.Stats) bool { return s.Down.Forwarded > 0 })
	if err := r.proxy.Admit(faultproxy.BlackHole); err != nil {
		t.Fatal(err)
	}
	hole := r.dialOnly()
	r.wait(func(s faultproxy.Stats) bool { return s.BlackHoled == 1 })

	for range 2 {
		if err := r.proxy.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, conn := range []net.Conn{stalled, server, hole} {
		if _, err := r.rest(conn); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a reset", err)
		}
	}
	s := r.proxy.Stats()
	if s.Open != 0 || s.Down.Lost == 0 {
		t.Errorf("stats %+v: bytes were under way", s)
	}
	balanced(t, s)
	if _, err := net.Dial("tcp", r.proxy.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial after Close: %v", err)
	}
	if err := r.proxy.Admit(faultproxy.Forward); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Admit after Close: %v", err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("seen enough")
	cancel(reason)
	if err := r.proxy.Wait(ctx, func(faultproxy.Stats) bool { return false }); !errors.Is(err, reason) {
		t.Errorf("got %v, want %v", err, reason)
	}
}

func TestListenErrors(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	for _, addr := range []string{r.proxy.Addr(), "no port", "203.0.113.1:0"} {
		if p, err := faultproxy.Listen("127.0.0.1:1", faultproxy.Config{Addr: addr}); err == nil {
			p.Close()
			t.Errorf("listen on %q: no error", addr)
		}
	}
}

func TestPair(t *testing.T) {
	pair, err := faultproxy.ListenPair("xcrafts://localhost:1?events=2&ca=/tmp/ca.pem", faultproxy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer pair.Close()
	for _, want := range []string{
		"xcrafts://" + pair.Commander.Addr() + "?",
		"ca=%2Ftmp%2Fca.pem",
		"events=" + strings.TrimPrefix(pair.Notifier.Addr(), "127.0.0.1:"),
	} {
		if !strings.Contains(pair.URL(), want) {
			t.Errorf("URL %s has no %s", pair.URL(), want)
		}
	}
	for _, url := range []string{"", "xcraft+unix://id", "http://h", "xcraft://", ":", "xcraft:h"} {
		if p, err := faultproxy.ListenPair(url, faultproxy.Config{}); err == nil {
			p.Close()
			t.Errorf("%q: no error", url)
		}
	}
}

// Both sides are slow to end a connection that was cut in good order: closing
// the proxy does not wait for them.
func TestCloseDoesNotWaitForCutConnections(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.proxy.Cut(faultproxy.Close)
	r.readEnd(client, "")
	r.readEnd(server, "")
	start := time.Now()
	r.proxy.Close()
	if took := time.Since(start); took > 1900*time.Millisecond {
		t.Errorf("Close took %v", took)
	}
}

func TestBytesUnderWayAreLostWithTheConnection(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, _ := r.dial()
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{Delay: time.Hour})
	for i := range 3 { // three chunks
		r.write(client, "12345")
		r.wait(func(s faultproxy.Stats) bool { return s.Up.Received == int64(5*(i+1)) })
	}
	r.proxy.Cut(faultproxy.Reset)
	r.wait(func(s faultproxy.Stats) bool { return s.Open == 0 })
	if f := r.proxy.Stats().Up; f.Lost != 15 || f.Pending() != 0 {
		t.Errorf("%+v, want 15 lost bytes", f)
	}
}
