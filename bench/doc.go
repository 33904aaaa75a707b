// Package bench is the root of the module that measures xbus beside others. It
// requires what nothing else in this repository does: the peers.
//
//	go run ./all         all of the below, into docs/performance.md; make bench
//	go run ./calls       calls a second: xbus, the reference, nats, zmq, redis, raw TCP
//	go run ./events      events a second, to one and to many clients
//	go run ./latency     how long calls and events are under way
//	go run ./link        connecting, coming back, a thousand connections
//	go run ./dispatch    an event among many patterns
//	go run ./cost        time and allocations of a call and of an event
//	go run ./footprint   memory of what is open
//	go run ./streams     streams against a plain loop, channels, rxgo and samber/ro
//	go run ./payload     immutable values against the library of the reference
//	go run ./transfer    streams of our hall against those of the real server
//	go run ./shares      what the processor time of a message is spent on
//
// Each program runs its contenders in turn, in several rounds, prints medians
// with their spread, and figures as ratios within the run, in the form
//
//	figure NAME VALUE UNIT
//	missed NAME: at least BAR
//
// What they have in common is in internal/measure, the contenders in
// internal/peer.
package bench
