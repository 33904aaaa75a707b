package xbus

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/wire"
)

// A sender lets rpc send by the connection, and speaks its language.
type sender struct{ conn *conn.Conn }

func (s sender) Connected() bool { return s.conn.Attached() }

// Send implements rpc.Sender.
func (s sender) Send(ctx context.Context, m *wire.Message) (rpc.Receipt, error) {
	s.rename(m)
	r, err := s.conn.Send(ctx, m)
	if err != nil {
		return rpc.Receipt{}, sendError(m, err)
	}
	return rpc.Receipt(r), nil
}

// SendNow is Send for the only call in flight.
func (s sender) SendNow(ctx context.Context, m *wire.Message) (rpc.Receipt, error) {
	s.rename(m)
	r, err := s.conn.SendNow(ctx, m)
	if err != nil {
		return rpc.Receipt{}, sendError(m, err)
	}
	return rpc.Receipt(r), nil
}

// rename replaces the special orc name of Resp, by the token of the session in
// which the message goes out.
func (s sender) rename(m *wire.Message) {
	if m.OrcName == OrcToken {
		m.OrcName = s.hallName()
	}
}

func (s sender) hallName() string {
	session, _ := s.conn.Session()
	return hallName(session.Identity.Token)
}

// hallName is the orc name that stands for the hall itself, "" without a token.
func hallName(token wire.Token) string {
	if token == "" {
		return ""
	}
	return wire.GreatHall + "@" + string(token)
}

// sendError adds what an error of a link means for a call.
func sendError(m *wire.Message, err error) error {
	lost := &linkError{rpc.ErrConnectionLost, err}
	switch reason := conn.ReasonOf(err); {
	case errors.Is(err, conn.ErrNotConnected):
		return &linkError{rpc.ErrNotConnected, err}
	case !errors.Is(err, conn.ErrNotSent): // a transport that does not know
		return &rpc.CallError{Command: m.Topic, ID: m.ID, Verdict: rpc.MaybeExecuted, Err: lost}
	case reason == conn.ErrOverflow, reason == conn.ErrNotSent: // no room in time; a message that cannot be sent
		return err
	}
	return lost
}

// A linkError is an error of package conn that is one of package rpc as well.
type linkError struct{ kind, err error }

func (e *linkError) Error() string        { return e.err.Error() }
func (e *linkError) Is(target error) bool { return target == e.kind }
func (e *linkError) Unwrap() error        { return e.err }

// Ready implements rpc.Sender.
func (s sender) Ready(ctx context.Context) error {
	if s.Connected() {
		return nil
	}
	state, err := s.conn.State().Wait(ctx, func(st conn.State) bool { return st.Usable() || st.Phase == conn.Closed })
	switch {
	case err == nil && state.Usable():
		return nil
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case state.Err == nil:
		return &linkError{rpc.ErrClosed, ErrClosed}
	}
	return &linkError{rpc.ErrClosed, fmt.Errorf("%w: %w", ErrClosed, state.Err)}
}
