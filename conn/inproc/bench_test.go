package inproc

import (
	"context"
	"testing"
)

func BenchmarkRoundTrip(b *testing.B) {
	_, client, hall := joined(b)
	go func() {
		for {
			m, err := hall.Receive()
			if err != nil {
				return
			}
			hall.Send(context.Background(), m)
		}
	}()
	m := command("1")
	b.ReportAllocs()
	for b.Loop() {
		client.Send(context.Background(), m)
		client.Receive()
	}
}

func BenchmarkThroughput(b *testing.B) {
	_, client, hall := joined(b)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range b.N {
			hall.Receive()
		}
	}()
	m := command("1")
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		client.Send(context.Background(), m)
	}
	<-done
}
