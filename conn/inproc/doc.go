// Package inproc carries the messages of an Xcraft bus inside one process: what
// the reference calls the backend "ee". A hall opens a [Listener] under a name,
// clients reach it by a [Transport] of that name, "mem://name".
//
// Messages pass without bytes and without goroutines, as copies that share
// their payload: nobody above can tell it from a socket, but by the time it
// takes. All of it blocks on channels only, so that a bus inside of a process
// lives in the bubbles of testing/synctest.
//
// # Guarantees
//
//   - Messages arrive once and in the order of their numbers. LinkInfo.Written is
//     the number of messages that the peer has, or could have, received.
//   - A peer that does not read holds up to 65,536 messages, beyond which senders
//     wait, each for as long as its context allows.
//   - Close ends this side at once; the peer receives what was sent before, then
//     the end. Closing a [Listener] closes the hall's ends of all clients.
package inproc
