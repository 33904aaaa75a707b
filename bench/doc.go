// Package bench is the root of the module that measures xbus beside others. It
// requires what nothing else in this repository does: the peers.
//
//	go run ./streams   streams against a plain loop, channels, rxgo and samber/ro
//	go run ./payload   immutable values against the library of the reference
//	go run ./transfer  streams of our hall against those of the real server
//
// Each program runs its contenders in turn, in several rounds, prints medians
// with their spread, and figures as ratios within the run, in the form
//
//	figure NAME VALUE UNIT
package bench
