package xbus

import (
	"context"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/wire"
)

// State is where the connection stands: Load it, Wait for it, or watch it as an
// Observable, which begins with the present state.
func (c *Client) State() observable.View[conn.State] { return c.conn.State() }

// Token is the token of the hall, "" before the first session. It changes when
// the hall restarts.
func (c *Client) Token() observable.View[wire.Token] { return c.conn.Token() }

// OrcName is the name under which this client sends, "" before the first
// session; see conn.Identity for the name that the hall gave last.
func (c *Client) OrcName() observable.View[string] { return c.conn.OrcName() }

// Registry is the set of commands of the hall, nil before the first session;
// the methods of a nil *rpc.Registry say that there is nothing.
func (c *Client) Registry() observable.View[*rpc.Registry] { return c.registry.View() }

// Notices is the stream of reconnections, and of changes of token, orc name and
// registry, in order and without conflation, those of hordes included
// (protocol §4.6). Each run begins at the present.
func (c *Client) Notices() observable.Observable[conn.Notice] { return c.conn.Notices().Observable() }

// RegistryChanges is the stream of what changes in the registry. The first value
// has all present commands as added.
func (c *Client) RegistryChanges() observable.Observable[rpc.Diff] {
	return observable.New(func(ctx context.Context, yield func(rpc.Diff) bool) error {
		var old *rpc.Registry
		return c.Registry().Observable().Run(ctx, func(now *rpc.Registry) bool {
			diff := now.Compare(old)
			old = now
			return diff.Empty() || yield(diff)
		})
	})
}

// Lag is the stream of how long the hall has been silent, looked at every
// interval (500 ms when it is 0); 0 while there is no connection. A hall that is
// well beats every 500 ms.
func (c *Client) Lag(interval time.Duration) observable.Observable[time.Duration] {
	if interval <= 0 {
		interval = 500 * time.Millisecond
	}
	return observable.New(func(ctx context.Context, yield func(time.Duration) bool) error {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			if !yield(c.conn.Silence()) {
				return nil
			}
			select {
			case <-ticker.C:
			case <-c.Done():
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	})
}

// Session describes the present session; ok is false while there is none.
func (c *Client) Session() (s conn.Session, ok bool) { return c.conn.Session() }

// LastError is why there is no session, nil while there is one.
func (c *Client) LastError() error { return c.conn.State().Load().Err }

// Reconnect connects anew, now: it cuts the present session, or ends the wait
// before the next attempt.
func (c *Client) Reconnect() { c.conn.Reconnect() }

// Stats are the counters of a client. Those of events are the sums over all
// subscriptions that are or were: at every moment
// Delivered + Dropped + Buffered = Matched.
type Stats struct {
	Conn          conn.Stats
	Calls         rpc.Stats
	Subscriptions int // that are open

	Matched   uint64 // events for which there was a subscription, for each; gap markers count
	Delivered uint64 // handed to who reads
	Dropped   uint64 // lost in full queues, or left unread when a subscription was closed
	Buffered  int    // waiting to be read
}

// Stats returns the counters.
func (c *Client) Stats() Stats {
	events := c.subs.stats()
	return Stats{
		Conn: c.conn.Stats(), Calls: c.calls.Stats(), Subscriptions: events.open,
		Matched: events.matched, Delivered: events.delivered, Dropped: events.dropped, Buffered: events.buffered,
	}
}
