// Package axon carries the messages of an Xcraft bus over sockets: TCP, TLS,
// mutual TLS and unix sockets, as the reference does. A client has two of them,
// one that events come by and one that commands go by; together they are one
// [conn.Link], and the end of either is the end of both.
//
// What is sent is one endless gzip member of stored blocks, written once per
// batch, which every peer understands (protocol §2.3); what is received may
// be cut into members and blocks in any way. On unix sockets there is no gzip.
//
// A [Transport] dials, a [Listener] is the hall's side: it pairs the two sockets
// of each client by the route of its first command, and gives them out as one
// link. Until then a socket gets heartbeats and nothing else, may send little,
// and is closed when nobody claims it in time.
//
// The package knows nothing of handshakes, tokens or reconnections: those are
// package conn's.
package axon
