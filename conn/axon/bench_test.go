package axon

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/wire"
)

// echoing answers each frame that comes by one socket through another link: the
// other end of a loopback.
func echoing(b *testing.B, compressed bool) (near, far *link) {
	in, hallOut := tcpPair(b)
	out, hallIn := tcpPair(b)
	cfg := Config{}.withDefaults()
	near = newLink(linkConfig{Config: cfg, in: in, out: out, compressed: compressed})
	far = newLink(linkConfig{Config: cfg, in: hallIn, out: hallOut, compressed: compressed})
	near.start()
	far.start()
	b.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return near, far
}

func sized(size int) *wire.Message {
	return &wire.Message{Topic: "demo.echo", Token: "0123456789abcdef0123456789abcdef", OrcName: "Grom@0123456789abcdef0123456789abcdef",
		ID: wire.NewID(), Data: []byte(`"` + strings.Repeat("x", size) + `"`)}
}

// One message there and back at a time.
func BenchmarkRoundTrip(b *testing.B) {
	for _, size := range []int{100, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			near, far := echoing(b, true)
			go func() {
				for {
					m, err := far.Receive()
					if err != nil {
						return
					}
					if _, err := far.Send(context.Background(), m); err != nil {
						return
					}
				}
			}()
			m := sized(size)
			b.ReportAllocs()
			b.SetBytes(int64(2 * len(framed(b, m))))
			for b.Loop() {
				if _, err := near.Send(context.Background(), m); err != nil {
					b.Fatal(err)
				}
				if _, err := near.Receive(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// As many messages one way as go through.
func BenchmarkThroughput(b *testing.B) {
	for _, kind := range []struct {
		name       string
		compressed bool
	}{{"gzip", true}, {"plain", false}} {
		for _, size := range []int{100, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", kind.name, size), func(b *testing.B) {
				near, far := echoing(b, kind.compressed)
				m := sized(size)
				b.ReportAllocs()
				b.SetBytes(int64(len(framed(b, m))))
				done := make(chan error)
				go func() {
					for range b.N {
						if _, err := far.Receive(); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
				b.ResetTimer()
				for range b.N {
					if _, err := near.Send(context.Background(), m); err != nil {
						b.Fatal(err)
					}
				}
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	frames := bytes.Repeat(framed(b, sized(500)), 1000)
	for name, sent := range map[string][]byte{
		"stored":  flushed(0, true, frames),
		"deflate": flushed(6, true, frames),
		"members": packed(6, gzip.Header{}, bytes.SplitAfter(frames, []byte(`}`))...),
	} {
		b.Run(name, func(b *testing.B) {
			p := make([]byte, 64<<10)
			b.ReportAllocs()
			b.SetBytes(int64(len(frames)))
			for b.Loop() {
				z := newInflater(bytes.NewReader(sent))
				for {
					_, err := z.Read(p)
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
