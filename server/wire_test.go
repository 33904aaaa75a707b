package server_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// What comes by the sockets themselves and is not the protocol: the connection
// ends, it is counted, and the others notice nothing.
func TestHostileBytes(t *testing.T) {
	frame := func(m *wire.Message) []byte {
		b, err := wire.Append(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	message := frame(&wire.Message{Topic: "demo.echo", Token: "x", OrcName: "a@b", ID: "1"})
	bomb := append([]byte("\x22AXON\x00\x00\x00\x05s:abc\x3f\xff\xff\xffj:"), bytes.Repeat([]byte(" "), 16<<20)...)
	for name, send := range map[string][]byte{
		"random":               bytes.Repeat([]byte{0xde, 0xad}, 500),
		"http":                 []byte("POST / HTTP/1.1\r\n\r\n"),
		"no gzip":              message,
		"a bomb":               zipped(t, bomb),
		"many frames":          zipped(t, bytes.Repeat(message, 100_000)),
		"version 1":            zipped(t, append([]byte{0x12}, message[1:]...)),
		"version 3":            zipped(t, append([]byte{0x32}, message[1:]...)),
		"no magic":             zipped(t, append([]byte("\x22NOXA"), message[5:]...)),
		"no arguments":         zipped(t, []byte("\x20AXON....")),
		"2 GiB announced":      zipped(t, []byte("\x22AXON\x7f\xff\xff\xff")),
		"4 GiB announced":      zipped(t, []byte("\x22AXON\x00\x00\x00\x05s:abc\xff\xff\xff\xff")),
		"broken JSON":          zipped(t, []byte("\x22AXON\x00\x00\x00\x05s:abc\x00\x00\x00\x05j:{\"a")),
		"null":                 zipped(t, []byte("\x22AXON\x00\x00\x00\x05s:abc\x00\x00\x00\x06j:null")),
		"a blob for a topic":   zipped(t, []byte("\x22AXON\x00\x00\x00\x03abc\x00\x00\x00\x04j:{}")),
		"a topic of 1 MiB":     zipped(t, append([]byte("\x22AXON\x00\x10\x00\x00s:"), bytes.Repeat([]byte("x"), 1<<20)...)),
		"depth":                zipped(t, append([]byte("\x22AXON\x00\x00\x00\x05s:abc\x00\x03\x0d\x42j:"), bytes.Repeat([]byte("["), 200_000)...)),
		"a spoilt checksum":    append(zipped(t, message)[:len(zipped(t, message))-8], 1, 2, 3, 4, 5, 6, 7, 8),
		"something after gzip": append(zipped(t, message), "rubbish"...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := server.Config{Listen: []string{"xcraft://127.0.0.1:0"}}
			cfg.Sockets.BindTimeout = time.Second
			hall := openT(t, cfg)
			demo(t, hall)
			good := joinRaw(t, hall.URL())
			socket, err := net.Dial("tcp", hall.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			socket.SetDeadline(time.Now().Add(10 * time.Second))
			began := time.Now()
			go socket.Write(send) // it may not get all of it away
			io.Copy(io.Discard, socket)
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("the socket was open for %v", took)
			}
			refused(t, hall, server.NotProtocol)
			if m := good.call("demo.echo", "1"); m.IsError {
				t.Errorf("answer %s", m.Data)
			}
		})
	}
}

func zipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

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
			socket.SetDeadline(time.Now().Add(10 * time.Second))
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
	joinRaw(t, hall.URL()).call("demo.echo", "1")
}

// A client that takes nothing at all, below the limit of its queue, is given up
// after the time that a write may take.
func TestStalledConsumer(t *testing.T) {
	cfg := server.Config{Listen: []string{"xcraft://127.0.0.1:0"}}
	cfg.Sockets.WriteTimeout, cfg.Sockets.SendQueue = 300*time.Millisecond, 64<<20
	hall := openT(t, cfg)
	stalled := joinRaw(t, hall.URL())
	for range 100 {
		hall.Publish(t.Context(), "big::news", strings.Repeat("x", 200_000))
	}
	eventually(t, "it is given up", func() bool { return hall.Stats().Cut[server.TooSlow] == 1 })
	stalled.lost()
}
