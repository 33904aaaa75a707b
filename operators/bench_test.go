package operators_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// Numbers of items: one run of a stream has so many.
const batch = 100_000

var sink int

//go:noinline
func loop3(n int) (sum int) {
	for i := range n {
		if v := i + 1; v%3 != 0 {
			sum += v * 2
		}
	}
	return sum
}

//go:noinline
func loop10(n int) (sum int) {
	for i := range n {
		v := i + 1
		if v%7 == 0 {
			continue
		}
		v *= 3
		if v%5 == 0 {
			continue
		}
		v ^= 0x55
		if v%11 == 0 {
			continue
		}
		v += 7
		if v%13 == 0 {
			continue
		}
		v -= 2
		if v%17 == 0 {
			continue
		}
		sum += v
	}
	return sum
}

func source(n int) observable.Observable[int] {
	return observable.New(func(ctx context.Context, yield func(int) bool) error {
		for i := range n {
			if !yield(i) {
				return nil
			}
		}
		return nil
	})
}

func pipeline3(src observable.Observable[int]) observable.Observable[int] {
	s := op.Map(src, func(v int) int { return v + 1 })
	s = op.Filter(s, func(v int) bool { return v%3 != 0 })
	return op.Map(s, func(v int) int { return v * 2 })
}

func pipeline10(src observable.Observable[int]) observable.Observable[int] {
	s := op.Map(src, func(v int) int { return v + 1 })
	s = op.Filter(s, func(v int) bool { return v%7 != 0 })
	s = op.Map(s, func(v int) int { return v * 3 })
	s = op.Filter(s, func(v int) bool { return v%5 != 0 })
	s = op.Map(s, func(v int) int { return v ^ 0x55 })
	s = op.Filter(s, func(v int) bool { return v%11 != 0 })
	s = op.Map(s, func(v int) int { return v + 7 })
	s = op.Filter(s, func(v int) bool { return v%13 != 0 })
	s = op.Map(s, func(v int) int { return v - 2 })
	return op.Filter(s, func(v int) bool { return v%17 != 0 })
}

func perItem(b *testing.B, items int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(items), "ns/item")
	b.ReportMetric(0, "ns/op")
}

func benchStream[T any](b *testing.B, items int, s observable.Observable[T]) {
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		_ = s.Run(b.Context(), func(T) bool { n++; return true })
	}
	sink += n
	perItem(b, items)
}

func BenchmarkLoop3(b *testing.B) {
	for b.Loop() {
		sink += loop3(batch)
	}
	perItem(b, batch)
}

func BenchmarkLoop10(b *testing.B) {
	for b.Loop() {
		sink += loop10(batch)
	}
	perItem(b, batch)
}

func BenchmarkSourceAlone(b *testing.B) { benchStream(b, batch, source(batch)) }

func BenchmarkOps3(b *testing.B)  { benchStream(b, batch, pipeline3(source(batch))) }
func BenchmarkOps10(b *testing.B) { benchStream(b, batch, pipeline10(source(batch))) }

func BenchmarkOps10All(b *testing.B) {
	s := pipeline10(source(batch))
	for b.Loop() {
		for v := range s.All(b.Context()) {
			sink += v
		}
	}
	perItem(b, batch)
}

// One more operator, for each that does more than call a function.
func BenchmarkOne(b *testing.B) {
	src := source(batch)
	bench := func(name string, s observable.Observable[int]) {
		b.Run(name, func(b *testing.B) { benchStream(b, batch, s) })
	}
	bench("Map", op.Map(src, func(v int) int { return v + 1 }))
	bench("Scan", op.Scan(src, 0, func(a, v int) int { return a + v }))
	bench("Distinct", op.Distinct(src))
	bench("Take", op.Take(src, batch))
	bench("OnEnd", op.OnEnd(src, func(error) {}))
	bench("ConcatMap", op.ConcatMap(observable.Of(1), func(int) observable.Observable[int] { return src }))
	bench("Retry", op.Retry(src, op.RetryConfig{}))
	bench("TakeUntil", op.TakeUntil(src, observable.Never[int]()))
	bench("WithLatestFrom", op.WithLatestFrom(src, observable.Of(1), func(a, b int) int { return a + b }))
	bench("SwitchMap", op.SwitchMap(observable.Of(1), func(int) observable.Observable[int] { return src }))
	bench("ExhaustMap", op.ExhaustMap(observable.Of(1), func(int) observable.Observable[int] { return src }, func(int) {}))
	bench("Timeout", op.Timeout(src, 1e9, 1e9))
	bench("ThrottleLeading", op.Throttle(src, 1e9, op.Leading))
}

// A hand-over from goroutine to goroutine for each item.
func BenchmarkHandOver(b *testing.B) {
	const n = 10_000
	src := source(n)
	bench := func(name string, s observable.Observable[int]) {
		b.Run(name, func(b *testing.B) { benchStream(b, n, s) })
	}
	bench("Merge1", op.Merge(src))
	bench("Merge2", op.Merge(source(n/2), source(n/2)))
	bench("CombineLatest", op.CombineLatest(source(n/2), source(n/2), func(a, b int) int { return a + b }))
	bench("Zip", op.Zip(src, src, func(a, b int) int { return a + b }))
	bench("MergeMap", op.MergeMap(observable.Of(1, 2), 2, func(int) observable.Observable[int] { return source(n / 2) }))
	bench("Debounce", op.Map(op.Debounce(src, 1e9), func(v int) int { return v }))
	bench("Buffer", op.Buffer(src))
}

// A goroutine for each item.
func BenchmarkMapOrdered(b *testing.B) {
	s := op.MapOrdered(source(1000), 16, func(_ context.Context, v int) (int, error) { return v, nil })
	benchStream(b, 1000, s)
}

func BenchmarkStart(b *testing.B) {
	one := source(1)
	bench := func(name string, s observable.Observable[int]) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = s.Run(b.Context(), func(v int) bool { sink += v; return true })
			}
		})
	}
	bench("Ops10", pipeline10(one))
	bench("Merge2", op.Merge(one, one))
	bench("SwitchMap", op.SwitchMap(one, func(int) observable.Observable[int] { return one }))
	bench("Debounce", op.Debounce(one, 1e9))
}

// Fused operators allocate per run, never per item, and start no goroutine.
func TestFusedAllocatesNothingPerItem(t *testing.T) {
	allocs := func(items int) float64 {
		s := pipeline10(source(items))
		return testing.AllocsPerRun(10, func() {
			_ = s.Run(context.Background(), func(v int) bool { sink += v; return true })
		})
	}
	if few, many := allocs(10), allocs(10_000); few != many {
		t.Errorf("%v allocations for 10 items, %v for 10000", few, many)
	}
	before, during := runtime.NumGoroutine(), 0
	_ = pipeline10(source(100)).Run(t.Context(), func(int) bool {
		during = runtime.NumGoroutine()
		return true
	})
	if during > before {
		t.Errorf("%d goroutines for 10 operators", during-before)
	}
}
