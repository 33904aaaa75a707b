package observable_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/xcraft-go/xbus/observable"
)

// item is a value of the model tests: what it is, and what was written into it.
type item struct {
	n, key, size int
	lost         uint64
}

// model is a subscription as a slice that is slow and plainly right.
type model struct {
	policy        observable.Policy
	keyed, sized  bool
	limit         int
	byteLimit     int
	queue         []item
	owed          uint64 // lost after the last item of the queue
	stats         observable.Stats
	ended, closed bool
	end           error
}

func (m *model) bytes() (sum int) {
	if !m.sized {
		return 0
	}
	for _, it := range m.queue {
		sum += it.size
	}
	return sum
}

func (m *model) full(size int) bool {
	return len(m.queue) >= m.limit || m.sized && m.bytes()+size > m.byteLimit
}

// dropFirst drops the oldest; the next one in line is told.
func (m *model) dropFirst() {
	lost := m.queue[0].lost + 1
	m.queue = m.queue[1:]
	m.stats.Dropped++
	if len(m.queue) > 0 {
		m.queue[0].lost += lost
	} else {
		m.owed += lost
	}
}

func (m *model) offer(it item) observable.Outcome {
	if m.ended {
		return observable.Closed
	}
	m.stats.Matched++
	reject := func(out observable.Outcome) observable.Outcome {
		m.stats.Dropped++
		m.owed++
		return out
	}
	if m.policy == observable.FailOnOverflow && m.full(it.size) {
		m.ended, m.end = true, observable.ErrOverflow
		m.stats.Dropped++
		return observable.Overflowed
	}
	if m.sized && it.size > m.byteLimit || m.policy == observable.DropNewest && m.full(it.size) {
		return reject(observable.Rejected)
	}
	if m.policy == observable.Block && m.full(it.size) {
		return reject(observable.Cancelled) // the tests offer with a context that is done
	}
	if i := slices.IndexFunc(m.queue, func(o item) bool { return o.key == it.key }); m.keyed && i >= 0 {
		it.lost = m.queue[i].lost + 1
		m.stats.Dropped++
		m.queue[i] = it
		for m.sized && m.bytes() > m.byteLimit {
			m.dropFirst()
		}
		return observable.Displaced
	}
	out := observable.Accepted
	for m.full(it.size) {
		m.dropFirst()
		out = observable.Displaced
	}
	it.lost, m.owed = m.owed, 0
	m.queue = append(m.queue, it)
	m.stats.HighWater = max(m.stats.HighWater, len(m.queue))
	return out
}

// next is Next with a context that is done.
func (m *model) next() (item, error) {
	switch {
	case m.closed:
		return item{}, observable.ErrClosed
	case len(m.queue) > 0:
		it := m.queue[0]
		m.queue = m.queue[1:]
		m.stats.Delivered++
		return it, nil
	case !m.ended:
		return item{}, context.Canceled
	case m.end == nil:
		return item{}, io.EOF
	default:
		return item{}, m.end
	}
}

func (m *model) finish(err error) {
	if !m.ended {
		m.ended, m.end = true, err
	}
}

func (m *model) close() {
	if m.closed {
		return
	}
	m.stats.Dropped += uint64(len(m.queue))
	m.queue, m.closed = nil, true
	m.finish(observable.ErrClosed)
}

func (m *model) now() observable.Stats {
	s := m.stats
	s.Buffered, s.BufferedBytes = len(m.queue), m.bytes()
	return s
}

// TestSubscriptionIsItsModel plays random lives of one subscription and of the
// model: each outcome, each value with the losses stamped into it, each error
// and each counter must be the same.
func TestSubscriptionIsItsModel(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken")
	life := func(t *rapid.T) {
		m := &model{
			limit:     rapid.SampledFrom([]int{1, 2, 3, 8, 70, 200}).Draw(t, "limit"),
			byteLimit: rapid.SampledFrom([]int{5, 40, 1 << 30}).Draw(t, "byte limit"),
			policy: rapid.SampledFrom([]observable.Policy{
				observable.Block, observable.DropOldest, observable.DropNewest, observable.Conflate, observable.FailOnOverflow,
				observable.ConflateBy(func(it item) int { return it.key }),
			}).Draw(t, "policy"),
		}
		m.keyed = m.policy.String() == "ConflateBy"
		opts := []observable.SubscribeOption{
			observable.WithPolicy(m.policy), observable.WithLimit(m.limit),
			observable.WithLossStamp(func(it item, lost uint64) item { it.lost = lost; return it }),
		}
		if m.sized = rapid.Bool().Draw(t, "sized"); m.sized {
			opts = append(opts, observable.WithByteLimit(m.byteLimit), observable.SizeOf(func(it item) int { return it.size }))
		}
		sub := observable.NewSubscription[item](opts...)
		if m.policy == observable.Conflate {
			m.limit = 1
		}
		n := 0
		offer := func(t *rapid.T, times int) {
			for range times {
				n++
				it := item{n: n, key: rapid.IntRange(0, 5).Draw(t, "key"), size: rapid.IntRange(0, 6).Draw(t, "size")}
				if got, want := sub.Offer(cancelled, it), m.offer(it); got != want {
					t.Fatalf("offer %v: %v, want %v", it, got, want)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"offer":      func(t *rapid.T) { offer(t, 1) },
			"offer many": func(t *rapid.T) { offer(t, rapid.IntRange(2, 90).Draw(t, "times")) },
			"next": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "times") {
					it, err := sub.Next(cancelled)
					want, wantErr := m.next()
					if it != want || !errors.Is(err, wantErr) {
						t.Fatalf("next: %v, %v; want %v, %v", it, err, want, wantErr)
					}
				}
			},
			"finish": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					err := rapid.SampledFrom([]error{nil, broken}).Draw(t, "end")
					sub.Finish(err)
					m.finish(err)
				}
			},
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 19).Draw(t, "really") == 0 {
					sub.Close()
					m.close()
				}
			},
			"": func(t *rapid.T) {
				got := sub.Stats()
				if got.Delivered+got.Dropped+uint64(got.Buffered) != got.Matched {
					t.Fatalf("the counters do not add up: %+v", got)
				}
				want := m.now()
				if got.HighWater < want.HighWater || got.HighWater > m.limit {
					t.Fatalf("high water %d, want %d", got.HighWater, want.HighWater)
				}
				got.HighWater = want.HighWater
				if got != want {
					t.Fatalf("stats %+v, want %+v", got, want)
				}
				if err := sub.Err(); m.ended && !errors.Is(err, m.end) || !m.ended && err != nil {
					t.Fatalf("Err() = %v, want %v", err, m.end)
				}
			},
		})
	}
	for range 20 { // lives are short
		rapid.Check(t, life)
	}
}

// lawful reports whether the counters add up.
func lawful(s observable.Stats) error {
	if s.Delivered+s.Dropped+uint64(s.Buffered) != s.Matched {
		return fmt.Errorf("delivered + dropped + buffered ≠ matched: %+v", s)
	}
	return nil
}
