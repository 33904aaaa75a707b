// Package obstest tests streams: by marble diagrams in virtual time, by
// recordings, and against the contract of package observable.
//
// # Diagrams
//
// A diagram is a line of time. Each sign takes one [Frame]:
//
//   - nothing happens
//     a  7     a value, named by one letter or digit
//     {long}   a value with a longer name
//     (ab|)    several things at the same moment, in this order
//     |        the stream completes
//     #        the stream fails, with ErrMarble
//     " 30ms " time passes; the spaces around it are needed, others mean nothing
//
// [Cold] makes a stream of a diagram that begins with each run, [Hot] one that
// begins when it is made. [Expect] runs a stream and compares what it does, and
// when, with a diagram:
//
//	func TestPairs(t *testing.T) {
//		obstest.Run(t, func(t *testing.T) {
//			src := obstest.Cold(t, "-a-b-c-|")
//			obstest.Expect(t, operators.Skip(src, 1), "---b-c-|")
//		})
//	}
//
// Time is that of a testing/synctest bubble, so a test of an hour takes none and
// gives the same result each time. [Run] makes the bubble.
//
// # The contract
//
// [Guard] puts a watchman around a stream that reports each breach of the
// contract, in whatever test it is used. [Check] looks for breaches: it completes,
// leaves, cancels, panics and re-enters. The laws, and who looks after each:
//
//	 1  values never overlap, and come on the goroutine that runs     Guard
//	 2  none after yield returned false or the run returned           Guard
//	 3  a run returns only when its goroutines are gone               Check
//	 4  the end of ctx ends the run soon, with context.Cause(ctx)     Check
//	 5  an error is returned once, as it is; none after leaving       Guard, Check
//	 6  runs are independent: same source, same values                Check
//	 7  the order of the source is kept                               Check (6), Expect
//	 8  no lock is held while the consumer's code runs                Check
//	 9  a panic of the consumer reaches the goroutine that runs       Check
//	10  nil and zero values are values                                Expect
//	11  a consumer that left is not referenced any more               Check
//	12  cancelling twice, from anywhere, is harmless                  Check
//	13  what is rejected costs no hand-over                           benchmarks
//	14  a stream is a value: run it at the same time, again           Check
package obstest
