// Package observable has streams: things that happen, one after the other,
// until they end. It knows nothing of a bus.
//
// # The cold and the hot
//
// An [Observable] is a recipe. Each run of it is a subscription of its own: the
// values are pushed into the body of the loop, on the goroutine that ranges,
// and the run returns when the stream is over.
//
//	for v, err := range ticks.All(ctx) { … }     // no goroutine, no channel
//	ch, wait := ticks.Chan(ctx)                  // one goroutine, for select
//
// Recipes come from sources ([Of], [FromChan], [FromSeq], [Interval], …), from
// functions ([New]), from the operators of package operators, and from the two
// hot things:
//
//   - a [Value] is what is true now. It is conflated: those who watch it see the
//     latest, and skip what was soon replaced.
//   - a [Subject] sends events. Each subscriber has a bounded queue of its own, a
//     [Subscription], which says what happens when it is full and counts
//     what it loses.
//
// Subscribe registers before it returns. So subscribe first, then ask for what
// you want to hear of: nothing is missed in between. [Share] and [ShareReplay]
// turn a cold stream into a hot one for as long as somebody follows it.
//
// # Guarantees
//
// For all that is in this package, and for every source that keeps the contract
// of [New] (package obstest checks that):
//
//   - Values come one at a time, and none after the end or after the consumer
//     has left. Leaving the loop, an error from it, and the end of ctx all
//     unsubscribe; what is left is referenced by nobody.
//   - A run returns when the goroutines that it started are gone, with
//     context.Cause(ctx) if ctx ended it. A shared run ends with its last consumer.
//   - An error ends the stream and is returned once, as it is. What goes wrong
//     after the consumer has left goes to [OnLateError].
//   - Runs are independent: nothing is split between them, except by [FromChan],
//     which says so.
//   - No lock is held while code of yours runs: publish, subscribe, close and
//     cancel from wherever you are.
//   - Delivered + Dropped + Buffered = Matched, for each subscription, at every
//     moment. A loss shows in band ([WithLossStamp]), in [Stats] and, once per
//     episode, in a hook ([WithOnLoss]).
//   - A panic in your code reaches the goroutine that runs the stream. Where a
//     goroutine panicked that worked for it, it comes as a [*Panic].
//   - nil and zero values are values.
//
// Functions that are given nil where a function is needed, or a size below its
// minimum, panic with a message that says what to give.
//
// # Goroutines
//
// Ranging over All takes none, Chan takes one, Share takes one while somebody
// follows it, and the hook of WithOnLoss one while there is something to report.
package observable
