package interop_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/server"
)

const largeStream = 200 << 20

// rss is the memory of this process that is resident, in MiB.
func rss(t *testing.T) float64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("the memory of a process is read from /proc")
	}
	var size, resident int
	fmt.Sscan(string(text), &size, &resident)
	return float64(resident*os.Getpagesize()) / (1 << 20)
}

// rssWhile runs f and returns by how much the memory grew at most.
func rssWhile(t *testing.T, f func()) float64 {
	t.Helper()
	debug.FreeOSMemory()
	before, most := rss(t), 0.0
	quit := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for tick := time.Tick(5 * time.Millisecond); ; {
			select {
			case <-tick:
				most = max(most, rss(t))
			case <-quit:
				return
			}
		}
	})
	f()
	close(quit)
	watch.Wait()
	return max(0, most-before)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A slow reader takes its time now and then, as a disk does.
type slow struct {
	r    io.Reader
	read int
}

func (s *slow) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.read += n; s.read > 16<<20 {
		s.read = 0
		time.Sleep(5 * time.Millisecond)
	}
	return n, err
}

// Streams of 200 MB leave the memory flat, in a client of the real great hall and
// in a client and a hall of ours together.
func TestFiguresStreamMemory(t *testing.T) {
	requireFigures(t)
	real := interop.StartServerT(t, interop.ServerOptions{})
	hall, err := server.Listen(t.Context(), server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer hall.Close()
	server.Handle(hall, "demo.download", func(_ context.Context, in struct{ Size int64 }) (io.Reader, error) {
		return io.LimitReader(zeros{}, in.Size), nil
	})
	server.Handle(hall, "demo.upload", func(_ context.Context, in server.Upload) (digest, error) { return digestOf(in) })
	most := 0.0
	for _, url := range []string{real.URL(), hall.URL()} {
		client := connect(t, url)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		transfer := func(size int64) {
			d, err := client.Download(ctx, "demo.download", object{"size": size})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if n, err := io.Copy(io.Discard, &slow{r: d}); err != nil || n != size {
				t.Fatalf("%d bytes came, %v", n, err)
			}
			answer, err := client.Upload(ctx, "demo.upload", nil, io.LimitReader(zeros{}, size), size)
			if err != nil {
				t.Fatal(err)
			}
			var got digest
			if err := (xbus.Event{Message: answer}).Decode(&got); err != nil || got.Size != size {
				t.Fatalf("%d bytes arrived, %v", got.Size, err)
			}
		}
		transfer(1 << 20)
		grown := rssWhile(t, func() { transfer(largeStream) })
		t.Logf("%s: %.1f MiB above the baseline", url, grown)
		most = max(most, grown)
	}
	figure("stream.rss_mib", most, "MiB")
	if most > 32 {
		t.Errorf("%.1f MiB are not flat", most)
	}
}
