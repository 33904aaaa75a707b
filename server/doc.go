// Package server is a great hall: the other end of an Xcraft bus. A Go program
// offers commands and publishes events with it, to Go clients of the same
// process, to Go and JavaScript clients over sockets, and to the great halls of
// other Xcraft servers as a member of their horde.
//
//	hall, err := server.Listen(ctx, server.Config{Listen: []string{"xcraft://127.0.0.1:35400?events=35800"}})
//	server.Handle(hall, "thermo.read", func(ctx context.Context, in Query) (Reading, error) { … },
//		server.Desc("reads the thermometer of a room"), server.Required("room"))
//	hall.Publish(ctx, "thermo::changed", Reading{21.5})
//
// # What a hall promises
//
// It is compatible on the wire and strict in what it believes. A name belongs
// to the connection that brought it first, and to nobody else until that
// connection has ended: answers and events of an orc go to its connection only,
// and a command under a name of somebody else is refused. Until the hall has
// answered its autoconnect a connection gets heartbeats and nothing else. Both
// sockets of a client live and die together.
//
// Each command that was accepted is answered exactly once, by ".finished" or by
// ".error": also when its handler panics, when it does not return before its
// deadline, and when the hall drains. The context of a handler ends when its
// caller goes or its deadline passes. Activities follow the rules of the
// reference (protocol §5.3) and take turns between clients.
//
// Events of one goroutine reach each client in order. A client that does not
// read is cut at its limit and delays nobody. Whatever is refused, dropped or
// cut is counted by its reason in [Hall.Stats].
//
// A handler that returns an io.Reader sends a stream, one that takes an
// [Upload] receives one. Streams are paced by who reads them, so that they hold
// some hundred kilobytes each, and a stream that did not come to its end is never
// taken for a whole one. Drain and Close wait for them.
//
// # What a hall bears
//
// What comes by its sockets is limited before it is believed, with limits that
// are the same for everybody and can all be set:
//
//	before the sockets of a client are paired    5 s for TLS, 5 s more, 128 sockets of each kind
//	before its autoconnect is answered           64 KiB after inflating, 5 s
//	afterwards                                   frames of 8 MiB, topics of 4 KiB, commands of 256 bytes, JSON 1000 deep
//	a frame that has begun                       30 s to its end
//	what waits for it                            16 MiB, and 10 s in which it takes nothing
//	what it has                                  4096 commands in flight, 65536 names, 65536 lines of at most 1 KiB
//	all clients                                  1024 connections, 1024 sessions that are away
//
// Memory grows with what came, never with what was announced: a gzip bomb of a
// gigabyte costs some 20 MiB for a moment. What is not the protocol ends its
// connection, both sockets of it; what is, and not allowed, is refused and the
// connection goes on. Nothing is left open and unread. Every refusal and every
// end is counted by its [Reason], and the others are served meanwhile. Code in
// messages is text, and no token, secret or key is ever logged. The tests that
// hold this are in hostile_bytes_test.go, whose first comment lists them, and beside it.
//
// A hall that listens beyond its machine asks who its clients are: by client
// certificates or by [Config.Authenticate], unless [Config.AllowAnonymous] says
// that anybody is welcome.
//
// # What is given away
//
// Whoever is let in hears all events that are for everybody, learns the token of
// the hall, sees the registry, and may send every command that Config.Authorize
// does not refuse. Config.AllowAnonymous lets everybody in who reaches the port.
// Config.Offer lets every client end the hall, or publish events under any
// namespace that is no orc's and not the hall's own. ListenConfig.AnyPort, for
// clients behind a proxy, pairs sockets by their address alone. A plain client
// that is away has no name: the one it had can be brought by another until it is
// back, a client of xbus keeps its own for Config.SessionTTL.
//
// # Clients of xbus
//
// A client that announces itself with the member "xbus" of its autoconnect data
// (version 1) gets numbered events (member _xbusSeq) and a session that
// outlives its connection for a while: its names stay its own, what is
// published for it meanwhile is counted, and what [Config.Replay] selects is
// kept and sent when it is back. Other peers ignore all of it. The answer to
// autoconnect carries
//
//	"xbus": {"version": 1, "session": "<secret>", "known": true, "seq": 1234, "replayed": 3, "clients": 12, "lost": "slow consumer"}
//
// and the client gives "session" back in its next autoconnect, with "seq", the
// number of the last event that it has seen, and "attempt", which grows with each
// of its autoconnects: one that is read behind a newer one, over a connection that
// the client has given up, does not take the session.
package server
