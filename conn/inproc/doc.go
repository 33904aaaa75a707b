// Package inproc carries the messages of an Xcraft bus inside one process: what
// the reference calls the backend "ee". A hall opens a [Listener] under a name,
// clients reach it by a [Transport] of that name, "mem://name".
//
// Messages pass without bytes and without goroutines, as copies that share
// their payload: nobody above can tell it from a socket, but by the time it
// takes.
package inproc
