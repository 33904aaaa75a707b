//go:build !race

package main

import "time"

// endLimit is how long commands may take to end: a second, and what a busy machine
// adds.
const endLimit = 3 * time.Second
