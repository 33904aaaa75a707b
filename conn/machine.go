package conn

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// The transitions of the state. Run makes all but lags and recovers, which are
// the watchdog's and the reader's; mu puts them into one order.

func (c *Conn) attempting(attempt int) {
	c.transit(func(s *State) bool {
		s.Phase, s.Attempt, s.NextDelay = unattached(s), attempt, 0
		return true
	})
}

// waiting is the one transition of a loss, though two sockets die, and that of
// an attempt that failed.
func (c *Conn) waiting(attempt int, delay time.Duration, err error) {
	c.transit(func(s *State) bool {
		s.Phase, s.Attempt, s.NextDelay, s.Err = unattached(s), attempt, delay, err
		return true
	})
}

// unattached is the phase without a session.
func unattached(s *State) Phase {
	if s.Epoch == 0 {
		return Connecting
	}
	return Reconnecting
}

func (c *Conn) connected(a *attachment) {
	c.transit(func(s *State) bool {
		*s = State{Phase: Connected, Epoch: a.epoch, Identity: a.identity, Loaded: a.loaded}
		return true
	})
}

// lags looks at the silence once more: a message may just have come.
func (c *Conn) lags(link Link) {
	c.transit(func(s *State) bool {
		if s.Phase != Connected || silence(link) < c.cfg.LagAfter {
			return false
		}
		s.Phase = Lagging
		return true
	})
}

func (c *Conn) recovers() {
	c.transit(func(s *State) bool {
		if s.Phase != Lagging {
			return false
		}
		s.Phase = Connected
		return true
	})
}

// close ends the states, the notices and the values. An end that was asked for
// is no error of the state.
func (c *Conn) close(ctx context.Context, session *attachment, err error) error {
	lost := err
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	c.transit(func(s *State) bool {
		s.Phase, s.Attempt, s.NextDelay, s.Err = Closed, 0, 0, err
		if errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) {
			s.Err = nil
		}
		return true
	})
	c.detached(session, lost)
	c.state.Close()
	c.token.Close()
	c.orcName.Close()
	c.registry.Close()
	c.notices.Close(nil)
	return err
}

// transit applies change to the present state and publishes the result. The
// logger is foreign code and runs outside of the lock.
func (c *Conn) transit(change func(*State) bool) {
	if s, changed := c.change(change); changed {
		c.cfg.Logger.LogAttrs(context.Background(), levelOf(s), "connection", slog.Any("state", s))
	}
}

func (c *Conn) change(change func(*State) bool) (s State, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.state.Load()
	s = old
	if !change(&s) {
		return old, false
	}
	s.Since = old.Since
	if s.Phase != old.Phase {
		s.Since = time.Now()
	}
	c.lagging.Store(s.Phase == Lagging)
	c.state.Set(s)
	return s, true
}

func levelOf(s State) slog.Level {
	switch {
	case s.Phase == Lagging, s.NextDelay > 0, s.Phase == Closed && s.Err != nil:
		return slog.LevelWarn
	case s.Phase == Connected, s.Phase == Closed:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
