package obstest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// An Event is one thing that a stream did.
type Event[T any] struct {
	At    time.Duration // since the recording began
	Kind  Kind
	Value T     // of Next
	Err   error // of Failed
}

// A Recording is what a stream does, and when. It may be read while it goes on.
type Recording[T any] struct {
	cancel context.CancelCauseFunc
	gone   chan struct{}

	mu     sync.Mutex
	events []Event[T]
}

var errStopped = errors.New("obstest: the recording was stopped")

// Start records src on a goroutine of its own until it ends or is stopped, at
// the latest when the test ends.
func Start[T any](t testing.TB, src observable.Observable[T]) *Recording[T] {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	r := &Recording[T]{cancel: cancel, gone: make(chan struct{})}
	begin := time.Now()
	go func() {
		defer close(r.gone)
		err := src.Run(ctx, func(v T) bool {
			r.add(Event[T]{At: time.Since(begin), Value: v})
			return true
		})
		switch {
		case err == nil:
			r.add(Event[T]{At: time.Since(begin), Kind: Complete})
		case !errors.Is(err, errStopped):
			r.add(Event[T]{At: time.Since(begin), Kind: Failed, Err: err})
		}
	}()
	t.Cleanup(r.Stop)
	return r
}

// Record records src for as long as it lasts, but no longer than d.
func Record[T any](t testing.TB, src observable.Observable[T], d time.Duration) *Recording[T] {
	t.Helper()
	r := Start(t, src)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.gone:
	case <-timer.C:
		r.Stop()
	}
	return r
}

func (r *Recording[T]) add(e Event[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// Stop ends the recording and returns when the stream has gone. Being stopped is
// not recorded as an end.
func (r *Recording[T]) Stop() {
	r.cancel(errStopped)
	<-r.gone
}

// Done is closed when the stream has ended or the recording was stopped.
func (r *Recording[T]) Done() <-chan struct{} { return r.gone }

// Events returns what has happened so far.
func (r *Recording[T]) Events() []Event[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Values returns the values that have come so far.
func (r *Recording[T]) Values() []T {
	var values []T
	for _, e := range r.Events() {
		if e.Kind == Next {
			values = append(values, e.Value)
		}
	}
	return values
}

// Completed tells whether the stream completed.
func (r *Recording[T]) Completed() bool {
	events := r.Events()
	return len(events) > 0 && events[len(events)-1].Kind == Complete
}

// Err returns the error that ended the stream; nil when none did.
func (r *Recording[T]) Err() error {
	events := r.Events()
	if len(events) == 0 {
		return nil
	}
	return events[len(events)-1].Err
}

// String draws what has happened as a diagram, with values as fmt prints them.
func (r *Recording[T]) String() string { return draw(marksOf(r.Events(), sprint)) }

func sprint[T any](v T) string { return fmt.Sprint(v) }

func marksOf[T any](events []Event[T], name func(T) string) []mark {
	marks := make([]mark, len(events))
	for i, e := range events {
		marks[i] = mark{at: e.At.Truncate(Frame), kind: e.Kind}
		if e.Kind == Next {
			marks[i].name = name(e.Value)
		}
	}
	return marks
}

// Expect runs src and compares what it does with a diagram, in which a value is
// named as fmt prints it. When the diagram has no end, src must go on for longer
// and is stopped. # stands for any error. The recording is for closer looks.
func Expect[T any](t testing.TB, src observable.Observable[T], marbles string) *Recording[T] {
	t.Helper()
	return expect(t, src, mustParse(t, marbles), sprint)
}

// ExpectOf is Expect with values, by their names in the diagram.
func ExpectOf[T any](t testing.TB, src observable.Observable[T], marbles string, values map[string]T) *Recording[T] {
	t.Helper()
	d := mustParse(t, marbles)
	lookUp(t, d, values)
	return expect(t, src, d, func(v T) string {
		for name, value := range values {
			if reflect.DeepEqual(v, value) {
				return name
			}
		}
		return fmt.Sprint(v)
	})
}

func expect[T any](t testing.TB, src observable.Observable[T], d diagram, name func(T) string) *Recording[T] {
	t.Helper()
	window := max(0, d.length-time.Nanosecond) // the diagram's frames, and not the one after
	if d.ended {
		window = d.length + time.Hour // long enough to show what it does instead
	}
	r := Record(t, src, window)
	got := marksOf(r.Events(), name)
	if !slices.Equal(got, d.marks) {
		t.Errorf("obstest: the stream is not as expected\nwant %s\n got %s%s", draw(d.marks), draw(got), because(r.Err()))
	}
	return r
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return "\nwith the error " + err.Error()
}
