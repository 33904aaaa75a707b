package obstest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// Run runs test in a bubble of virtual time; it is synctest.Test.
func Run(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

// Cold is the stream of a diagram. Each run begins the diagram; a value is its
// name. Where the consumer is late, what is due comes at once.
func Cold(t testing.TB, marbles string) observable.Observable[string] {
	t.Helper()
	return cold(mustParse(t, marbles), itself)
}

// ColdOf is Cold with values, by their names in the diagram.
func ColdOf[T any](t testing.TB, marbles string, values map[string]T) observable.Observable[T] {
	t.Helper()
	d := mustParse(t, marbles)
	return cold(d, lookUp(t, d, values))
}

// Hot is the stream of a diagram that begins now, with or without consumers:
// who comes later gets what comes later. Things happen a nanosecond after their
// frame has begun, so that who comes in a frame does not miss it.
func Hot(t testing.TB, marbles string) observable.Observable[string] {
	t.Helper()
	return hot(t, mustParse(t, marbles), itself)
}

// HotOf is Hot with values, by their names in the diagram.
func HotOf[T any](t testing.TB, marbles string, values map[string]T) observable.Observable[T] {
	t.Helper()
	d := mustParse(t, marbles)
	return hot(t, d, lookUp(t, d, values))
}

func itself(name string) string { return name }

func lookUp[T any](t testing.TB, d diagram, values map[string]T) func(string) T {
	t.Helper()
	for _, m := range d.marks {
		if _, ok := values[m.name]; m.kind == Next && !ok {
			t.Fatalf("obstest: the diagram names %q, and the values have no such name", m.name)
		}
	}
	return func(name string) T { return values[name] }
}

func cold[T any](d diagram, value func(string) T) observable.Observable[T] {
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		return play(ctx, d, 0, func(m mark) bool { return yield(value(m.name)) })
	})
}

func hot[T any](t testing.TB, d diagram, value func(string) T) observable.Observable[T] {
	subject := observable.NewSubject[T]()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		err := play(ctx, d, time.Nanosecond, func(m mark) bool {
			subject.Publish(ctx, value(m.name))
			return true
		})
		if d.ended || ctx.Err() != nil {
			subject.Close(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		subject.Close(context.Canceled)
	})
	return subject.Observable()
}

// play makes the diagram happen, each thing late after its frame has begun.
// Without an end in it, it returns at its end and a cold run waits for ctx.
func play(ctx context.Context, d diagram, late time.Duration, yield func(mark) bool) error {
	begin := time.Now()
	for _, m := range d.marks {
		if err := until(ctx, begin.Add(m.at+late)); err != nil {
			return err
		}
		switch {
		case m.kind == Complete:
			return nil
		case m.kind == Failed:
			return ErrMarble
		case !yield(m):
			return nil
		}
	}
	if late > 0 {
		return nil
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func until(ctx context.Context, when time.Time) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	d := time.Until(when)
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// mustParse also sees to it that time is virtual.
func mustParse(t testing.TB, marbles string) diagram {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("obstest: diagrams need virtual time: put the test into obstest.Run (%v)", fmt.Sprint(p))
		}
	}()
	synctest.Wait()
	d, err := parse(marbles)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
