package operators_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/observable/obstest"
	op "github.com/xcraft-go/xbus/operators"
)

func parity(v int) string {
	if v%2 == 0 {
		return "even"
	}
	return "odd"
}

type group = op.Group[string, int]

// all reads a group to its end, beside the others.
func all(g group) observable.Observable[string] {
	return op.Reduce(g.Observable, g.Key+":", func(s string, v int) string { return fmt.Sprint(s, " ", v) })
}

func TestGroupBy(t *testing.T) {
	got := collect(t, op.MergeMap(op.GroupBy(count(6), parity, op.GroupConfig{}), 2, all))
	slices.Sort(got)
	if !slices.Equal(got, []string{"even: 0 2 4", "odd: 1 3 5"}) {
		t.Errorf("%q", got)
	}
}

// A group that nobody reads loses by its policy, counted, and stops nobody.
func TestGroupsDoNotStopEachOther(t *testing.T) {
	var groups []group
	cfg := op.GroupConfig{Buffer: []observable.SubscribeOption{observable.WithLimit(10)}}
	groups = collect(t, op.GroupBy(count(1000), parity, cfg))
	if len(groups) != 2 {
		t.Fatalf("%d groups", len(groups))
	}
	for _, g := range groups {
		if s := g.Stats(); s.Matched != 500 || s.Dropped != 490 || s.Buffered != 10 {
			t.Errorf("%s: %+v", g.Key, s)
		}
	}
	want(t, groups[0].Observable, 980, 982, 984, 986, 988, 990, 992, 994, 996, 998)
	if _, err := groups[0].Collect(t.Context()); err == nil {
		t.Error("the second run of a group must fail, not look empty")
	}
}

// Nor does a consumer that does not take new groups stop those that it has.
func TestGroupsGoOnWhileTheConsumerIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := op.DelayEach(count(10), time.Second)
		first := true
		err := op.GroupBy(src, parity, op.GroupConfig{}).Run(t.Context(), func(g group) bool {
			if !first {
				return true
			}
			first = false
			got, err := op.Take(g.Observable, 4).Collect(t.Context()) // in the callback
			if err != nil || !slices.Equal(got, []int{0, 2, 4, 6}) {
				t.Errorf("%v, %v", got, err)
			}
			return true
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestGroupsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// a at 0 s and 1 s, b at 2 s, a at 8 s: the first group of a ends at 4 s.
		src := obstest.Cold(t, "a 999ms a 999ms b 5999ms a|")
		began := time.Now()
		ends := op.MergeMap(op.GroupBy(src, func(s string) string { return s }, op.GroupConfig{Idle: 3 * time.Second}), 9,
			func(g op.Group[string, string]) observable.Observable[string] {
				return op.Map(op.Reduce(g.Observable, 0, func(n int, _ string) int { return n + 1 }), func(n int) string {
					return fmt.Sprintf("%s×%d at %v", g.Key, n, time.Since(began).Truncate(time.Second))
				})
			})
		want(t, ends, "a×2 at 4s", "b×1 at 5s", "a×1 at 8s")
	})
}

// To open one group too many, the one that was idle for longest is closed.
func TestGroupsAreBounded(t *testing.T) {
	key := func(v int) int { return v }
	src := observable.Of(1, 2, 1, 3, 2)
	var order []string
	groups := collect(t, op.GroupBy(src, key, op.GroupConfig{Max: 2}))
	for _, g := range groups {
		items := collect(t, g.Observable)
		order = append(order, fmt.Sprint(g.Key, items))
	}
	if !slices.Equal(order, []string{"1 [1 1]", "2 [2]", "3 [3]", "2 [2]"}) {
		t.Errorf("%v", order)
	}
}

func TestGroupsThatNobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := func(v int) int { return v }
		taken := 0
		err := op.GroupBy(count(-1), key, op.GroupConfig{}).Run(t.Context(), func(op.Group[int, int]) bool {
			taken++
			time.Sleep(time.Second)
			return true
		})
		if err != op.ErrTooManyGroups || taken != 1024 && taken != 1025 {
			t.Errorf("%v after %d groups", err, taken)
		}
	})
}

// Who leaves a group leaves that group: the next item of the key opens another.
func TestLeavingAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := op.DelayEach(count(5), time.Second)
		got := collect(t, op.MergeMap(op.GroupBy(src, func(int) int { return 0 }, op.GroupConfig{}), 9,
			func(g op.Group[int, int]) observable.Observable[int] { return op.Take(g.Observable, 2) }))
		if !slices.Equal(got, ints(5)) {
			t.Errorf("%v", got)
		}
	})
}

// A group that was left does not count as open: no other is closed for it.
func TestGroupsThatWereLeftAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := op.DelayEach(observable.Of("b", "a", "c", "b"), time.Second)
		var keys []string
		groups := op.GroupBy(src, func(s string) string { return s }, op.GroupConfig{Max: 2})
		err := groups.Run(t.Context(), func(g op.Group[string, string]) bool {
			keys = append(keys, g.Key)
			if g.Key == "a" {
				_, _ = g.First(t.Context())
			}
			return true
		})
		if err != nil || !slices.Equal(keys, []string{"b", "a", "c"}) {
			t.Errorf("%v, %v", keys, err)
		}
	})
}

func TestHowGroupsEnd(t *testing.T) {
	broken, cause := errors.New("broken"), errors.New("cause")
	synctest.Test(t, func(t *testing.T) {
		end := func(ctx context.Context, src observable.Observable[int], stay bool) (run, of error) {
			var g group
			recovered(func() {
				run = op.GroupBy(src, parity, op.GroupConfig{}).Run(ctx, func(next group) bool {
					g = next
					return stay
				})
			})
			items, of := g.Collect(t.Context())
			if !slices.Equal(items, []int{0}) {
				t.Errorf("%v: what is in the queue comes before the end", items)
			}
			return run, of
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		open := op.Concat(observable.Of(0), observable.Never[int]())
		for _, tt := range []struct {
			name    string
			ctx     context.Context
			src     observable.Observable[int]
			stay    bool
			run, of error
		}{
			{"complete", t.Context(), observable.Of(0), true, nil, nil},
			{"error", t.Context(), op.Concat(observable.Of(0), observable.Fail[int](broken)), true, broken, broken},
			{"cancel", ctx, open, true, cause, cause},
			{"stop", t.Context(), open, false, nil, op.ErrLeft},
			{"panic", t.Context(), op.Tap(op.Concat(observable.Of(0), op.DelayEach(observable.Of(1), 1)), func(v int) {
				if v == 1 {
					panic(v)
				}
			}), true, nil, op.ErrPanicked},
		} {
			if run, of := end(tt.ctx, tt.src, tt.stay); run != tt.run || of != tt.of {
				t.Errorf("%s: the run ended with %v, the group with %v", tt.name, run, of)
			}
		}
	})
}

func TestGroupsOverflowByPolicy(t *testing.T) {
	cfg := op.GroupConfig{Buffer: []observable.SubscribeOption{
		observable.WithLimit(2), observable.WithPolicy(observable.FailOnOverflow)}}
	groups := collect(t, op.GroupBy(count(4), func(int) int { return 0 }, cfg))
	if len(groups) != 2 {
		t.Fatalf("%d groups: after an overflow the next item opens another one", len(groups))
	}
	items, err := groups[0].Collect(t.Context())
	if !slices.Equal(items, ints(2)) || !errors.Is(err, observable.ErrOverflow) {
		t.Errorf("%v, %v", items, err)
	}
	want(t, groups[1].Observable, 3) // 2 overflowed and is counted there
}

func TestBufferDecouples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(s stream) (got []any, took time.Duration) {
			began := time.Now()
			err := s.Run(t.Context(), func(v any) bool {
				got = append(got, v)
				time.Sleep(100 * ms)
				return true
			})
			if err != nil {
				t.Error(err)
			}
			return got, time.Since(began)
		}
		ten := every(10*ms, 10)
		if got, took := slow(op.Buffer(ten)); len(got) != 10 || took != 1010*ms {
			t.Errorf("Block: %v in %v", got, took)
		}
		if got, _ := slow(op.Buffer(ten, observable.WithLimit(2))); len(got) != 10 {
			t.Errorf("Block, 2 items: %v", got)
		}
		if got, _ := slow(op.Buffer(every(10*ms, 9), observable.WithPolicy(observable.Conflate))); !slices.Equal(got, []any{0, 8}) {
			t.Errorf("Conflate: %v", got)
		}
		if got, _ := slow(op.Buffer(ten, observable.WithPolicy(observable.DropNewest), observable.WithLimit(2))); !slices.Equal(got, []any{0, 1, 2}) {
			t.Errorf("DropNewest: %v", got)
		}
		lost := observable.WithLossStamp(func(v any, lost uint64) any { return fmt.Sprintf("%v, %d lost", v, lost) })
		if got, _ := slow(op.Buffer(ten, observable.WithPolicy(observable.DropOldest), observable.WithLimit(2), lost)); !slices.Equal(got, []any{0, "8, 7 lost", 9}) {
			t.Errorf("DropOldest: %v", got)
		}
	})
}

func TestBufferEnds(t *testing.T) {
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		src := numbers(4)
		src.gap, src.err = 0, broken
		slow := func(s stream) (n int, err error) {
			err = s.Run(t.Context(), func(any) bool { n++; time.Sleep(time.Second); return true })
			return n, err
		}
		if n, err := slow(op.Buffer(src.stream())); n != 4 || err != broken {
			t.Errorf("%d items, then %v: the error keeps its place", n, err)
		}
		fail := op.Buffer(src.stream(), observable.WithPolicy(observable.FailOnOverflow), observable.WithLimit(2))
		if n, err := slow(fail); n != 3 && n != 2 || !errors.Is(err, observable.ErrOverflow) {
			t.Errorf("%d items, then %v", n, err)
		}
	})
}
