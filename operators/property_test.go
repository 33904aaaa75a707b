package operators_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// A step is an operator and what it does to a slice.
type step struct {
	name   string
	stream func(s observable.Observable[int], n int) observable.Observable[int]
	slice  func(in []int, n int) []int
}

func steps() []step {
	filter := func(in []int, keep func(i, v int) bool) (out []int) {
		for i, v := range in {
			if keep(i, v) {
				out = append(out, v)
			}
		}
		return out
	}
	through := func(in []int, _ int) []int { return in }
	flat := func(chunk []int) observable.Observable[int] { return observable.Of(chunk...) }
	return []step{
		{"map", func(s observable.Observable[int], n int) observable.Observable[int] {
			return op.Map(s, func(v int) int { return v + n })
		}, func(in []int, n int) (out []int) {
			for _, v := range in {
				out = append(out, v+n)
			}
			return out
		}},
		{"filter", func(s observable.Observable[int], n int) observable.Observable[int] {
			return op.Filter(s, func(v int) bool { return v%(n+1) == 0 })
		}, func(in []int, n int) []int { return filter(in, func(_, v int) bool { return v%(n+1) == 0 }) }},
		{"take", func(s observable.Observable[int], n int) observable.Observable[int] { return op.Take(s, n) },
			func(in []int, n int) []int { return in[:min(n, len(in))] }},
		{"skip", func(s observable.Observable[int], n int) observable.Observable[int] { return op.Skip(s, n) },
			func(in []int, n int) []int { return in[min(n, len(in)):] }},
		{"distinct", func(s observable.Observable[int], _ int) observable.Observable[int] { return op.Distinct(s) },
			func(in []int, _ int) []int { return slices.Compact(slices.Clone(in)) }},
		{"pairwise", func(s observable.Observable[int], _ int) observable.Observable[int] {
			return op.Map(op.Pairwise(s), func(p op.Pair[int]) int { return p.New - p.Old })
		}, func(in []int, _ int) (out []int) {
			for i := 1; i < len(in); i++ {
				out = append(out, in[i]-in[i-1])
			}
			return out
		}},
		{"start with", func(s observable.Observable[int], n int) observable.Observable[int] { return op.StartWith(s, n) },
			func(in []int, n int) []int { return append([]int{n}, in...) }},
		{"end with", func(s observable.Observable[int], n int) observable.Observable[int] { return op.EndWith(s, n, n) },
			func(in []int, n int) []int { return append(slices.Clone(in), n, n) }},
		{"chunk", func(s observable.Observable[int], n int) observable.Observable[int] {
			return op.ConcatMap(op.Chunk(s, n+1, 0), flat)
		}, through},
		{"merge", func(s observable.Observable[int], _ int) observable.Observable[int] {
			return op.Merge(s, observable.Of[int]())
		}, through},
		{"buffer", func(s observable.Observable[int], n int) observable.Observable[int] {
			return op.Buffer(s, observable.WithLimit(n+1))
		}, through},
		{"map ordered", func(s observable.Observable[int], n int) observable.Observable[int] {
			return op.MapOrdered(s, n+1, func(_ context.Context, v int) (int, error) { return v, nil })
		}, through},
		{"zip", func(s observable.Observable[int], n int) observable.Observable[int] {
			return op.Zip(s, count(n), func(v, _ int) int { return v })
		}, func(in []int, n int) []int { return in[:min(n, len(in))] }},
		{"reduce", func(s observable.Observable[int], n int) observable.Observable[int] {
			return op.Reduce(s, n, func(sum, v int) int { return sum + v })
		}, func(in []int, n int) []int {
			for _, v := range in {
				n += v
			}
			return []int{n}
		}},
	}
}

// A pipeline does to a stream what its steps do to a slice, whatever the steps.
func TestPipelinesAgreeWithSlices(t *testing.T) {
	all := steps()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 30).Draw(t, "in")
		s, want := observable.Of(in...), in
		for range rapid.IntRange(0, 6).Draw(t, "steps") {
			st := all[rapid.IntRange(0, len(all)-1).Draw(t, "step")]
			n := rapid.IntRange(0, 5).Draw(t, st.name)
			s, want = st.stream(s, n), st.slice(want, n)
		}
		got, err := s.Collect(context.Background())
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
		leaveAt := rapid.IntRange(1, 10).Draw(t, "leave at")
		var some []int
		err = s.Run(context.Background(), func(v int) bool {
			some = append(some, v)
			return len(some) < leaveAt
		})
		if err != nil || !slices.Equal(some, want[:min(leaveAt, len(want))]) {
			t.Fatalf("left at %d: %v, %v; want the beginning of %v", leaveAt, some, err, want)
		}
	})
}

// Merge and MergeMap lose nothing, double nothing and keep the order of each source.
func TestMergeKeepsEachSource(t *testing.T) {
	type item struct{ source, v int }
	rapid.Check(t, func(t *rapid.T) {
		lengths := rapid.SliceOfN(rapid.IntRange(0, 20), 0, 5).Draw(t, "lengths")
		limit := rapid.IntRange(1, 6).Draw(t, "limit")
		source := func(i int) observable.Observable[item] {
			return op.Map(count(lengths[i]), func(v int) item { return item{i, v} })
		}
		var sources []observable.Observable[item]
		for i := range lengths {
			sources = append(sources, source(i))
		}
		for name, s := range map[string]observable.Observable[item]{
			"Merge":    op.Merge(sources...),
			"MergeMap": op.MergeMap(count(len(lengths)), limit, source),
		} {
			next := make([]int, len(lengths))
			err := s.Run(context.Background(), func(it item) bool {
				if it.v != next[it.source] {
					t.Fatalf("%s: item %d of source %d, want %d", name, it.v, it.source, next[it.source])
				}
				next[it.source]++
				return true
			})
			if err != nil || !slices.Equal(next, lengths) {
				t.Fatalf("%s: %v, %v; want %v", name, next, err, lengths)
			}
		}
	})
}

// In each group delivered + dropped + buffered = matched, and the groups of a
// key together have all its items, whoever reads, leaves or stays away.
func TestGroupsAccountForAllItems(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 200).Draw(t, "items")
		policy := rapid.SampledFrom([]observable.Policy{
			observable.DropOldest, observable.DropNewest, observable.Conflate}).Draw(t, "policy")
		cfg := op.GroupConfig{
			Max: rapid.IntRange(1, 6).Draw(t, "max"),
			Buffer: []observable.SubscribeOption{observable.WithPolicy(policy),
				observable.WithLimit(rapid.IntRange(1, 8).Draw(t, "limit"))},
		}
		patience := rapid.IntRange(0, 20).Draw(t, "items that a reader reads")
		var groups []op.Group[int, int]
		var delivered uint64
		var mu sync.Mutex
		var readers sync.WaitGroup
		err := op.GroupBy(observable.Of(items...), same, cfg).Run(context.Background(), func(g op.Group[int, int]) bool {
			groups = append(groups, g)
			if g.Key == 0 || patience == 0 {
				return true // nobody reads it
			}
			readers.Go(func() {
				n, _ := op.Take(g.Observable, patience).Count(context.Background())
				mu.Lock()
				defer mu.Unlock()
				delivered += uint64(n)
			})
			return true
		})
		readers.Wait()
		var matched, given uint64
		for _, g := range groups {
			s := g.Stats()
			if s.Delivered+s.Dropped+uint64(s.Buffered) != s.Matched {
				t.Fatalf("%+v", s)
			}
			matched += s.Matched
			given += s.Delivered
		}
		if err != nil || matched != uint64(len(items)) || given != delivered {
			t.Fatalf("%v; %d items, %d matched; %d delivered, %d counted", err, len(items), matched, delivered, given)
		}
	})
}

// A hand-over allocates nothing per item either.
func TestHandOverAllocatesNothingPerItem(t *testing.T) {
	for name, make := range map[string]func(n int) observable.Observable[int]{
		"Merge":         func(n int) observable.Observable[int] { return op.Merge(source(n)) },
		"CombineLatest": func(n int) observable.Observable[int] { return op.CombineLatest(source(n), source(1), sum) },
		"Zip":           func(n int) observable.Observable[int] { return op.Zip(source(n), source(n), sum) },
		"SwitchMap": func(n int) observable.Observable[int] {
			return op.SwitchMap(source(1), func(int) observable.Observable[int] { return source(n) })
		},
		"Debounce": func(n int) observable.Observable[int] { return op.Debounce(source(n), 1e9) },
		"Timeout":  func(n int) observable.Observable[int] { return op.Timeout(source(n), 1e9, 1e9) },
	} {
		const n = 20_000
		var before, after runtime.MemStats
		s := make(n)
		runtime.ReadMemStats(&before)
		_ = s.Run(t.Context(), func(v int) bool { sink += v; return true })
		runtime.ReadMemStats(&after)
		if allocs := after.Mallocs - before.Mallocs; allocs > n/10 {
			t.Errorf("%s: %d allocations for %d items", name, allocs, n)
		}
	}
}

func sum(a, b int) int { return a + b }
