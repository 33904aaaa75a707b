package observable_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

var ctx = context.Background()

// show prints what a stream gives, and its end.
func show[T any](src observable.Observable[T]) {
	all, err := src.Collect(ctx)
	fmt.Println(all, err)
}

func ExampleNew() {
	countdown := observable.New(func(ctx context.Context, yield func(int) bool) error {
		for n := 3; n > 0; n-- {
			if !yield(n) {
				return nil
			}
		}
		return errors.New("lift-off")
	})
	for n, err := range countdown.All(ctx) {
		fmt.Println(n, err)
	}
	// Output:
	// 3 <nil>
	// 2 <nil>
	// 1 <nil>
	// 0 lift-off
}

func ExampleObservable_Chan() {
	ctx, cancel := context.WithCancel(ctx)
	ticks, wait := observable.Interval(time.Millisecond).Chan(ctx)
	words, waitWords := observable.Of("a", "b").Chan(ctx)
	for n := 0; n < 3; {
		select {
		case <-ticks:
			n++
		case w, ok := <-words:
			if !ok {
				words = nil // complete: take it out of the select
				break
			}
			fmt.Println(w)
		}
	}
	cancel() // leaving early: cancel, then wait
	fmt.Println(wait(), waitWords())
	// Output:
	// a
	// b
	// context canceled <nil>
}

func ExampleObservable_First() {
	fmt.Println(observable.Of(1, 2).First(ctx))
	fmt.Println(observable.Of[int]().First(ctx))
	// Output:
	// 1 <nil>
	// 0 observable: the stream completed without a value
}

func ExampleOf() {
	show(observable.Of("state", "token"))
	// Output: [state token] <nil>
}

func ExampleFromChan() {
	ch := make(chan int, 3)
	ch <- 1
	ch <- 2
	close(ch)
	src := observable.FromChan(ch)
	show(src)
	_, err := src.Collect(ctx)
	fmt.Println(errors.Is(err, observable.ErrOneShot))
	// Output:
	// [1 2] <nil>
	// true
}

func ExampleFromSeq() {
	show(observable.FromSeq(strings.SplitSeq("a,b,c", ",")))
	show(observable.FromSeq(slices.Values([]int{1, 2})))
	// Output:
	// [a b c] <nil>
	// [1 2] <nil>
}

func ExampleNever() {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Millisecond, errors.New("nothing happened"))
	defer cancel()
	fmt.Println(observable.Never[int]().First(ctx))
	// Output: 0 nothing happened
}

func ExampleFail() {
	show(observable.Fail[int](errors.New("not today")))
	// Output: [] not today
}

func ExampleDefer() {
	n := 0
	src := observable.Defer(func() observable.Observable[int] {
		n++
		return observable.Of(n)
	})
	show(src)
	show(src)
	// Output:
	// [1] <nil>
	// [2] <nil>
}

func ExampleInterval() {
	for n := range observable.Interval(time.Millisecond).All(ctx) {
		fmt.Println(n)
		if n == 2 {
			break
		}
	}
	// Output:
	// 0
	// 1
	// 2
}

func ExampleTimer() {
	n, err := observable.Timer(time.Millisecond).Count(ctx)
	fmt.Println(n, err)
	// Output: 1 <nil>
}

func ExampleNewValue() {
	state := observable.NewValue("connecting")
	go state.Set("connected")
	now, err := state.Wait(ctx, func(s string) bool { return s == "connected" })
	fmt.Println(now, err, state.Set("connected"))
	// Output: connected <nil> false
}

func ExampleNewValueFunc() {
	registry := observable.NewValueFunc([]string{"bus"}, slices.Equal[[]string])
	fmt.Println(registry.Set([]string{"bus"}), registry.Set([]string{"bus", "shell"}))
	registry.Close()
	show(registry.View().Observable())
	// Output:
	// false true
	// [[bus shell]] <nil>
}

func ExampleValue_Update() {
	n := observable.NewValue(1)
	fmt.Println(n.Update(func(n int) int { return n + 1 }))
	// Output: 2
}

func ExampleNewSubject() {
	events := observable.NewSubject[string](observable.WithSubscribers(observable.WithLimit(100)))
	sub := events.Subscribe() // from here on nothing is missed
	fmt.Println(events.Publish(ctx, "started"))
	events.Close(nil)
	for e, err := range sub.All(ctx) {
		fmt.Println(e, err)
	}
	fmt.Println(events.Publish(ctx, "too late"))
	// Output:
	// delivered to 1 of 1
	// started <nil>
	// closed: not published
}

func ExampleSubject_Observable() {
	events := observable.NewSubject[int]()
	recipe := events.Observable(observable.WithPolicy(observable.FailOnOverflow))
	var wg sync.WaitGroup
	wg.Go(func() { show(recipe) })
	for events.Len() == 0 {
		time.Sleep(time.Millisecond) // a recipe subscribes when it is run
	}
	events.Publish(ctx, 1)
	events.Close(errors.New("the end"))
	wg.Wait()
	// Output: [1] the end
}

func ExampleNewSubscription() {
	sub := observable.NewSubscription[string](observable.WithLimit(2))
	sub.OnClose(func() { fmt.Println("the router forgets it") })
	for _, e := range []string{"a", "b", "c"} {
		fmt.Println(sub.Offer(ctx, e))
	}
	sub.Finish(nil)
	for e := range sub.All(ctx) {
		fmt.Println(e)
	}
	fmt.Printf("%+v\n", sub.Stats())
	// Output:
	// Accepted
	// Accepted
	// Displaced
	// b
	// c
	// the router forgets it
	// {Matched:3 Delivered:2 Dropped:1 Buffered:0 BufferedBytes:0 HighWater:2}
}

// What was lost can be seen on the next value.
func ExampleWithLossStamp() {
	type event struct {
		Name string
		Lost uint64
	}
	sub := observable.NewSubscription[event](observable.WithLimit(2),
		observable.WithLossStamp(func(e event, lost uint64) event { e.Lost = lost; return e }))
	for _, name := range []string{"a", "b", "c", "d"} {
		sub.Offer(ctx, event{Name: name})
	}
	sub.Finish(nil)
	show(sub.Observable())
	// Output: [{c 2} {d 0}] <nil>
}

func ExampleWithOnLoss() {
	sub := observable.NewSubscription[int](observable.WithLimit(1), observable.WithOnLoss(func(l observable.Loss) {
		fmt.Println("values are being lost under", l.Policy)
	}))
	for i := range 5 {
		sub.Offer(ctx, i)
	}
	sub.Finish(nil)
	show(sub.Observable()) // returns after the hook has
	// Unordered output:
	// values are being lost under DropOldest
	// [4] <nil>
}

func ExampleConflateBy() {
	type reading struct {
		Room string
		Deg  int
	}
	sub := observable.NewSubscription[reading](observable.WithPolicy(
		observable.ConflateBy(func(r reading) string { return r.Room })))
	for i := range 3 {
		sub.Offer(ctx, reading{"kitchen", 20 + i})
		sub.Offer(ctx, reading{"cellar", 10 + i})
	}
	sub.Finish(nil)
	show(sub.Observable())
	// Output: [{kitchen 22} {cellar 12}] <nil>
}

func ExampleValidateOptions() {
	fmt.Println(observable.ValidateOptions(observable.WithLimit(0)))
	fmt.Println(observable.ValidateOptions(observable.NoBlock(), observable.WithPolicy(observable.DropNewest)))
	// Output:
	// observable: WithLimit(0): give at least 1: how many values may wait
	// <nil>
}

func ExampleShare() {
	runs := 0
	shared := observable.Share(observable.Defer(func() observable.Observable[int] {
		runs++
		return observable.Interval(time.Millisecond)
	}), observable.WithLinger(20*time.Millisecond))
	for range shared.All(ctx) { // keeps the source running
		shared.First(ctx)
		shared.First(ctx)
		break
	}
	fmt.Println(runs, "run for three")
	// Output: 1 run for three
}

func ExampleShareReplay() {
	shared := observable.ShareReplay(observable.Of(1, 2, 3), 2)
	show(shared)
	show(shared) // complete: the last two, and completion
	// Output:
	// [1 2 3] <nil>
	// [2 3] <nil>
}

func ExampleOnLateError() {
	restore := observable.OnLateError(func(err error) { fmt.Println("late:", err) })
	defer restore()
	src := observable.New(func(ctx context.Context, yield func(int) bool) error {
		yield(1)
		return errors.New("could not close the file")
	})
	fmt.Println(src.First(ctx))
	// Output:
	// late: could not close the file
	// 1 <nil>
}
