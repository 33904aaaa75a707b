//go:build unix

package xbus_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/server"
)

// BenchmarkCalls is the whole way of a call and of its answer, client and hall
// in one process: so many goroutines call one after the other, with raw payload
// in a message of about 300 bytes. Beside the wall time stands the processor
// time of a call, both ends together.
func BenchmarkCalls(b *testing.B) {
	for _, address := range []string{"xcraft://127.0.0.1:0", "mem://bench-calls"} {
		scheme, _, _ := strings.Cut(address, ":")
		for _, callers := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/%d", scheme, callers), func(b *testing.B) { benchCalls(b, address, callers) })
		}
	}
}

func benchCalls(b *testing.B, address string, callers int) {
	hall := open(b, server.Config{Listen: []string{address}})
	client := connect(b, hall.URL())
	var data any = json.RawMessage(`{"room":"attic","degrees":21.5}`)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := client.Call(b.Context(), "demo.echo", data).Await(b.Context()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// processorTime is what the process has used so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
