// Package operators makes streams out of streams. An operator is a plain
// function: it takes an [observable.Observable] first, then what it needs, and
// returns an Observable. Name each step, and a pipeline reads downwards, with no
// type argument anywhere:
//
//	readings := operators.Map(events, decode)
//	changes := operators.Distinct(readings)
//	for r, err := range operators.Take(changes, 10).All(ctx) { … }
//
// Nothing happens before the stream is run, and each run has a state of its own:
// an operator applied is a value to keep, to share and to run at the same time
// from several goroutines.
//
// # Where the work is done
//
// Most operators are fused: they are nested calls on the goroutine that runs the
// stream. They start nothing, allocate nothing for an item, and cost about 2 ns.
// The others say what they start, and it is never more than this:
//
//   - Merge, Race, Zip, CombineLatest, MergeMap and MapOrdered: one goroutine for
//     each source or inner stream that runs, and none for the consumer;
//   - TakeUntil, WithLatestFrom, SwitchMap, ExhaustMap, Buffer, GroupBy, Debounce,
//     Throttle with a trailing edge, Audit, Sample, Chunk with a time, Delay: one;
//   - Timeout, Retry, DelayEach, Throttle(Leading): none, at most a timer.
//
// The consumer, and the functions given to an operator unless it says otherwise,
// run on the goroutine that runs the stream. Sources that have a goroutine of
// their own hand their items over one at a time and wait: only Buffer and
// GroupBy keep queues, and their policies are observable's.
//
// # What holds for all of them
//
//   - The consumer is never called by two goroutines, nor after it has returned
//     false, nor after the run has returned.
//   - A run returns when all that it started is gone: goroutines, timers, runs of
//     sources. There is nothing to close.
//   - When ctx is done a run returns context.Cause(ctx), wherever it waits.
//   - An error ends the stream and is returned once, as it is. Where several
//     sources fail before all are stopped, their errors are joined; one that
//     comes when nobody is there to receive it goes to [observable.OnLateError].
//   - Items that wait for their time (Debounce, Throttle, Audit, Sample, Chunk) are
//     emitted when the source completes and dropped when it fails; Delay lets them
//     wait for their time.
//   - The order of a source is kept by all but MergeMap.
//   - No lock is held while a function of the user runs: it may run, publish,
//     subscribe and cancel.
//   - A panic reaches the goroutine that runs the stream, after all branches are
//     gone; from a goroutine of a branch it comes as a [*observable.Panic]. It is never an
//     error or an item.
//   - nil and zero are values like others.
//   - A nil function, a count or a duration that makes no sense panics when the
//     operator is applied, not when it runs.
//
// A source that an operator stops, because Take has enough or SwitchMap goes on,
// finds yield returning false or its context cancelled, and context.Cause then
// is a context.Canceled.
package operators
