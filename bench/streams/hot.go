package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
	"github.com/xcraft-go/xbus/topics"
)

// channelEnds pass three operators through a channel of 128.
func channelEnds() []*contender {
	const n = 200_000
	return []*contender{
		{name: "chan end xbus", run: func() float64 {
			return timed(n, func() {
				ch, wait := xbus3(n).Chan(context.Background(), observable.WithBuffer(128))
				for v := range ch {
					sink += v
				}
				_ = wait()
			})
		}},
		{name: "chan end select", run: func() float64 {
			return timed(n, func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				ch := make(chan int, 128)
				go func() {
					defer close(ch)
					_ = xbus3(n).Run(ctx, func(v int) bool {
						select {
						case ch <- v:
							return true
						case <-ctx.Done():
							return false
						}
					})
				}()
				for v := range ch {
					sink += v
				}
			})
		}},
	}
}

var fanOutSizes = []int{1, 10, 100, 1000}

// fanOuts send every value to n readers that lose nothing; ns per delivery.
func fanOuts() (list []*contender) {
	for _, n := range fanOutSizes {
		events := 2_000_000 / n
		list = append(list,
			&contender{name: fmt.Sprintf("fanout %d xbus", n), run: func() float64 { return fanOutXbus(n, events) }},
			&contender{name: fmt.Sprintf("fanout %d mutex+chan", n), run: func() float64 { return fanOutChan(n, events) }})
	}
	return list
}

func fanOutXbus(n, events int) float64 {
	s := observable.NewSubject[int](observable.WithSubscribers(observable.WithPolicy(observable.Block), observable.WithLimit(128)))
	var wg sync.WaitGroup
	for range n {
		sub := s.Subscribe()
		wg.Go(func() {
			for v := range sub.All(context.Background()) {
				_ = v
			}
		})
	}
	return timed(n*events, func() {
		for i := range events {
			s.Publish(context.Background(), i)
		}
		s.Close(nil)
		wg.Wait()
	})
}

func fanOutChan(n, events int) float64 {
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
	return timed(n*events, func() {
		for i := range events {
			mu.Lock()
			for _, ch := range chans {
				ch <- i
			}
			mu.Unlock()
		}
		for _, ch := range chans {
			close(ch)
		}
		wg.Wait()
	})
}

// selections find, among 100 subscribers of 100 topics, the one that an event is
// for, and put the event into its queue.
func selections() []*contender {
	const n, events = 100, 500_000
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("thermo%d::changed", i)
	}
	queue := func() *observable.Subscription[int] {
		return observable.NewSubscription[int](observable.WithLimit(128), observable.NoBlock())
	}
	return []*contender{
		{name: "topics xbus", run: func() float64 {
			router := topics.NewRouter[*observable.Subscription[int]]()
			for _, name := range names {
				router.Add(topics.MustCompile(name), queue())
			}
			var buf [8]*observable.Subscription[int]
			return timed(events, func() {
				for i := range events {
					for _, sub := range router.AppendMatches(buf[:0], names[i%n]) {
						sub.Offer(context.Background(), i)
					}
				}
			})
		}},
		{name: "topics map", run: func() float64 {
			var mu sync.RWMutex
			table := make(map[string][]*observable.Subscription[int])
			for _, name := range names {
				table[name] = append(table[name], queue())
			}
			return timed(events, func() {
				for i := range events {
					mu.RLock()
					subs := table[names[i%n]]
					mu.RUnlock()
					for _, sub := range subs {
						sub.Offer(context.Background(), i)
					}
				}
			})
		}},
	}
}

// sleepers publish to ten subscribers, of which some sleep a millisecond for
// each event. The publisher has some work of its own between two events.
func sleepers() []*contender {
	run := func(sleeping int) float64 {
		const events = 20_000
		s := observable.NewSubject[int]()
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for i := range 10 {
			sub := s.Subscribe()
			wg.Go(func() {
				for range sub.All(ctx) {
					if i < sleeping {
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		ns := timed(events, func() {
			for i := range events {
				s.Publish(ctx, i)
				for until := time.Now().Add(2 * time.Microsecond); time.Now().Before(until); {
				}
			}
		})
		cancel()
		wg.Wait()
		return ns
	}
	return []*contender{
		{name: "sleeper none", run: func() float64 { return run(0) }},
		{name: "sleeper one in ten", run: func() float64 { return run(1) }},
	}
}

// singles are small things with a bar of their own.
func singles() []*contender {
	return []*contender{
		{name: "subscribe+close in 1000", run: func() float64 {
			const n = 10_000
			s := observable.NewSubject[int]()
			for range 1000 {
				s.Subscribe()
			}
			return best(func() float64 {
				return timed(n, func() {
					for range n {
						s.Subscribe().Close()
					}
				})
			})
		}},
		{name: "value set 1000", run: setAmongWatchers},
		{name: "value load", run: func() float64 {
			const n = 1_000_000
			v := observable.NewValue(1)
			return best(func() float64 {
				return timed(n, func() {
					for range n {
						sink += v.Load()
					}
				})
			})
		}},
	}
}

func setAmongWatchers() float64 {
	const sets = 20_000
	v := observable.NewValue(0)
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() { _ = v.Observable().Run(context.Background(), func(int) bool { return true }) })
	}
	ns := timed(sets, func() {
		for i := range sets {
			v.Set(i + 1)
		}
	})
	v.Close()
	wg.Wait()
	return ns
}

// hops measure the way of one event to a consumer that waits for it: the median
// of many, each acknowledged before the next is sent.
func hops() []*contender {
	const n = 4_000
	return []*contender{
		{name: "hop channel", run: func() float64 {
			events, ack := make(chan time.Time), make(chan time.Duration)
			var wg sync.WaitGroup
			wg.Go(func() {
				for t := range events {
					ack <- time.Since(t)
				}
			})
			defer wg.Wait()
			defer close(events)
			return best(func() float64 { return medianHop(n, func() { events <- time.Now() }, ack) })
		}},
		{name: "hop 10 operators", run: func() float64 {
			s, ack := observable.NewSubject[time.Time](), make(chan time.Duration)
			sub := s.Subscribe()
			stream := sub.Observable()
			for range 5 {
				stream = op.Filter(op.Map(stream, func(t time.Time) time.Time { return t }), func(time.Time) bool { return true })
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				for t := range stream.All(context.Background()) {
					ack <- time.Since(t)
				}
			})
			defer wg.Wait()
			defer s.Close(nil)
			return best(func() float64 {
				return medianHop(n, func() { s.Publish(context.Background(), time.Now()) }, ack)
			})
		}},
	}
}

func medianHop(n int, send func(), ack <-chan time.Duration) float64 {
	took := make([]time.Duration, n)
	for i := range took {
		send()
		took[i] = <-ack
	}
	slices.Sort(took)
	return float64(took[n/2].Nanoseconds())
}
