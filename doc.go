// Package xbus is a client for the bus of Xcraft, with a reactive streams
// library around it: the state of the connection, the token, the orc name, the
// registry of commands, topics and results of calls are all observables and
// channels, so they compose.
//
//	client, err := xbus.Connect(ctx, "xcraft://127.0.0.1:35400?events=35800")
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//
//	for ev, err := range client.Topic("warehouse::*").All(ctx) { … }        // events, in this loop
//	events, wait := client.Topic("*::(changed|released)").Chan(ctx)         // events, as a channel
//	app, err := xbus.Call[App](ctx, client, "warehouse.get", args).Await(ctx) // a future
//	for s, err := range client.State().Observable().All(ctx) { … }          // the connection
//
// # Words
//
//   - great hall: the server of a bus. It has two sockets: the commander takes
//     commands, the notifier sends events.
//   - orc: a client; its name is <Name>@<token>.
//   - token: 32 hexadecimal digits that a hall draws at each start.
//   - heartbeat: what a hall sends every 500 ms.
//   - gameover: the farewell of a hall that stops for good.
//   - topic: <namespace>::<name>; a pattern is a topic with "*" and "(a|b)".
//   - line: a <name> inside a topic; its events go to those who asked for it.
//   - horde: other great halls that a hall is connected to.
//
// # Two journeys
//
// An event: the transport reads a message, the connection keeps what is its own
// (heartbeats, registry, gameover), Client.dispatch settles the call that it
// answers, and hands it to the queues of the subscriptions that match. There the
// reader is free again. The loop over Topic.All takes it out of its queue.
//
// A command: Call registers a future under the id of the message, then sends
// it in the present session. The answer comes in as an event, as far as dispatch,
// and settles the future by its id.
//
// # What is promised
//
//   - Every call ends exactly once: with a result, with the far side's error
//     (*rpc.Error), or with an *rpc.CallError whose verdict says whether the
//     command can have run.
//   - No event is lost without a count: a full queue drops by its policy, and the
//     next event says how many are missing (Event.Lost); an interruption of the
//     connection leaves a marker in each stream (Event.Gap); Stats has the sums.
//   - A subscription has joined when Subscribe returns: what is sent afterwards is
//     not missed. It survives reconnections.
//   - The reader waits for nobody. A loop that calls a command for each event it
//     receives works; a loop that sleeps loses its own events and nobody else's.
//   - A context bounds the wait it is given to, and nothing else.
//   - After Close nothing runs any more.
//
// # Concurrency
//
// All methods of Client, Resp, Topic and of futures may be called from any
// goroutine, also from inside the loops over their streams. One Subscription has
// one reader at a time.
//
// # The rest of the house
//
// Package conn has states, reasons and back-off; rpc futures, errors and the
// registry; observable and operators the streams; topics the patterns; payload
// immutable values; conn/axon and conn/inproc the transports; wire the messages
// and the specification of the protocol, SPEC.md.
package xbus
