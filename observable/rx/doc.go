// Package rx joins streams with pipelines of rxgo v2.5.0, in both directions. It
// is the only package that knows rxgo; programs that do not import it do not
// link it.
//
// # Over
//
// [To] makes an rxgo Observable of a stream. Each Observe is a run of the stream,
// and so a subscription of its own: observers share nothing, each has all values,
// and one that lags or leaves is nobody else's concern. The policy and the
// counters are those of the subscription. Select topics before the bridge, where
// it is free; rxgo boxes every value.
//
//	pipeline := rx.To(ctx, temperatures).
//		Filter(func(v any) bool { return v.(float64) > 20 }).
//		BufferWithCount(10)
//
// rxgo does not end a source when its consumer has what it wants. So each
// Observe needs a context that is cancelled at the end, and all that it returns
// must be read until it is closed:
//
//	ctx, cancel := context.WithCancel(ctx)
//	items := pipeline.Observe(rxgo.WithContext(ctx))
//	… read some …
//	cancel()
//	for range items {
//	}
//
// Give the context to Observe only: contexts on several operators are merged by
// a goroutine that outlives the observation.
//
// # And back
//
// [From] makes a stream of an rxgo Observable and does all that by itself: it
// observes with the context of the run, and at the end, whichever it is, cancels
// it and reads until the pipeline has closed. A loop over From(To(…)) can be left
// at any time.
//
//	for batch, err := range rx.From[[]any](pipeline).All(ctx) { … }
//
// # What to avoid in rxgo v2.5.0
//
// The bridge cannot mend these:
//
//   - BackOffRetry: panics when it is cancelled, and sleeps through the cancel;
//     use operators.Retry. Retry over a channel tries once and loses the error.
//   - FromEventSource: nobody can unsubscribe, one observer that was cancelled
//     stops all others, its buffer is ignored and its losses are not counted; use
//     a Subject and [To].
//   - FromChannel, Create and what is built on them (Merge, Concat, CombineLatest,
//     Zip, Amb, Start, StartWith, GroupBy): they start when they are made, and
//     several observers divide the items among them. They do not learn that a run
//     of [From] has ended: give them a context of their own. Use package operators.
//   - CombineLatest: may call its function with nil for a source that has not
//     given anything yet. GroupByDynamic: deadlocks when groups are read in turn.
//   - ForEach, DoOnNext and the like: ignore their context, go on after an error.
//   - Take, First: end when the value after the last one comes; First with
//     ContinueOnError does not end. SkipLast takes the first ones instead.
//   - Debounce: loses what is pending at the end. BufferWithTimeOrCount: exceeds
//     its count. WindowWithCount: leaves a goroutine whatever one does. Timer:
//     gives nothing.
//   - DistinctUntilChanged: drops the first value when it is nil. Just: flattens
//     slices and fails on nil.
//   - FlatMap, Debounce, BufferWithTime, Window…, Join and TimeInterval panic when
//     the same Observable is observed a second time: make the pipeline anew, in
//     observable.Defer, for each run.
//   - WithPool without Serialize: loses the order.
package rx
