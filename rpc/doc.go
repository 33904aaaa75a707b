// Package rpc knows the calls in flight: commands that were sent and whose
// answer, an event, has not come yet. It turns them into futures, gives each
// one end, and reads the registry of commands. It knows a connection only as a
// [Sender].
//
// # The life of a call
//
//	Calls.Call ── registered by id ── sent ──┬── Settle: the answer came   → result or *Error
//	                                         ├── Lost: the session ended   → *CallError with a Verdict
//	                                         ├── context or deadline       → *CallError with a Verdict
//	                                         └── Abort                     → *CallError with a Verdict
//
// Exactly one of these happens, and the first one counts: answers that come
// twice, which is normal on this bus (protocol §5.5), are ignored and counted.
//
// # Verdicts
//
// A call that ends without an answer says whether the command can have run:
// [NotSent] means that no byte of it was or will be written, [MaybeExecuted]
// that it may have run or may still run. Only the first is safe to repeat
// blindly.
//
// # Cost
//
// A call keeps no goroutine and no timer: [Pending.Await] watches the context
// of the caller and that of the call, and one timer for all calls looks once a
// second, while there are any, for deadlines that nobody awaits. Only the option
// [Timeout] makes a timer, and [Pending.Done] watches the context of the call.
package rpc
