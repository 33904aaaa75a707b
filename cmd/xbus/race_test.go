//go:build race

package main

import "time"

// endLimit is a second, and half of one for the race detector.
const endLimit = 1500 * time.Millisecond
