package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

func benchHall(b *testing.B, address string) *server.Hall {
	b.Helper()
	hall, err := server.Listen(b.Context(), server.Config{Listen: []string{address}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { hall.Close() })
	server.Handle(hall, "bench.echo", func(_ context.Context, in json.RawMessage) (json.RawMessage, error) { return in, nil })
	server.Handle(hall, "bench.typed", func(_ context.Context, in reading) (reading, error) { return in, nil })
	return hall
}

// A call and its answer, so many at a time: the whole way, client included.
func BenchmarkCall(b *testing.B) {
	for _, address := range []string{"mem://bench", "xcraft://127.0.0.1:0"} {
		scheme, _, _ := strings.Cut(address, ":")
		for _, inFlight := range []int{1, 16, 256} {
			for _, command := range []string{"bench.echo", "bench.typed"} {
				b.Run(fmt.Sprintf("%s/%s/%d", scheme, strings.TrimPrefix(command, "bench."), inFlight), func(b *testing.B) {
					hall := benchHall(b, address)
					client, err := xbus.Connect(b.Context(), hall.URL())
					if err != nil {
						b.Fatal(err)
					}
					defer client.Close()
					data := reading{Room: "attic", Degrees: 21.5}
					b.ReportAllocs()
					calls := make(chan struct{})
					var wg sync.WaitGroup
					for range inFlight {
						wg.Go(func() {
							for range calls {
								if _, err := client.Call(b.Context(), command, data).Await(b.Context()); err != nil {
									b.Error(err)
								}
							}
						})
					}
					for b.Loop() {
						calls <- struct{}{}
					}
					close(calls)
					wg.Wait()
					if s := hall.Stats(); len(s.Cut) > 0 {
						b.Errorf("stats: %+v", s)
					}
				})
			}
		}
	}
}

// An event to so many clients, until the last one has it.
func BenchmarkPublish(b *testing.B) {
	for _, receivers := range []int{1, 10} {
		b.Run(fmt.Sprint(receivers), func(b *testing.B) {
			hall := benchHall(b, "xcraft://127.0.0.1:0")
			var wg sync.WaitGroup
			for range receivers {
				client, err := xbus.Connect(b.Context(), hall.URL())
				if err != nil {
					b.Fatal(err)
				}
				defer client.Close()
				sub, err := client.Topic("bench::end").Subscribe()
				if err != nil {
					b.Fatal(err)
				}
				wg.Go(func() { sub.Next(b.Context()) })
			}
			data := json.RawMessage(`"` + strings.Repeat("x", 100) + `"`)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				hall.Publish(b.Context(), "bench::event", data)
				if n++; n%10_000 == 0 { // below the limit at which clients are cut
					probe(b, hall)
				}
			}
			hall.Publish(b.Context(), "bench::end", nil)
			wg.Wait()
		})
	}
}

// probe waits until what was published before has been written.
func probe(b *testing.B, hall *server.Hall) {
	client, err := xbus.Connect(b.Context(), hall.URL())
	if err != nil {
		b.Fatal(err)
	}
	client.Close()
}

// The hall alone: a client that costs next to nothing keeps 256 commands in
// flight.
func BenchmarkHall(b *testing.B) {
	hall := benchHall(b, "xcraft://127.0.0.1:0")
	link, err := transportT(b, hall.URL()).Dial(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer link.Close()
	send := func(m *wire.Message) {
		if _, err := link.Send(b.Context(), m); err != nil {
			b.Error(err)
		}
	}
	send(&wire.Message{Topic: wire.CommandAuto, Token: "invalid", OrcName: wire.GreatHall, ID: "1",
		Data: json.RawMessage(`{"autoConnectToken":"t"}`), Rare: &wire.Rare{ARP: json.RawMessage(fmt.Sprintf(`{"t":{"port":%d}}`, link.Info().Port))}})
	next := func() *wire.Message {
		for {
			m, err := link.Receive()
			if err != nil {
				b.Fatal(err)
			}
			if !m.IsHeartbeat() {
				return m
			}
		}
	}
	var w struct{ OrcName string }
	json.Unmarshal(next().Data, &w)
	room := make(chan struct{}, 256)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range b.N {
			room <- struct{}{}
			send(&wire.Message{Topic: "bench.echo", Token: hall.Token(), OrcName: w.OrcName, ID: wire.NewID(), Nested: true,
				Data: json.RawMessage(`{"room":"attic","degrees":21.5}`), OriginRouter: wire.Axon})
		}
	})
	for range b.N {
		next()
		<-room
	}
	wg.Wait()
}
