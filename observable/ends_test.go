package observable_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

var errBroken = errors.New("broken")

// thenFail gives values and then an error.
func thenFail(values ...int) observable.Observable[int] {
	return observable.New(func(ctx context.Context, yield func(int) bool) error {
		for _, v := range values {
			if !yield(v) {
				return nil
			}
		}
		return errBroken
	})
}

func TestEnds(t *testing.T) {
	var empty observable.Observable[int]
	of := observable.Of(1, 2, 3)
	tests := []struct {
		name string
		src  observable.Observable[int]

		first    int
		firstErr error
		last     int
		lastErr  error
		all      []int
		err      error
	}{
		{"empty", empty, 0, observable.ErrEmpty, 0, observable.ErrEmpty, nil, nil},
		{"values", of, 1, nil, 3, nil, []int{1, 2, 3}, nil},
		{"failure", thenFail(), 0, errBroken, 0, errBroken, nil, errBroken},
		{"values and failure", thenFail(1, 2), 1, nil, 0, errBroken, []int{1, 2}, errBroken},
	}
	for _, tt := range tests {
		if v, err := tt.src.First(t.Context()); v != tt.first || err != tt.firstErr {
			t.Errorf("%s: First %v, %v", tt.name, v, err)
		}
		if v, err := tt.src.Last(t.Context()); v != tt.last || err != tt.lastErr {
			t.Errorf("%s: Last %v, %v", tt.name, v, err)
		}
		if v, err := tt.src.Collect(t.Context()); !slices.Equal(v, tt.all) || err != tt.err {
			t.Errorf("%s: Collect %v, %v", tt.name, v, err)
		}
		if n, err := tt.src.Count(t.Context()); n != len(tt.all) || err != tt.err {
			t.Errorf("%s: Count %v, %v", tt.name, n, err)
		}
		var each, ranged, channel []int
		if err := tt.src.ForEach(t.Context(), func(v int) error { each = append(each, v); return nil }); err != tt.err || !slices.Equal(each, tt.all) {
			t.Errorf("%s: ForEach %v, %v", tt.name, each, err)
		}
		var rangeErr error
		for v, err := range tt.src.All(t.Context()) {
			if rangeErr != nil {
				t.Errorf("%s: something came after the error", tt.name)
			}
			if rangeErr = err; err == nil {
				ranged = append(ranged, v)
			}
		}
		if rangeErr != tt.err || !slices.Equal(ranged, tt.all) {
			t.Errorf("%s: All %v, %v", tt.name, ranged, rangeErr)
		}
		ch, wait := tt.src.Chan(t.Context())
		for v := range ch {
			channel = append(channel, v)
		}
		if err := wait(); err != tt.err || !slices.Equal(channel, tt.all) {
			t.Errorf("%s: Chan %v, %v", tt.name, channel, err)
		}
		if err := wait(); err != tt.err {
			t.Errorf("%s: the second wait: %v", tt.name, err)
		}
	}
}

func TestForEachReturnsTheErrorOfItsFunction(t *testing.T) {
	n := 0
	err := observable.Of(1, 2, 3).ForEach(t.Context(), func(int) error { n++; return errBroken })
	if err != errBroken || n != 1 {
		t.Errorf("%d calls, %v", n, err)
	}
}

func TestChanTakesNothingInAdvance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		src := observable.New(func(ctx context.Context, yield func(int) bool) error {
			for {
				if made++; !yield(made) {
					return nil
				}
			}
		})
		for buffer, want := range map[int]int{0: 1, 5: 6} {
			made = 0
			ctx, cancel := context.WithCancel(t.Context())
			_, wait := src.Chan(ctx, observable.WithBuffer(buffer))
			synctest.Wait()
			if made != want {
				t.Errorf("buffer %d: %d values were made before one was wanted, want %d", buffer, made, want)
			}
			cancel()
			if err := wait(); err != context.Canceled {
				t.Errorf("error %v", err)
			}
		}
	})
}

func TestChanEndsWhenTheReaderHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("left")
		for name, src := range map[string]observable.Observable[int]{
			"blocked in the hand-over": observable.Of(1, 2, 3),
			"waiting":                  observable.Interval(time.Hour),
		} {
			ctx, cancel := context.WithCancelCause(t.Context())
			ch, wait := src.Chan(ctx)
			synctest.Wait()
			cancel(cause)
			if err := wait(); err != cause {
				t.Errorf("%s: %v, want the cause", name, err)
			}
			if _, open := <-ch; open {
				t.Errorf("%s: the channel is not closed", name)
			}
		}
	})
}

// Errors that come of leaving are not lost.
func TestLateErrors(t *testing.T) {
	var late []error
	defer observable.OnLateError(func(err error) { late = append(late, err) })()
	src := observable.New(func(ctx context.Context, yield func(int) bool) error {
		yield(1)
		return errBroken
	})
	for range src.All(t.Context()) {
		break
	}
	src.First(t.Context())
	src.ForEach(t.Context(), func(int) error { return errors.New("of the consumer") })
	if !slices.Equal(late, []error{errBroken, errBroken, errBroken}) {
		t.Errorf("reported %v, want the error three times", late)
	}
	late = nil
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBroken)
	observable.ReportLate(ctx, errBroken)
	observable.ReportLate(ctx, nil)
	for range observable.Of(1).All(t.Context()) {
		break
	}
	if len(late) != 0 {
		t.Errorf("reported %v, which is no news", late)
	}
}
