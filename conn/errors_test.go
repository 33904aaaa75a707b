package conn_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/xcraft-go/xbus/conn"
)

func TestErrorText(t *testing.T) {
	for _, test := range []struct {
		err  conn.Error
		want string
	}{
		{conn.Error{Op: "dial", Addr: "h:1", Reason: conn.ErrRefused}, "conn: dial h:1: connection refused"},
		{conn.Error{Op: "dial", Addr: "h:1", Reason: conn.ErrRefused, Hint: "start it"}, "conn: dial h:1: connection refused (start it)"},
		{conn.Error{Op: "session", Reason: conn.ErrLinkLost, Err: io.EOF}, "conn: session: link lost: EOF"},
		{conn.Error{Op: "session", Addr: "h:1", Err: io.EOF}, "conn: session h:1: EOF"},
		{conn.Error{Op: "dial", Addr: "h:1", Reason: conn.ErrRefused, Err: errors.New("connect: connection refused")}, "conn: dial h:1: connect: connection refused"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%#v is %q, want %q", test.err, got, test.want)
		}
	}
}

func TestErrorsAreFound(t *testing.T) {
	err := fmt.Errorf("xbus: %w", &conn.Error{Op: "session", Addr: "h:1", Reason: conn.ErrLinkLost, Err: io.EOF})
	if !errors.Is(err, conn.ErrLinkLost) || !errors.Is(err, io.EOF) || errors.Is(err, conn.ErrTLS) {
		t.Errorf("reason or cause of %v are not found", err)
	}
	if e, ok := errors.AsType[*conn.Error](err); !ok || e.Op != "session" {
		t.Errorf("the parts of %v are not found", err)
	}
}

func TestReasonOf(t *testing.T) {
	for _, test := range []struct{ err, want error }{
		{nil, nil},
		{io.EOF, nil},
		{conn.ErrDNS, conn.ErrDNS},
		{fmt.Errorf("a: %w", conn.ErrProtocol), conn.ErrProtocol},
		{fmt.Errorf("%w: %w", conn.ErrNotSent, conn.ErrLinkLost), conn.ErrLinkLost}, // the particular before the general
		{&conn.Error{Reason: conn.ErrNoHeartbeat, Err: conn.ErrTimeout}, conn.ErrNoHeartbeat},
	} {
		if got := conn.ReasonOf(test.err); got != test.want {
			t.Errorf("the reason of %v is %v, want %v", test.err, got, test.want)
		}
	}
}

func TestPermanent(t *testing.T) {
	for _, err := range []error{conn.ErrCertificate, conn.ErrCertificateRejected, conn.ErrTLSRequired, conn.ErrTLSUnexpected, conn.ErrRejected} {
		if !conn.Permanent(fmt.Errorf("a: %w", err)) {
			t.Errorf("%v may pass by itself", err)
		}
	}
	for _, err := range []error{nil, io.EOF, conn.ErrRefused, conn.ErrDNS, conn.ErrTimeout, conn.ErrNoHeartbeat, conn.ErrLinkLost, conn.ErrProtocol, conn.ErrGameOver} {
		if conn.Permanent(err) {
			t.Errorf("%v is permanent", err)
		}
	}
}
