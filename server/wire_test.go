package server_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/server"
)

// A client that is bound may send more, but not without limit.
func TestFrameLimit(t *testing.T) {
	cfg := server.Config{Listen: []string{"xcraft://127.0.0.1:0"}}
	cfg.Sockets.Limits.MaxFrame = 1 << 20
	hall := openT(t, cfg)
	demo(t, hall)
	c := joinRaw(t, hall.URL())
	if m := c.call("demo.echo", fmt.Sprintf("%q", strings.Repeat("x", 500_000))); m.IsError || len(m.Data) != 500_002 {
		t.Errorf("500 kB: %.100s", m.Data)
	}
	c.command("demo.echo", fmt.Sprintf("%q", strings.Repeat("x", 2_000_000)))
	cut(t, hall, c, server.BadPeer)
}

// Anonymous sockets by the thousand are all closed in time, and a client still
// comes in afterwards.
func TestAnonymousSockets(t *testing.T) {
	cfg := server.Config{Listen: []string{"xcraft://127.0.0.1:0"}}
	cfg.Sockets.BindTimeout, cfg.Sockets.Heartbeat = time.Second, 100*time.Millisecond
	hall := openT(t, cfg)
	demo(t, hall)
	commander, notifier := hall.Ports()
	var wg sync.WaitGroup
	for i := range 800 {
		port := commander
		if i%2 == 0 {
			port = notifier
		}
		socket, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			defer socket.Close()
			socket.SetDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, socket); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Error("a socket is still open")
			}
		})
	}
	wg.Wait()
	eventually(t, "all are counted", func() bool {
		n := hall.Stats().Refused
		return n[server.NotPaired] >= 256 && n[server.NotPaired]+n[server.CrowdedDoor] == 800
	})
	eventually(t, "a client is let in", func() bool { return isLetIn(t, hall) })
}
