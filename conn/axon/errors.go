package axon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/xcraft-go/xbus/conn"
)

// dialError says why a socket could not be opened.
func dialError(ctx context.Context, address string, err error) error {
	e := &conn.Error{Op: "dial", Addr: address, Err: err}
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Reason, e.Hint = conn.ErrRefused, "nothing listens there: is the great hall running, and are host and ports right?"
	case errors.Is(err, os.ErrNotExist):
		e.Reason, e.Hint = conn.ErrRefused, "there is no such socket: is the great hall running with this unixSocketId and these ports?"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		e.Reason = conn.ErrUnreachable
	case errors.As(err, &dns):
		e.Reason, e.Hint = conn.ErrDNS, "check the spelling of the host"
	case errors.Is(err, errNotAccepted):
		e.Reason, e.Hint = conn.ErrTimeout, "the hall hangs, or has more clients than it can take"
	case isTimeout(ctx, err):
		e.Reason, e.Hint = conn.ErrTimeout, "the host does not answer: a firewall, or another network?"
	default:
		e.Reason = conn.ErrUnreachable
	}
	return withCause(ctx, e)
}

// tlsError says why a TLS handshake has failed. wanted tells that the hall has
// asked for a certificate that we do not have.
func tlsError(ctx context.Context, address string, err error, wanted bool) error {
	e := &conn.Error{Op: "dial", Addr: address, Err: err, Reason: conn.ErrTLS}
	var (
		record    tls.RecordHeaderError
		unknown   x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		mismatch  *pinError
		plainHall = errors.As(err, &record) || errors.Is(err, conn.ErrTLSUnexpected)
	)
	switch {
	case plainHall:
		e.Reason, e.Hint = conn.ErrTLSUnexpected, "leave out the CA, or use xcraft:// instead of xcrafts://"
	case errors.As(err, &mismatch):
		e.Reason, e.Hint = conn.ErrCertificate, "the hall shows another certificate than the pinned one: was it renewed?"
	case errors.As(err, &unknown):
		e.Reason, e.Hint = conn.ErrCertificate, "give the CA that signed it, or pin the certificate itself when it is self-signed"
	case errors.As(err, &name):
		e.Reason, e.Hint = conn.ErrCertificate, "it is for another name: pin the certificate, or set the server name"
	case errors.As(err, &invalid), errors.As(err, &verify):
		e.Reason = conn.ErrCertificate
	case isAlert(err), wanted && alert(err) != "":
		e.Reason, e.Hint = conn.ErrCertificateRejected, "give a client certificate that the hall accepts"
	case isTimeout(ctx, err):
		e.Reason, e.Hint = conn.ErrTimeout, "the hall does not answer the TLS handshake: does it speak TLS at all?"
	case hungUp(err):
		e.Hint = "the hall ended it: does it speak TLS at all?"
	}
	return withCause(ctx, e)
}

// isAlert reports whether the peer refused our certificate by a TLS alert. The
// type of alerts is not exported, their texts are those of crypto/tls.
func isAlert(err error) bool {
	text := alert(err)
	return strings.HasSuffix(text, " certificate") || // bad, expired, revoked, unknown, unsupported
		text == "certificate required" || text == "unknown certificate authority" || text == "access denied"
}

// alert is the text of the TLS alert that the peer has sent, "" for other errors.
func alert(err error) string {
	if remote := (*net.OpError)(nil); errors.As(err, &remote) && remote.Op == "remote error" {
		return strings.TrimPrefix(remote.Err.Error(), "tls: ")
	}
	return ""
}

func isTimeout(ctx context.Context, err error) bool {
	var n net.Error
	return ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// withCause prefers the reason that the caller's context gives.
func withCause(ctx context.Context, e *conn.Error) error {
	if ctx.Err() == nil {
		return e
	}
	cause := context.Cause(ctx)
	switch c, ok := errors.AsType[*conn.Error](cause); {
	case ok:
		e.Reason, e.Hint = c.Reason, c.Hint
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		e.Reason, e.Err = conn.ErrTimeout, cause
	default:
		e.Reason, e.Err, e.Hint = conn.ErrClosed, cause, ""
	}
	return e
}
