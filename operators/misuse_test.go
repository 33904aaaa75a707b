package operators_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// Mistakes in the program panic where the operator is applied, with a message
// that names it and says what to give.
func TestMisuse(t *testing.T) {
	src := observable.Of(1)
	second := time.Second
	type ob = observable.Observable[int]
	tests := []struct {
		operator string
		apply    func()
	}{
		{"Map", func() { op.Map[int, int](src, nil) }},
		{"MapErr", func() { op.MapErr[int, int](src, nil) }},
		{"Filter", func() { op.Filter(src, nil) }},
		{"FilterMap", func() { op.FilterMap[int, int](src, nil) }},
		{"Scan", func() { op.Scan(src, 0, nil) }},
		{"Reduce", func() { op.Reduce(src, 0, nil) }},
		{"Take", func() { op.Take(src, -1) }},
		{"TakeWhile", func() { op.TakeWhile(src, nil) }},
		{"Skip", func() { op.Skip(src, -1) }},
		{"SkipWhile", func() { op.SkipWhile(src, nil) }},
		{"DistinctBy", func() { op.DistinctBy[int, int](src, nil) }},
		{"DistinctFunc", func() { op.DistinctFunc(src, nil) }},
		{"CombineLatest", func() { op.CombineLatest[int, int, int](src, src, nil) }},
		{"CombineLatest3", func() { op.CombineLatest3[int, int, int, int](src, src, src, nil) }},
		{"CombineLatest4", func() { op.CombineLatest4[int, int, int, int, int](src, src, src, src, nil) }},
		{"WithLatestFrom", func() { op.WithLatestFrom[int, int, int](src, src, nil) }},
		{"Zip", func() { op.Zip[int, int, int](src, src, nil) }},
		{"ConcatMap", func() { op.ConcatMap[int, int](src, nil) }},
		{"MergeMap", func() { op.MergeMap[int, int](src, 1, nil) }},
		{"MergeMap", func() { op.MergeMap(src, 0, func(int) ob { return src }) }},
		{"MapOrdered", func() { op.MapOrdered[int, int](src, 1, nil) }},
		{"MapOrdered", func() { op.MapOrdered(src, 0, func(context.Context, int) (int, error) { return 0, nil }) }},
		{"SwitchMap", func() { op.SwitchMap[int, int](src, nil) }},
		{"ExhaustMap", func() { op.ExhaustMap[int, int](src, nil, func(int) {}) }},
		{"ExhaustMap", func() { op.ExhaustMap(src, func(int) ob { return src }, nil) }},
		{"Catch", func() { op.Catch(src, nil) }},
		{"Retry", func() { op.Retry(src, op.RetryConfig{MaxAttempts: -1}) }},
		{"Retry", func() { op.Retry(src, op.RetryConfig{StableAfter: -1}) }},
		{"ExponentialBackoff", func() { op.ExponentialBackoff(0, second) }},
		{"ExponentialBackoff", func() { op.ExponentialBackoff(second, 1) }},
		{"ConstantBackoff", func() { op.ConstantBackoff(-1) }},
		{"Debounce", func() { op.Debounce(src, 0) }},
		{"Sample", func() { op.Sample(src, 0) }},
		{"Audit", func() { op.Audit(src, -1) }},
		{"Throttle", func() { op.Throttle(src, 0, op.Leading) }},
		{"Throttle", func() { op.Throttle(src, second, 0) }},
		{"Throttle", func() { op.Throttle(src, second, 4) }},
		{"Delay", func() { op.Delay(src, -1) }},
		{"DelayEach", func() { op.DelayEach(src, -1) }},
		{"Chunk", func() { op.Chunk(src, 0, second) }},
		{"Chunk", func() { op.Chunk(src, 1, -1) }},
		{"Timeout", func() { op.Timeout(src, 0, 0) }},
		{"Timeout", func() { op.Timeout(src, -1, second) }},
		{"Buffer", func() { op.Buffer(src, observable.WithLimit(0)) }},
		{"Buffer", func() { op.Buffer(src, observable.SizeOf(func(string) int { return 1 })) }},
		{"GroupBy", func() { op.GroupBy[int, int](src, nil, op.GroupConfig{}) }},
		{"GroupBy", func() { op.GroupBy(src, same, op.GroupConfig{Max: -1}) }},
		{"GroupBy", func() { op.GroupBy(src, same, op.GroupConfig{Idle: -1}) }},
		{"GroupBy", func() {
			op.GroupBy(src, same, op.GroupConfig{Buffer: []observable.SubscribeOption{observable.WithPolicy(observable.Block)}})
		}},
		{"Tap", func() { op.Tap(src, nil) }},
		{"OnEnd", func() { op.OnEnd(src, nil) }},
	}
	for _, tt := range tests {
		message, _ := recovered(tt.apply).(string)
		if !strings.HasPrefix(message, "operators: "+tt.operator+": give ") {
			t.Errorf("%s panicked with %q", tt.operator, message)
		}
	}
}

func same(v int) int { return v }
