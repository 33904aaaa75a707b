package conn

import (
	"context"
	"errors"
	"time"
)

// A Looker is a [Backoff] whose waits may end early when the hall is one of this
// machine: there a dial that nobody answers costs the client some microseconds
// and the hall nothing, as it is not there.
type Looker interface {
	Backoff
	// Look returns how long to wait before the next look for the hall. away is
	// the time since the loss, clients how many clients the hall had when this
	// one came in, 0 when it did not tell. A wait that would end sooner is not
	// looked into.
	Look(away time.Duration, clients int) time.Duration
}

// looks are the looks for a hall during the waits after one loss. Run's own.
type looks struct {
	from    time.Time // of the loss
	near    bool      // the hall is one of this machine; else there are no looks
	clients int       // of the hall, 0 when it did not tell
	brief   bool      // the last session was so short that the hall may be there still
}

// briefest is the shortest session after which a look may bring the client back.
// A hall that takes clients in and drops them is left alone for the whole wait, so
// that it is not asked more often than the backoff allows; but first a look finds
// out whether it is one of those.
const briefest = 250 * time.Millisecond

// lost begins the looks for the hall of a session that has just ended. Those
// for a hall of another machine would be a burden on the network, so there are
// none.
func (l *looks) lost(a *attachment) {
	info := a.link.Info()
	*l = looks{from: time.Now(), brief: time.Since(a.began) < briefest, near: info.SameHost || info.Server, clients: a.clients}
}

// next returns what makes the next look after err, the end of the last attempt
// or session: nil when there is nothing to look for.
func (l *looks) next(backoff Backoff, err error) func() time.Duration {
	looker, ok := backoff.(Looker)
	absent := errors.Is(err, ErrRefused)
	gone := errors.Is(err, ErrLinkLost) || errors.Is(err, ErrGameOver)
	if !ok || !l.near || !absent && !gone {
		return nil
	}
	return func() time.Duration { return looker.Look(time.Since(l.from), l.clients) }
}

// pause waits before the next attempt. When the hall is found meanwhile the wait
// is over, and the link to it is the beginning of that attempt; but when it may
// have been there all the time it has to be found absent before.
func (c *Conn) pause(ctx context.Context, delay time.Duration, look func() time.Duration, present bool) Link {
	end := time.NewTimer(delay)
	defer end.Stop()
	var glance *time.Timer
	var due <-chan time.Time // nil, and never ready, without looks
	if look != nil {
		glance = time.NewTimer(look())
		defer glance.Stop()
		due = glance.C
	}
	for {
		select {
		case <-end.C:
			return nil
		case <-c.wake:
			return nil
		case <-ctx.Done():
			return nil
		case <-due:
			link, err := c.glance(ctx)
			switch {
			case err == nil && present:
				link.Close()
				due = nil
			case err == nil:
				return link
			case errors.Is(err, ErrRefused):
				present = false
				glance.Reset(look())
			default: // it is there, or cannot be looked for
				due = nil
			}
		}
	}
}

// glance dials once. Reconnect ends it as it ends an attempt.
func (c *Conn) glance(ctx context.Context) (Link, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	c.end.Store(&end)
	defer c.end.Store(nil)
	return c.dial(ctx)
}
