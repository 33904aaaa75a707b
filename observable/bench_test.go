package observable

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// BenchmarkFanOut publishes to n lossless consumers that read as fast as they
// can; ns/delivery is what one value costs one consumer, until all have it.
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("subject/%d", n), func(b *testing.B) { fanOutSubject(b, n) })
		b.Run(fmt.Sprintf("mutex+chan/%d", n), func(b *testing.B) { fanOutChans(b, n) })
	}
}

func fanOutSubject(b *testing.B, n int) {
	s := NewSubject[int](WithSubscribers(WithPolicy(Block), WithLimit(128)))
	var wg sync.WaitGroup
	for range n {
		sub := s.Subscribe()
		wg.Go(func() {
			for range sub.All(context.Background()) {
			}
		})
	}
	b.ReportAllocs()
	events := 0
	for b.Loop() {
		s.Publish(context.Background(), events)
		events++
	}
	s.Close(nil)
	wg.Wait()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events*n), "ns/delivery")
}

func fanOutChans(b *testing.B, n int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	chans := make([]chan int, n)
	for i := range chans {
		ch := make(chan int, 128)
		chans[i] = ch
		wg.Go(func() {
			for range ch {
			}
		})
	}
	b.ReportAllocs()
	events := 0
	for b.Loop() {
		for range 1000 {
			mu.Lock()
			for _, ch := range chans {
				ch <- events
			}
			mu.Unlock()
			events++
		}
	}
	for _, ch := range chans {
		close(ch)
	}
	wg.Wait()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events*n), "ns/delivery")
}

func publish1000(s *Subject[int]) int {
	for i := range 1000 {
		s.Publish(context.Background(), i)
	}
	return 1000
}
