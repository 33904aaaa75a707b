package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Calls are made when they are due, also while others wait, and each is measured
// from its own moment on.
func TestOpenLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		began := time.Now()
		l, err := openLoop(t.Context(), 1000, 500*time.Millisecond, time.Sleep, func(context.Context) error {
			if calls.Add(1) == 100 {
				time.Sleep(time.Second)
			}
			time.Sleep(time.Millisecond)
			return nil
		})
		if err != nil || calls.Load() != 500 {
			t.Errorf("%d calls: %v", calls.Load(), err)
		}
		if l.P50 != 1000 || l.P99 != 1000 {
			t.Errorf("%+v, want a millisecond: only one call was slow", l)
		}
		if took := time.Since(began); took > 1200*time.Millisecond {
			t.Errorf("it took %v: the slow call has held the others up", took)
		}
	})
}

func TestOpenLoopFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		if _, err := openLoop(t.Context(), 1000, time.Second, time.Sleep, func(context.Context) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
	})
}
