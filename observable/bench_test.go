package observable

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
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

// BenchmarkHop is one event to a consumer that waits, and its answer back.
func BenchmarkHop(b *testing.B) {
	b.Run("subject", func(b *testing.B) {
		s, ack := NewSubject[int](), make(chan int, 1)
		sub := s.Subscribe()
		var wg sync.WaitGroup
		wg.Go(func() {
			for v := range sub.All(b.Context()) {
				ack <- v
			}
		})
		b.ReportAllocs()
		for b.Loop() {
			s.Publish(context.Background(), 1)
			<-ack
		}
		sub.Close()
		wg.Wait()
	})
	b.Run("chan", func(b *testing.B) {
		ch, ack := make(chan int), make(chan int, 1)
		var wg sync.WaitGroup
		wg.Go(func() {
			for v := range ch {
				ack <- v
			}
		})
		b.ReportAllocs()
		for b.Loop() {
			ch <- 1
			<-ack
		}
		close(ch)
		wg.Wait()
	})
}

// BenchmarkSubscribe is a subscription that is made and closed among others.
func BenchmarkSubscribe(b *testing.B) {
	for _, n := range []int{0, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := NewSubject[int]()
			for range n {
				s.Subscribe()
			}
			b.ReportAllocs()
			for b.Loop() {
				s.Subscribe().Close()
			}
		})
	}
}

func BenchmarkValueLoad(b *testing.B) {
	v := NewValue(1)
	sum := 0
	for b.Loop() {
		sum += v.Load()
	}
}

// BenchmarkValueSet sets a value that n watchers follow, as fast as it can and
// with a pause in which all of them go back to sleep.
func BenchmarkValueSet(b *testing.B) {
	for _, n := range []int{0, 1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			v := NewValue(0)
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() { v.Observable().Run(context.Background(), func(int) bool { return true }) })
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				v.Set(i)
			}
			v.Close()
			wg.Wait()
		})
	}
}

func BenchmarkValueSetPaced(b *testing.B) {
	v := NewValue(0)
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() { v.Observable().Run(context.Background(), func(int) bool { return true }) })
	}
	i := 0
	var spent time.Duration
	for b.Loop() {
		time.Sleep(2 * time.Millisecond)
		i++
		from := time.Now()
		v.Set(i)
		spent += time.Since(from)
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(i), "ns/set")
	v.Close()
	wg.Wait()
}

// BenchmarkChanEnd passes three cheap stages through a channel of 128.
func BenchmarkChanEnd(b *testing.B) {
	const n = 1 << 16
	src := New(func(ctx context.Context, yield func(int) bool) error {
		for i := range n {
			if !yield(i) {
				return nil
			}
		}
		return nil
	})
	b.Run("Chan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ch, wait := src.Chan(b.Context(), WithBuffer(128))
			for range ch {
			}
			wait()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
	})
	b.Run("select", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ch, ctx := make(chan int, 128), b.Context()
			go func() {
				defer close(ch)
				src.Run(ctx, func(v int) bool {
					select {
					case ch <- v:
						return true
					case <-ctx.Done():
						return false
					}
				})
			}()
			for range ch {
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
	})
}

// BenchmarkSleeper publishes to ten, of whom one may never read.
func BenchmarkSleeper(b *testing.B) {
	for _, sleepers := range []int{0, 1} {
		b.Run(fmt.Sprint(sleepers), func(b *testing.B) {
			s := NewSubject[int]()
			for range sleepers {
				s.Subscribe()
			}
			var wg sync.WaitGroup
			for range 10 - sleepers {
				sub := s.Subscribe()
				wg.Go(func() {
					for range sub.All(context.Background()) {
					}
				})
			}
			b.ReportAllocs()
			for b.Loop() {
				s.Publish(context.Background(), 1)
			}
			s.Close(nil)
			wg.Wait()
		})
	}
}
