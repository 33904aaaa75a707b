package main

import (
	"syscall"
	"time"
)

// shortest is how long the system sleeps at least, about.
const shortest = 100 * time.Microsecond

// nap sleeps in the system: the timers of Go are late by up to a millisecond when
// there is little else to do.
func nap(d time.Duration) {
	t := syscall.NsecToTimespec(max(d, shortest).Nanoseconds())
	_ = syscall.Nanosleep(&t, nil) // when it is interrupted, the clock is looked at again
}
