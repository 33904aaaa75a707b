package faultproxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/internal/faultproxy"
)

// limit is far more than anything here takes: whoever waits so long has hung.
const limit = 20 * time.Second

// A rig is a target, a proxy in front of it, and the connections through it.
type rig struct {
	t        *testing.T
	ctx      context.Context
	target   net.Listener
	proxy    *faultproxy.Proxy
	accepted chan net.Conn
}

func newRig(t *testing.T, config faultproxy.Config) *rig {
	t.Helper()
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := faultproxy.Listen(target.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	r := &rig{t: t, ctx: ctx, target: target, proxy: proxy, accepted: make(chan net.Conn)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := target.Accept()
			if err != nil {
				return
			}
			select {
			case r.accepted <- conn:
			case <-ctx.Done():
				conn.Close()
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		target.Close()
		<-done
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// dial connects through the proxy and returns both ends.
func (r *rig) dial() (client, server *net.TCPConn) {
	r.t.Helper()
	client = r.dialOnly()
	select {
	case conn := <-r.accepted:
		server = conn.(*net.TCPConn)
	case <-r.ctx.Done():
		r.t.Fatal("the target got no connection")
	}
	r.guard(server)
	return client, server
}

func (r *rig) dialOnly() *net.TCPConn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.proxy.Addr())
	if err != nil {
		r.t.Fatal(err)
	}
	r.guard(conn.(*net.TCPConn))
	return conn.(*net.TCPConn)
}

func (r *rig) guard(conn *net.TCPConn) {
	conn.SetDeadline(time.Now().Add(limit))
	r.t.Cleanup(func() { conn.Close() })
}

func (r *rig) wait(want func(faultproxy.Stats) bool) {
	r.t.Helper()
	if err := r.proxy.Wait(r.ctx, want); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) write(conn net.Conn, data string) {
	r.t.Helper()
	if _, err := conn.Write([]byte(data)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) read(conn net.Conn, want string) {
	r.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(conn, got)
	if string(got[:n]) != want {
		r.t.Fatalf("read %s, %v; want %s", short(string(got[:n])), err, short(want))
	}
}

// rest reads to the end of the stream.
func (r *rig) rest(conn net.Conn) (string, error) {
	r.t.Helper()
	data, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.t.Fatalf("the stream does not end; read %q", data)
	}
	return string(data), err
}

func (r *rig) readEnd(conn net.Conn, want string) {
	r.t.Helper()
	if got, err := r.rest(conn); got != want || err != nil {
		r.t.Errorf("read %s, %v; want %s and the end of the stream", short(got), err, short(want))
	}
}

func short(text string) string {
	if len(text) > 80 {
		return fmt.Sprintf("%q… (%d bytes)", text[:80], len(text))
	}
	return fmt.Sprintf("%q", text)
}

func balanced(t *testing.T, s faultproxy.Stats) {
	t.Helper()
	for name, f := range map[string]faultproxy.Flow{"up": s.Up, "down": s.Down} {
		if f.Pending() != 0 {
			t.Errorf("%s: %+v: %d bytes unaccounted for after the end", name, f, f.Pending())
		}
	}
}
