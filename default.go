package xbus

import "sync/atomic"

var shared atomic.Pointer[Client]

// Default returns the client that the program shares, nil before SetDefault: a
// place for programs that have one bus, in the manner of slog.Default.
func Default() *Client { return shared.Load() }

// SetDefault makes c the client that Default returns. It closes nothing.
func SetDefault(c *Client) { shared.Store(c) }
