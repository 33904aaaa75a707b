package xbus_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/server"
)

// BenchmarkFanOut is the whole way of an event, from Publish in a hall to the
// loop over a topic in so many clients, in one process. The publisher keeps at
// most a window of events ahead of the slowest reader, so that none is lost. One
// operation is one event at all of its readers.
func BenchmarkFanOut(b *testing.B) {
	for _, address := range []string{"xcraft://127.0.0.1:0", "mem://bench-events"} {
		scheme, _, _ := strings.Cut(address, ":")
		for _, kind := range []struct{ size, readers int }{{100, 1}, {1 << 10, 1}, {64 << 10, 1}, {1 << 20, 1}, {100, 10}, {1 << 10, 50}} {
			b.Run(fmt.Sprintf("%s/%dB/%d", scheme, kind.size, kind.readers), func(b *testing.B) {
				benchFanOut(b, address, kind.size, kind.readers)
			})
		}
	}
}

func benchFanOut(b *testing.B, address string, size, readers int) {
	hall := open(b, server.Config{Listen: []string{address}})
	window := max(4, min(4096, 4<<20/size))
	rooms := make([]chan struct{}, readers)
	var wg sync.WaitGroup
	for i := range rooms {
		rooms[i] = make(chan struct{}, 4)
		for range 3 {
			rooms[i] <- struct{}{}
		}
		sub := subscribe(b, connect(b, hall.URL()).Topic("bench::*", observable.WithLimit(2*window)))
		wg.Go(func() { follow(b, sub, rooms[i], window/4) })
	}
	var data any = json.RawMessage(`"` + strings.Repeat("x", size-2) + `"`)
	b.SetBytes(int64(size * readers))
	b.ReportAllocs()
	ctx, n := b.Context(), 0
	for b.Loop() {
		if n++; n%(window/4) == 0 {
			for _, room := range rooms {
				<-room
			}
		}
		if err := hall.Publish(ctx, "bench::event", data); err != nil { // no helper: it would be a part of the cost
			b.Fatal(err)
		}
	}
	publish(b, hall, "bench::end", nil)
	wg.Wait()
}

// follow reads to the topic bench::end, and gives room after each part of the
// window.
func follow(b *testing.B, sub *observable.Subscription[xbus.Event], room chan<- struct{}, part int) {
	n := 0
	for ev, err := range sub.All(b.Context()) {
		switch {
		case err != nil:
			b.Error(err)
			return
		case ev.Lost > 0:
			b.Errorf("%d events lost", ev.Lost)
			return
		case ev.Topic == "bench::end":
			return
		}
		if n++; n%part == 0 {
			room <- struct{}{}
		}
	}
}
