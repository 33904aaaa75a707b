package server_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// No command waits for the handler of another, however many of them wait, and all
// of them begin though few goroutines are woken.
func TestHandlersThatWaitHoldNobodyUp(t *testing.T) {
	const many = 1000 // more than the goroutines that are kept
	bubble(t, server.Config{}, func(t *testing.T, hall *server.Hall, join func() *raw) {
		release := make(chan struct{})
		server.Handle(hall, "a.wait", func(context.Context, any) (any, error) { <-release; return nil, nil })
		server.Handle(hall, "a.quick", func(context.Context, any) (any, error) { return nil, nil })
		a, b := join(), join()
		defer a.link.Close()
		defer b.link.Close()
		for round := range 3 {
			ids := make(map[string]bool)
			for range many {
				ids[a.nested("a.wait", "")] = true
			}
			synctest.Wait()
			if s := hall.Stats(); s.Running != many {
				t.Fatalf("round %d: %d handlers run", round, s.Running)
			}
			for _, c := range []*raw{a, b} {
				if m := c.answer("a.quick", c.nested("a.quick", "")); m.IsError {
					t.Errorf("beside them: %s", m.Data)
				}
			}
			for range many {
				release <- struct{}{}
			}
			for range many {
				m := a.next()
				_, id, _ := rpc.AnswerID(m.Topic)
				if !ids[id] || m.IsError {
					t.Fatalf("answered %s", m.Topic)
				}
				delete(ids, id)
			}
			synctest.Wait()
			if s := hall.Stats(); s.Running != 0 || s.InFlight != 0 {
				t.Errorf("round %d: %+v", round, s)
			}
		}
	})
}

// Each command ends at its own limit, whatever the others have and in whatever
// order they end.
func TestEachCommandHasItsOwnDeadline(t *testing.T) {
	limits := map[string]time.Duration{"a.short": time.Second, "a.long": 2500 * time.Millisecond, "a.usual": 1500 * time.Millisecond}
	bubble(t, server.Config{Timeout: limits["a.usual"]}, func(t *testing.T, hall *server.Hall, join func() *raw) {
		wait := func(ctx context.Context, in time.Duration) (any, error) {
			select {
			case <-time.After(in):
				return nil, nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		server.Handle(hall, "a.short", wait, server.Timeout(limits["a.short"]))
		server.Handle(hall, "a.long", wait, server.Timeout(limits["a.long"]))
		server.Handle(hall, "a.usual", wait)
		c := join()
		defer c.link.Close()
		type end struct {
			at   time.Duration // since the beginning
			late bool
		}
		const many = 90
		began := time.Now()
		got := make(map[string]end)
		var reader sync.WaitGroup
		reader.Go(func() {
			for range many {
				m, err := c.read()
				if err != nil {
					t.Error(err)
					return
				}
				if m.IsError && errorOf(t, m).Code != server.CodeTimeout {
					t.Errorf("%s: %s", m.Topic, m.Data)
				}
				_, id, _ := rpc.AnswerID(m.Topic)
				got[id] = end{time.Since(began), m.IsError}
			}
		})
		want := make(map[string]end)
		timeouts := 0
		for i := range many {
			name := []string{"a.short", "a.long", "a.usual"}[i%3]
			took := time.Duration(i*37%80) * 50 * time.Millisecond // up to 4 s
			if took == limits[name] {
				took++ // at the same moment either would be right
			}
			late := took > limits[name]
			want[c.nested(name, fmt.Sprint(int64(took)))] = end{time.Since(began) + min(took, limits[name]), late}
			if late {
				timeouts++
			}
			time.Sleep(7 * time.Millisecond)
		}
		reader.Wait()
		if !maps.Equal(got, want) {
			t.Errorf("the commands ended at %v, want %v", got, want)
		}
		synctest.Wait() // an answer comes before the end is counted
		if s := hall.Stats(); int(s.Timeouts) != timeouts || timeouts == 0 || timeouts == many || s.InFlight != 0 {
			t.Errorf("%d timeouts are wanted: %+v", timeouts, s)
		}
	})
}
