package conn

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"
)

// The transitions of the state. Run makes all but lagging and recovered, which
// are the watchdog's; mu puts them into one order.

func (c *Conn) attempting(attempt int) {
	c.transit(func(s *State) bool {
		s.Phase, s.Attempt, s.NextDelay = Reconnecting, attempt, 0
		if s.Epoch == 0 {
			s.Phase = Connecting
		}
		return true
	})
}

func (c *Conn) waiting(attempt int, delay time.Duration, err error) {
	c.transit(func(s *State) bool {
		if s.Epoch > 0 {
			s.Phase = Reconnecting
		}
		s.Attempt, s.NextDelay, s.Err = attempt, delay, plain(err)
		return true
	})
}

func (c *Conn) connected(a *attachment) {
	c.transit(func(s *State) bool {
		*s = State{Phase: Connected, Epoch: a.epoch, Identity: a.identity, Loaded: a.loaded}
		return true
	})
}

// disconnected is the one transition of a loss, though two sockets die.
func (c *Conn) disconnected(err error) {
	c.transit(func(s *State) bool {
		s.Phase, s.Attempt, s.Err = Reconnecting, 0, err
		return true
	})
}

func (c *Conn) lagging() {
	c.transit(func(s *State) bool {
		if s.Phase != Connected {
			return false
		}
		s.Phase = Lagging
		return true
	})
}

func (c *Conn) recovered() {
	c.transit(func(s *State) bool {
		if s.Phase != Lagging {
			return false
		}
		s.Phase = Connected
		return true
	})
}

// close ends the states, the notices and the values.
func (c *Conn) close(err error) error {
	err = plain(err)
	c.transit(func(s *State) bool {
		s.Phase, s.NextDelay, s.Err = Closed, 0, err
		if errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) {
			s.Err = nil
		}
		return true
	})
	c.state.Close()
	c.token.Close()
	c.orcName.Close()
	c.registry.Close()
	c.notices.Close(nil)
	return err
}

// transit applies change to the present state and publishes the result.
func (c *Conn) transit(change func(*State) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.state.Load()
	s := old
	if !change(&s) {
		return
	}
	if s.Phase != old.Phase || s.Since.IsZero() {
		s.Since = time.Now()
	} else {
		s.Since = old.Since
	}
	c.state.Set(s)
	c.cfg.Logger.LogAttrs(context.Background(), levelOf(s), "connection", slog.Any("state", s))
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

// plain takes off the internal mark of a lost session and gives the bare end
// of a stream a name.
func plain(err error) error {
	if l, ok := err.(lost); ok {
		err = l.error
	}
	if errors.Is(err, io.EOF) && !errors.Is(err, ErrLinkLost) {
		return &Error{Op: "session", Reason: ErrLinkLost, Err: err}
	}
	return err
}
