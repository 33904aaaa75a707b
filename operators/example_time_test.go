package operators_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

func ExampleDebounce() {
	flurry := observable.Of("r", "re", "registry")
	show(op.Debounce(flurry, time.Second))
	// Output: registry
}

func ExampleThrottle() {
	flurry := observable.Of(1, 2, 3)
	show(op.Throttle(flurry, time.Minute, op.Leading))
	show(op.Throttle(flurry, time.Minute, op.Leading|op.Trailing))
	show(op.Throttle(flurry, time.Minute, op.Trailing))
	// Output:
	// 1
	// 1 3
	// 3
}

func ExampleAudit() {
	show(op.Audit(observable.Of(1, 2, 3), time.Minute))
	// Output: 3
}

func ExampleSample() {
	ticks := op.Take(observable.Interval(time.Millisecond), 3)
	show(op.Sample(ticks, time.Minute)) // the last one comes with the end
	// Output: 2
}

func ExampleChunk() {
	show(op.Chunk(observable.Of(1, 2, 3, 4, 5), 2, time.Minute))
	// Output: [1 2] [3 4] [5]
}

func ExampleDelay() {
	began := time.Now()
	show(op.Delay(observable.Of(1, 2), 20*time.Millisecond))
	fmt.Println(time.Since(began) >= 20*time.Millisecond)
	// Output:
	// 1 2
	// true
}

func ExampleDelayEach() {
	began := time.Now()
	show(op.DelayEach(observable.Of(1, 2), 10*time.Millisecond))
	fmt.Println(time.Since(began) >= 20*time.Millisecond)
	// Output:
	// 1 2
	// true
}

func ExampleTimeout() {
	silent := op.StartWith(observable.Never[int](), 1)
	limited := op.Timeout(silent, time.Minute, 10*time.Millisecond)
	show(limited)
	err := limited.Run(context.Background(), func(int) bool { return true })
	fmt.Println(errors.Is(err, op.ErrTimeout), errors.Is(err, context.DeadlineExceeded))
	// Output:
	// 1 error: operators: time-out: no item for 10ms
	// true true
}

func ExampleRetry() {
	attempt := 0
	source := observable.Defer(func() observable.Observable[string] {
		if attempt++; attempt < 3 {
			return observable.Fail[string](errors.New("refused"))
		}
		return observable.Of("connected")
	})
	show(op.Retry(source, op.RetryConfig{
		Backoff: func() op.Backoff {
			b := backoff.NewExponentialBackOff()
			b.InitialInterval = time.Millisecond
			b.MaxElapsedTime = 0 // its default gives up after 15 minutes
			b.Reset()
			return b
		},
		OnAttempt: func(a op.Attempt) { fmt.Printf("attempt %d: %v\n", a.Number, a.Err) },
	}))
	// Output:
	// attempt 1: refused
	// attempt 2: refused
	// connected
}

func ExampleRetry_untilADeadline() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	refused := observable.Fail[string](errors.New("refused"))
	err := op.Retry(refused, op.RetryConfig{Backoff: op.ConstantBackoff(time.Millisecond)}).
		Run(ctx, func(string) bool { return true })
	fmt.Println(err)
	// Output: context deadline exceeded
}

func ExampleExponentialBackoff() {
	newBackoff := op.ExponentialBackoff(100*time.Millisecond, 10*time.Second)
	b := newBackoff()
	fmt.Println(b.NextBackOff() <= 100*time.Millisecond, b.NextBackOff() <= 200*time.Millisecond)
	// Output: true true
}

func ExampleConstantBackoff() {
	down := observable.Fail[string](errors.New("refused"))
	show(op.Retry(down, op.RetryConfig{Backoff: op.ConstantBackoff(time.Millisecond), MaxAttempts: 3}))
	// Output: error: refused
}

func ExampleCatch() {
	fresh := op.Concat(observable.Of("fresh"), observable.Fail[string](errors.New("cut off")))
	show(op.Catch(fresh, func(err error) observable.Observable[string] {
		return observable.Of("cached (" + err.Error() + ")")
	}))
	// Output: fresh cached (cut off)
}
