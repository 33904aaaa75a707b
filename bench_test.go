package xbus_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// What a client and a hall of one process cost together, per call and per event.
// The payload is raw JSON, as a program hands it on that does not look into it.
var benchPayload = json.RawMessage(`{"room":"attic","degrees":21.5}`)

// eachDoor runs a benchmark inside of the process and over TCP.
func eachDoor(b *testing.B, run func(b *testing.B, hall *server.Hall, client *xbus.Client)) {
	for _, door := range []struct{ name, address string }{{"memory", memory(b)}, {"TCP", "xcraft://127.0.0.1:0"}} {
		b.Run(door.name, func(b *testing.B) {
			hall := open(b, server.Config{Listen: []string{door.address}})
			run(b, hall, connect(b, hall.URL()))
		})
	}
}

// BenchmarkCall is one call after the other, each awaited.
func BenchmarkCall(b *testing.B) {
	eachDoor(b, func(b *testing.B, _ *server.Hall, client *xbus.Client) { calls(b, client) })
}

// BenchmarkCallConcurrent keeps 256 calls in flight.
func BenchmarkCallConcurrent(b *testing.B) {
	eachDoor(b, func(b *testing.B, _ *server.Hall, client *xbus.Client) {
		var data any = benchPayload
		turns := make(chan struct{})
		var wg sync.WaitGroup
		for range 256 {
			wg.Go(func() {
				for range turns {
					if _, err := client.Call(b.Context(), "demo.echo", data).Await(b.Context()); err != nil {
						b.Error(err)
					}
				}
			})
		}
		b.ReportAllocs()
		for b.Loop() {
			turns <- struct{}{}
		}
		close(turns)
		wg.Wait()
	})
}

// BenchmarkHooks shows what a call costs that nobody observes, and one whose
// steps are told, as for metrics and traces: the first is BenchmarkCall.
func BenchmarkHooks(b *testing.B) {
	steps := 0
	for _, hook := range []struct {
		name string
		opts []rpc.Option
	}{{"none", nil}, {"steps", []rpc.Option{rpc.Trace(func(rpc.Step) { steps++ })}}} {
		b.Run(hook.name, func(b *testing.B) {
			hall := open(b, server.Config{})
			calls(b, connect(b, hall.URL()), hook.opts...)
		})
	}
}

func calls(b *testing.B, client *xbus.Client, opts ...rpc.Option) {
	b.Helper()
	var data any = benchPayload
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Call(b.Context(), "demo.echo", data, opts...).Await(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// credit is how far a publisher may be ahead of the loop that takes its events,
// so that no queue overflows: a queue of a subscription holds 1,024.
const credit = 256

// BenchmarkEvent publishes in the hall and takes the events in a range loop.
func BenchmarkEvent(b *testing.B) {
	eachDoor(b, func(b *testing.B, hall *server.Hall, client *xbus.Client) {
		sub := subscribe(b, client.Topic("bench::*"))
		room := make(chan struct{}, 2)
		room <- struct{}{}
		var taken int
		var wg sync.WaitGroup
		wg.Go(func() {
			for ev, err := range sub.All(context.Background()) {
				switch {
				case err != nil:
					b.Error(err)
					return
				case ev.Topic == "bench::end":
					return
				}
				if taken++; taken%credit == 0 {
					room <- struct{}{}
				}
			}
		})
		var data any = benchPayload
		published := 0
		b.ReportAllocs()
		for b.Loop() {
			publish(b, hall, "bench::event", data)
			if published++; published%credit == 0 {
				<-room
			}
		}
		publish(b, hall, "bench::end", nil)
		wg.Wait()
		if taken != published {
			b.Errorf("%d of %d events were taken", taken, published)
		}
	})
}
