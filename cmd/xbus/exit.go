package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/config"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// Exit codes.
const (
	codeOK          = 0
	codeRemote      = 1
	codeUsage       = 2
	codeConnection  = 3
	codeTimeout     = 4
	codeUnknown     = 5
	codeRefused     = 6
	codeInterrupted = 130
)

// A codeError is an error that knows its exit code, and what to do about it.
type codeError struct {
	code int
	err  error
	hint string
}

func (e *codeError) Error() string { return e.err.Error() }
func (e *codeError) Unwrap() error { return e.err }

func usage(hint, format string, args ...any) error {
	return &codeError{codeUsage, fmt.Errorf(format, args...), hint}
}

// A ranError comes from the body of a command, not from its command line.
type ranError struct{ error }

func (e *ranError) Unwrap() error { return e.error }

// A statusError ends the program with a code and without a word.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// report prints an error and returns the exit code.
func (a *app) report(ctx context.Context, err error) int {
	var ran *ranError
	var status statusError
	switch {
	case err == nil:
		return codeOK
	case errors.As(err, &status):
		return int(status)
	case !errors.As(err, &ran):
		a.say("xbus: %v", err)
		a.say("      see: xbus help")
		return codeUsage
	}
	code := codeOf(ctx, err)
	if code == codeInterrupted {
		a.say("xbus: interrupted")
		return code
	}
	text, hint := explain(ran.error)
	a.say("xbus: %s", strings.ReplaceAll(text, "\n", "\n      "))
	for _, line := range nonEmpty(strings.Split(hint, "\n")...) {
		a.say("      %s", line)
	}
	return code
}

func codeOf(ctx context.Context, err error) int {
	var known *codeError
	var far *rpc.Error
	switch {
	case errors.As(err, &known):
		return known.code
	case ctx.Err() != nil && isAny(err, context.Canceled, context.Cause(ctx)):
		return codeInterrupted
	case errors.Is(err, rpc.ErrCommandNotAvailable):
		return codeUnknown
	case errors.As(err, &far):
		if far.Code == server.CodeForbidden {
			return codeRefused
		}
		return codeRemote
	case refused(err):
		return codeRefused
	case isAny(err, rpc.ErrConnectionLost, rpc.ErrNotConnected, xbus.ErrGap) || conn.ReasonOf(err) != nil:
		return codeConnection
	case isAny(err, rpc.ErrTimeout, context.DeadlineExceeded):
		return codeTimeout
	}
	return codeRemote
}

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if target != nil && errors.Is(err, target) {
			return true
		}
	}
	return false
}

// refused reports whether one side did not accept the other.
func refused(err error) bool {
	return isAny(err, conn.ErrCertificate, conn.ErrCertificateRejected, conn.ErrRejected, conn.ErrTLS, conn.ErrTLSRequired, conn.ErrTLSUnexpected)
}

// connectError gives the failure to connect its code and the way out.
func connectError(ctx context.Context, cfg *config.Config, err error) error {
	var address *xbus.AddressError
	switch {
	case ctx.Err() != nil:
		return err
	case errors.As(err, &address):
		return &codeError{codeUsage, err, ""}
	case refused(err):
		return &codeError{codeRefused, err, "see: xbus doctor"}
	}
	hint := "is the hall at " + cfg.String() + "? see: xbus doctor"
	if errors.Is(err, conn.ErrRefused) && cfg.Setting("host").Default && cfg.Setting("unixSocketId").Value == "" {
		hint = "nothing says where the hall is: give --url or XBUS_URL; or start one: xbus serve --demo"
	}
	return &codeError{codeConnection, err, hint}
}

// explain is what happened and where, and what to do.
func explain(err error) (text, hint string) {
	var known *codeError
	if errors.As(err, &known) {
		hint = known.hint
	}
	var link *conn.Error
	var far *rpc.Error
	switch {
	case errors.As(err, &far):
		return strings.TrimPrefix(err.Error(), "rpc: "), hint
	case errors.As(err, &link) && !isCall(err):
		parts := []string{"connect " + link.Addr}
		if link.Reason != nil {
			parts = append(parts, link.Reason.Error())
		}
		var op *net.OpError
		if link.Err != nil && !(errors.As(link.Err, &op) && errors.Is(err, conn.ErrRefused)) && !strings.Contains(parts[len(parts)-1], link.Err.Error()) {
			parts = append(parts, link.Err.Error())
		}
		if link.Hint != "" {
			hint = strings.Join(nonEmpty(link.Hint, hint), "\n")
		}
		return strings.Join(parts, ": "), hint
	}
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "rpc: "), "xbus: "), hint
}

func isCall(err error) bool {
	var call *rpc.CallError
	return errors.As(err, &call)
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}
