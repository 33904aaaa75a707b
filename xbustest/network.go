package xbustest

import (
	"testing"
	"time"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/internal/faultproxy"
)

// A Network stands between clients and a hall and misbehaves on command. What
// is said to it counts at once, for the connections that are open as for later
// ones; Heal takes it all back. A verb adds to those before.
type Network struct {
	t      testing.TB
	pair   *faultproxy.Pair
	faults faultproxy.Faults
}

// Network puts a network in front of the hall, until the end of the test.
// Clients that connect to its URL go through it. It needs a hall with sockets,
// and Linux.
func (h *Hall) Network() *Network {
	h.t.Helper()
	pair, err := faultproxy.ListenPair(h.URL(), faultproxy.Config{KeepPorts: true})
	if err != nil {
		h.t.Fatalf("xbustest: %v", err)
	}
	h.t.Cleanup(func() { pair.Close() })
	return &Network{t: h.t, pair: pair}
}

// URL is the address of the hall by way of the network.
func (n *Network) URL() string { return n.pair.URL() }

// Connect connects a client by way of the network, until the end of the test.
func (n *Network) Connect(opts ...xbus.Option) *xbus.Client {
	n.t.Helper()
	return connect(n.t, n.URL(), opts...)
}

// Cut ends all connections abruptly; new ones are let through.
func (n *Network) Cut() { n.pair.Cut(faultproxy.Reset) }

// Stall keeps the connections open and carries nothing.
func (n *Network) Stall() { n.change(func(f *faultproxy.Faults) { f.Stall = true }) }

// Swallow takes everything and carries nothing: senders notice nothing.
func (n *Network) Swallow() { n.change(func(f *faultproxy.Faults) { f.Swallow = true }) }

// Delay carries everything so much later.
func (n *Network) Delay(d time.Duration) { n.change(func(f *faultproxy.Faults) { f.Delay = d }) }

// OneByte carries everything byte by byte.
func (n *Network) OneByte() { n.change(func(f *faultproxy.Faults) { f.Piece = 1 }) }

// FlipBit spoils one bit of each n-th byte.
func (n *Network) FlipBit(every int) {
	n.change(func(f *faultproxy.Faults) { f.FlipEvery = int64(every) })
}

// Limit is the bandwidth of each connection in bytes per second.
func (n *Network) Limit(bytesPerSecond int) {
	n.change(func(f *faultproxy.Faults) { f.Limit = bytesPerSecond })
}

// Refuse lets nobody connect any more, as if nobody listened.
func (n *Network) Refuse() { n.admit(faultproxy.Refuse) }

// BlackHole lets clients connect and then leaves them alone.
func (n *Network) BlackHole() { n.admit(faultproxy.BlackHole) }

// Heal makes the network faithful again.
func (n *Network) Heal() {
	n.admit(faultproxy.Forward)
	n.change(func(f *faultproxy.Faults) { *f = faultproxy.Faults{} })
}

func (n *Network) admit(a faultproxy.Admission) {
	n.t.Helper()
	if err := n.pair.Admit(a); err != nil {
		n.t.Fatalf("xbustest: %v", err)
	}
}

func (n *Network) change(f func(*faultproxy.Faults)) {
	f(&n.faults)
	n.pair.Set(faultproxy.Up, n.faults)
	n.pair.Set(faultproxy.Down, n.faults)
}
