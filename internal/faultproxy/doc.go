// Package faultproxy is a TCP proxy that misbehaves on command, for tests of
// what clients and servers do on bad networks.
//
// A [Proxy] listens on a free port of the loopback and forwards each connection
// to its target, faithfully at first. Faults are set for each [Direction] and
// take effect at once, for the connections that are open as for the later ones:
//
//	proxy, err := faultproxy.Listen("127.0.0.1:35800", faultproxy.Config{})
//	…
//	proxy.Set(faultproxy.Down, faultproxy.Faults{Delay: 50 * time.Millisecond, Piece: 1})
//	proxy.Set(faultproxy.Down, faultproxy.Faults{Stall: true}) // open, but silent
//	proxy.Set(faultproxy.Down, faultproxy.Faults{})            // faithful again
//	proxy.Cut(faultproxy.Reset)                                // every connection ends
//	proxy.Admit(faultproxy.Refuse)                             // nobody listens
//
// What happened is counted; [Proxy.Wait] waits until the counts say what a test
// wants to see, so that tests need no sleeps:
//
//	err := proxy.Wait(ctx, func(s faultproxy.Stats) bool { return s.Down.Swallowed > 1000 })
//
// # Great halls
//
// A [Pair] stands in front of the two sockets of a great hall. There is one
// thing to know about it. A great hall links the two sockets of a client by the
// port of the event socket as the client sees it (protocol §2.9). A proxy
// connects to the hall from a port of its own, so that the hall finds no event
// socket with the announced port: it sends the answers of this client to
// everybody (rule 2), which still works, and when one socket of the client dies
// it does not destroy the other one (rules 3 and 4). With [Config.KeepPorts] the
// proxy uses the port of the client, and the link is as without proxy.
//
// # Guarantees
//
// Without faults, the bytes, the ends of the streams and the resets of one side
// reach the other side. In each direction, the bytes that were received are
// forwarded, swallowed, lost with their connection, or still pending: see
// [Flow]. After Close has returned, no goroutine is left.
package faultproxy
