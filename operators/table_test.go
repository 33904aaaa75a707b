package operators_test

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

type stream = observable.Observable[any]

// A candidate is an operator with a source under test in one of its places, set
// up so that the items of that source come out as they went in.
type candidate struct {
	name string
	// apply calls call in each function that it gives to the operator.
	apply func(src stream, call func()) stream
	// goroutines is how many may run beside the one that runs the stream.
	goroutines int
	skip       int  // so many items at the beginning do not come out
	atEnd      bool // items come out when the source is complete
	mute       bool // the source is a signal: its items do not come out
}

// transparent is a candidate whose operator takes no function.
func transparent(name string, goroutines int, apply func(src stream) stream) candidate {
	return candidate{name: name, goroutines: goroutines,
		apply: func(src stream, _ func()) stream { return apply(src) }}
}

const ms = time.Millisecond

// unique gives each item another key.
var unique atomic.Int64

func candidates() []candidate {
	all := append(fusedCandidates(), crewCandidates()...)
	return append(all, timeCandidates()...)
}

func fusedCandidates() []candidate {
	mark := new(int)
	isMark := func(v any) bool { return v == any(mark) }
	refused := errors.New("refused")
	return []candidate{
		{name: "Map", apply: func(src stream, call func()) stream {
			return op.Map(src, func(v any) any { call(); return v })
		}},
		{name: "MapErr", apply: func(src stream, call func()) stream {
			return op.MapErr(src, func(v any) (any, error) { call(); return v, nil })
		}},
		{name: "Filter", apply: func(src stream, call func()) stream {
			return op.Filter(src, func(any) bool { call(); return true })
		}},
		{name: "FilterMap", apply: func(src stream, call func()) stream {
			return op.FilterMap(src, func(v any) (any, bool) { call(); return v, true })
		}},
		{name: "Scan", apply: func(src stream, call func()) stream {
			return op.Scan(src, any(nil), func(_, v any) any { call(); return v })
		}},
		{name: "Reduce", atEnd: true, apply: func(src stream, call func()) stream {
			all := op.Reduce(src, []any(nil), func(acc []any, v any) []any { call(); return append(acc, v) })
			return op.ConcatMap(all, func(acc []any) stream { return of(acc...) })
		}},
		{name: "Pairwise", skip: 1, apply: func(src stream, _ func()) stream {
			return op.Map(op.Pairwise(src), func(p op.Pair[any]) any { return p.New })
		}},
		transparent("Materialize", 0, func(src stream) stream { return op.Dematerialize(op.Materialize(src)) }),
		transparent("Take", 0, func(src stream) stream { return op.Take(src, 1000) }),
		{name: "TakeWhile", apply: func(src stream, call func()) stream {
			return op.TakeWhile(src, func(any) bool { call(); return true })
		}},
		transparent("Skip", 0, func(src stream) stream { return op.Skip(src, 0) }),
		{name: "SkipWhile", apply: func(src stream, call func()) stream {
			return op.SkipWhile(src, func(any) bool { call(); return false })
		}},
		transparent("Distinct", 0, func(src stream) stream { return op.Distinct(src) }),
		{name: "DistinctBy", apply: func(src stream, call func()) stream {
			return op.DistinctBy(src, func(any) int64 { call(); return unique.Add(1) })
		}},
		{name: "DistinctFunc", apply: func(src stream, call func()) stream {
			return op.DistinctFunc(src, func(_, _ any) bool { call(); return false })
		}},
		transparent("Concat/first", 0, func(src stream) stream { return op.Concat(src, of()) }),
		transparent("Concat/second", 0, func(src stream) stream { return op.Concat(of(), src) }),
		transparent("StartWith", 0, func(src stream) stream {
			return op.Filter(op.StartWith(src, any(mark)), func(v any) bool { return !isMark(v) })
		}),
		transparent("EndWith", 0, func(src stream) stream {
			return op.Filter(op.EndWith(src, any(mark)), func(v any) bool { return !isMark(v) })
		}),
		{name: "ConcatMap/outer", apply: func(src stream, call func()) stream {
			return op.ConcatMap(src, func(v any) stream { call(); return of(v) })
		}},
		{name: "ConcatMap/inner", apply: func(src stream, call func()) stream {
			return op.ConcatMap(of(1), func(any) stream { call(); return src })
		}},
		{name: "Catch/source", apply: func(src stream, call func()) stream {
			return op.Catch(src, func(err error) stream { call(); return observable.Fail[any](err) })
		}},
		{name: "Catch/fallback", apply: func(src stream, call func()) stream {
			return op.Catch(observable.Fail[any](refused), func(error) stream { call(); return src })
		}},
		{name: "Retry", apply: func(src stream, call func()) stream {
			return op.Retry(src, op.RetryConfig{
				Retryable: func(error) bool { call(); return false },
				OnAttempt: func(op.Attempt) { call() },
			})
		}},
		{name: "Tap", apply: func(src stream, call func()) stream {
			return op.Tap(src, func(any) { call() })
		}},
		{name: "OnEnd", apply: func(src stream, call func()) stream {
			return op.OnEnd(src, func(error) { call() })
		}},
	}
}

func crewCandidates() []candidate {
	first := func(a, _ any) any { return a }
	second := func(_, b any) any { return b }
	return []candidate{
		transparent("Merge/first", 2, func(src stream) stream { return op.Merge(src, of()) }),
		transparent("Merge/second", 2, func(src stream) stream { return op.Merge(of(), src) }),
		transparent("Merge/nested", 4, func(src stream) stream { return op.Merge(op.Merge(src, of()), of()) }),
		transparent("Race/first", 2, func(src stream) stream { return op.Race(src, never()) }),
		transparent("Race/second", 2, func(src stream) stream { return op.Race(never(), src) }),
		{name: "CombineLatest/first", goroutines: 2, apply: func(src stream, call func()) stream {
			return op.CombineLatest(src, of(1), func(a, b any) any { call(); return a })
		}},
		{name: "CombineLatest/second", goroutines: 2, apply: func(src stream, call func()) stream {
			return op.CombineLatest(of(1), src, func(a, b any) any { call(); return b })
		}},
		{name: "CombineLatest3/last", goroutines: 3, apply: func(src stream, call func()) stream {
			return op.CombineLatest3(of(1), of(2), src, func(_, _, v any) any { call(); return v })
		}},
		{name: "CombineLatest3/first", goroutines: 3, apply: func(src stream, call func()) stream {
			return op.CombineLatest3(src, of(1), of(2), func(v, _, _ any) any { call(); return v })
		}},
		{name: "CombineLatest4/second", goroutines: 4, apply: func(src stream, call func()) stream {
			return op.CombineLatest4(of(1), src, of(2), of(3), func(_, v, _, _ any) any { call(); return v })
		}},
		{name: "CombineLatest4/third", goroutines: 4, apply: func(src stream, call func()) stream {
			return op.CombineLatest4(of(1), of(2), src, of(3), func(_, _, v, _ any) any { call(); return v })
		}},
		transparent("CombineLatestAll", 3, func(src stream) stream {
			return op.Map(op.CombineLatestAll([]stream{of(1), src, of(2)}), func(vs []any) any { return vs[1] })
		}),
		{name: "WithLatestFrom/source", goroutines: 1, apply: func(src stream, call func()) stream {
			return op.WithLatestFrom(src, of(1), func(a, _ any) any { call(); return a })
		}},
		{name: "WithLatestFrom/other", goroutines: 1, mute: true, apply: func(src stream, _ func()) stream {
			return op.WithLatestFrom(every(4*ms, 10), op.StartWith(src, any(0)), first)
		}},
		{name: "Zip/first", goroutines: 2, apply: func(src stream, call func()) stream {
			return op.Zip(src, count(-1), func(v any, _ int) any { call(); return v })
		}},
		{name: "Zip/second", goroutines: 2, apply: func(src stream, _ func()) stream {
			return op.Zip(every(ms, -1), src, second)
		}},
		transparent("TakeUntil/source", 1, func(src stream) stream { return op.TakeUntil(src, never()) }),
		{name: "TakeUntil/other", goroutines: 1, mute: true, apply: func(src stream, _ func()) stream {
			return op.TakeUntil(every(4*ms, 10), src)
		}},
		{name: "SwitchMap/outer", goroutines: 1, apply: func(src stream, call func()) stream {
			return op.SwitchMap(src, func(v any) stream { call(); return of(v) })
		}},
		{name: "SwitchMap/inner", goroutines: 1, apply: func(src stream, call func()) stream {
			return op.SwitchMap(of(1), func(any) stream { call(); return src })
		}},
		{name: "ExhaustMap/outer", goroutines: 1, apply: func(src stream, call func()) stream {
			return op.ExhaustMap(src, func(v any) stream { call(); return of(v) }, func(int) {})
		}},
		{name: "ExhaustMap/inner", goroutines: 1, apply: func(src stream, call func()) stream {
			return op.ExhaustMap(of(1), func(any) stream { call(); return src }, func(int) {})
		}},
		{name: "MergeMap/outer", goroutines: 3, apply: func(src stream, call func()) stream {
			return op.MergeMap(src, 2, func(v any) stream { call(); return of(v) })
		}},
		{name: "MergeMap/inner", goroutines: 2, apply: func(src stream, call func()) stream {
			return op.MergeMap(of(1), 1, func(any) stream { call(); return src })
		}},
		{name: "MapOrdered", goroutines: 3, apply: func(src stream, call func()) stream {
			return op.MapOrdered(src, 2, func(_ context.Context, v any) (any, error) { call(); return v, nil })
		}},
		transparent("Buffer", 1, func(src stream) stream { return op.Buffer(src) }),
		transparent("Buffer/Fail", 1, func(src stream) stream {
			return op.Buffer(src, observable.WithPolicy(observable.FailOnOverflow), observable.WithLimit(3))
		}),
		{name: "GroupBy/one", goroutines: 3, apply: func(src stream, call func()) stream {
			groups := op.GroupBy(src, func(any) int { call(); return 1 }, op.GroupConfig{Idle: time.Second})
			return op.MergeMap(groups, 1, func(g op.Group[int, any]) stream { return g.Observable })
		}},
		{name: "GroupBy/many", goroutines: 1, apply: func(src stream, call func()) stream {
			groups := op.GroupBy(src, func(any) int64 { call(); return unique.Add(1) }, op.GroupConfig{})
			return op.ConcatMap(groups, func(g op.Group[int64, any]) stream { return op.Take(g.Observable, 1) })
		}},
	}
}

func timeCandidates() []candidate {
	only := func(vs []any) any { return vs[0] }
	return []candidate{
		transparent("Timeout", 0, func(src stream) stream { return op.Timeout(src, time.Second, time.Second) }),
		transparent("Timeout/first", 0, func(src stream) stream { return op.Timeout(src, time.Second, 0) }),
		transparent("Debounce", 1, func(src stream) stream { return op.Debounce(src, ms) }),
		transparent("Sample", 1, func(src stream) stream { return op.Sample(src, 3*ms) }),
		transparent("Audit", 1, func(src stream) stream { return op.Audit(src, ms) }),
		transparent("Throttle/leading", 0, func(src stream) stream { return op.Throttle(src, ms, op.Leading) }),
		transparent("Throttle/trailing", 1, func(src stream) stream { return op.Throttle(src, ms, op.Trailing) }),
		transparent("Throttle/both", 1, func(src stream) stream { return op.Throttle(src, ms, op.Leading|op.Trailing) }),
		transparent("Chunk/count", 0, func(src stream) stream { return op.Map(op.Chunk(src, 1, 0), only) }),
		transparent("Chunk/time", 1, func(src stream) stream { return op.Map(op.Chunk(src, 9, ms), only) }),
		transparent("Delay", 1, func(src stream) stream { return op.Delay(src, ms) }),
		transparent("DelayEach", 0, func(src stream) stream { return op.DelayEach(src, ms) }),
	}
}
