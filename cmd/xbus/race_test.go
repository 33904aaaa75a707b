//go:build race

package main

import "time"

// endLimit is a second (see the other build), and what the race detector and a busy
// machine add.
const endLimit = 4 * time.Second
