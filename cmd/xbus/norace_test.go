//go:build !race

package main

import "time"

// endLimit is how long commands may take to end.
const endLimit = time.Second
