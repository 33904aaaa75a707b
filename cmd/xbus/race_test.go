//go:build race

package main

import "time"

// endLimit is a second, and what a busy machine and the race detector add.
const endLimit = 4 * time.Second
