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
	brief   bool      // the last session was too short to be followed by a look
}

// briefest is the shortest session that may be followed by a look at once. A
// hall that takes clients in and drops them is thus not asked more often than the
// first window of the default backoff allows.
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
	gone := !l.brief && (errors.Is(err, ErrLinkLost) || errors.Is(err, ErrGameOver))
	if !ok || !l.near || !absent && !gone {
		return nil
	}
	return func() time.Duration { return looker.Look(time.Since(l.from), l.clients) }
}

// pause waits before the next attempt. When the hall is found meanwhile the wait
// is over, and the link to it is the beginning of that attempt.
func (c *Conn) pause(ctx context.Context, delay time.Duration, look func() time.Duration) Link {
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
			if err == nil {
				return link
			}
			if !errors.Is(err, ErrRefused) { // it is there, or cannot be looked for
				due = nil
				continue
			}
			glance.Reset(look())
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
