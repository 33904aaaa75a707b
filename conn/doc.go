// Package conn keeps a client attached to a great hall: it dials, shakes hands,
// watches, and comes back after a loss. It knows nothing of sockets, which are
// the business of a [Transport], nor of commands and topics, which are that of
// its caller.
//
// # States
//
// A [Conn] is a state machine with one owner, the goroutine of [Conn.Run]:
//
//	         first attempt fails, gameover, permanent reason
//	     +---------------------------------------------------------+
//	     |                                                         v
//	Connecting ----- autoconnect answered ----> Connected -----> Closed
//	 |      ^                                    |  ^  |  ended,   ^
//	 +------+                        silent for  |  |  |  gameover |
//	RetryFirst:                       LagAfter   v  |  |           |
//	next attempt                               Lagging |           |
//	                                             |     |           |
//	                    silent for LostAfter, or |     |           |
//	                    a socket is lost         v     v           |
//	                          +-------------- Reconnecting --------+
//	                          |                  ^  |  GiveUp, ended
//	                          |    next attempt  |  |
//	         autoconnect      |                  +--+
//	         answered         +--> Connected
//
// Run makes all transitions but those to Lagging, which a timer makes, and each
// of them is a [State]: a value with the phase, the number of the session
// (Epoch), the attempt, the reason and the next wait. Connected means usable:
// the hall has answered, and a command that is sent now goes out under a name
// that the hall knows.
//
// # Sessions
//
// Both sockets up, the client asks for a session at once (autoconnect, protocol
// §4.3); it does not wait for a heartbeat, which would cost up to half a second.
// A hall that does not answer is asked again at its first heartbeat after 5 s,
// for as long as it beats. What it answers is the [Identity]: the token of the
// hall and our orc name. Commands go on under the first name for the life of the
// Conn, as those of the reference do, although a hall gives another one at each
// reconnection; both can be observed.
//
// A hall beats every 500 ms. Without any message for 1.5 s the state says
// Lagging, after 5 s the session is lost, whatever TCP thinks.
//
// After a loss the waits come from a [Backoff]: by default cenkalti's exponential
// one with full jitter, the first wait included, and without an end. It begins
// anew only when a session has seen a heartbeat, so that a hall that accepts and
// drops is not hammered. [StrictBackoff] waits as the reference does.
//
// A hall of this machine that refuses connections is not there, so to ask for it
// is a burden to nobody: the default backoff looks for it during the waits. When
// it has told how many clients it has, as those of xbus do, it is looked for every
// 10 ms if there is one client, and so much more rarely as there are more. The
// client is back some milliseconds after the hall, and the clients of one hall
// together still come one after the other: about 100 in a second. One that does
// not tell is looked for a little more often than the waits are long, so that many
// clients still do not come at once. See [Looker].
//
// # Guarantees
//
//   - One loss is one transition, one call of OnDetach and one notice, though
//     two sockets die. Sessions do not overlap, and their numbers rise by one.
//   - Every failure and every loss has a typed reason, in State.Err, in what Run
//     returns, and in [Stats]: see [Error], [ReasonOf] and [Permanent].
//   - What a hall sends is an event, a notice, or counted as dropped. What is not
//     the protocol ends the session with [ErrProtocol], and the reconnection
//     heals it; no session is open and deaf (protocol §2.11).
//   - [Conn.Send] never waits for a session. After a loss, what was not written
//     is told apart from what may have been executed: the number of a [Receipt]
//     against LinkInfo.Written.
//   - States are values that watchers read at their own pace. Notices are queued
//     for each subscriber. No watcher holds up the connection.
//   - The hooks of [Config] and the Logger run without locks. Those named
//     OnSomething run on the goroutine of Run, the Logger there or on a timer's:
//     they may call any method, but must not wait for Run to end.
//   - Run ends as soon as its context does, wherever the connection stands. When
//     it returns, the link is closed and no goroutine or timer is left.
//
// # Differences from the reference
//
// On the wire there are two: the first autoconnect goes out before the first
// heartbeat, and the route of an orc not with each command but with the first
// after each heartbeat, since the hall remembers it (protocol §2.9). A client sees
// more: a changed orc name is also reported when the token has changed (protocol
// §10 #20), a state is not "connected" any more from the moment of the loss on
// (#37), the end is reported once (#31), and nothing ever ends the process (#25).
package conn
