package conn

import (
	"errors"
	"strings"
)

// Reasons for which a hall cannot be reached or is lost. They come wrapped in
// an [Error] that says where it happened and what to do; test with [errors.Is].
var (
	// ErrRefused: nothing listens at the address.
	ErrRefused = errors.New("connection refused")
	// ErrUnreachable: the network has no way to the address.
	ErrUnreachable = errors.New("host unreachable")
	// ErrDNS: the name of the host has no address.
	ErrDNS = errors.New("host name not found")
	// ErrTimeout: an answer took longer than its limit.
	ErrTimeout = errors.New("timed out")
	// ErrTLS: the TLS handshake failed for another reason than a certificate.
	ErrTLS = errors.New("TLS handshake failed")
	// ErrTLSRequired: the hall speaks TLS and this client does not.
	ErrTLSRequired = errors.New("the hall speaks TLS, the client does not")
	// ErrTLSUnexpected: this client speaks TLS and the hall does not.
	ErrTLSUnexpected = errors.New("the client speaks TLS, the hall does not")
	// ErrCertificate: the certificate of the hall is not trusted, has expired
	// or is for another name.
	ErrCertificate = errors.New("the certificate of the hall is not accepted")
	// ErrCertificateRejected: the hall does not accept our certificate, or
	// wants one and got none (protocol §2.5).
	ErrCertificateRejected = errors.New("the hall rejected the client certificate")
	// ErrNoHeartbeat: the sockets are up and the hall says nothing.
	ErrNoHeartbeat = errors.New("no sign of life from the hall")
	// ErrNotConnected: there is no session to send with.
	ErrNotConnected = errors.New("not connected")
	// ErrNotSent: no byte of the message was written.
	ErrNotSent = errors.New("not sent")
	// ErrLinkLost: the hall closed the link or the network lost it.
	ErrLinkLost = errors.New("link lost")
	// ErrClosed: this side closed the link or the client.
	ErrClosed = errors.New("closed")
	// ErrCut: this side cut the link in order to connect anew.
	ErrCut = errors.New("cut on request")
	// ErrGameOver: the hall said that it stops for good (protocol §4.8).
	ErrGameOver = errors.New("the great hall has shut down")
	// ErrProtocol: the hall sent what is not the protocol.
	ErrProtocol = errors.New("protocol violation")
	// ErrOverflow: more waits to be written than the limit allows.
	ErrOverflow = errors.New("send queue full")
	// ErrRejected: the hall refused this client (its hooks or its limits).
	ErrRejected = errors.New("refused by the hall")
)

// An Error says what failed, where, why and what to do about it.
type Error struct {
	Op     string // "dial", "handshake", "session", "send"
	Addr   string // the transport's address, without secrets
	Reason error  // one of the reasons above; nil when none fits
	Err    error  // the error beneath; may be nil
	Hint   string // what to do; may be empty
}

// Error joins the parts into one line.
func (e *Error) Error() string {
	parts := []string{"conn: " + e.Op + " " + e.Addr}
	if e.Addr == "" {
		parts[0] = "conn: " + e.Op
	}
	if e.Reason != nil {
		parts = append(parts, e.Reason.Error())
	}
	if e.Err != nil && (e.Reason == nil || !strings.Contains(e.Err.Error(), e.Reason.Error())) {
		parts = append(parts, e.Err.Error())
	} else if e.Err != nil {
		parts = append(parts[:len(parts)-1], e.Err.Error())
	}
	s := strings.Join(parts, ": ")
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap makes [errors.Is] and [errors.As] find Reason and Err.
func (e *Error) Unwrap() []error {
	var list []error
	if e.Reason != nil {
		list = append(list, e.Reason)
	}
	if e.Err != nil {
		list = append(list, e.Err)
	}
	return list
}

// reasons lists what [ReasonOf] knows, the particular before the general.
var reasons = []error{
	ErrRefused, ErrUnreachable, ErrDNS, ErrCertificateRejected, ErrCertificate, ErrTLSRequired,
	ErrTLSUnexpected, ErrTLS, ErrNoHeartbeat, ErrProtocol, ErrGameOver, ErrRejected, ErrCut,
	ErrOverflow, ErrTimeout, ErrClosed, ErrLinkLost, ErrNotConnected, ErrNotSent,
}

// ReasonOf returns the reason of this package that err wraps, nil for none. It
// is meant for counters and labels.
func ReasonOf(err error) error {
	for _, reason := range reasons {
		if errors.Is(err, reason) {
			return reason
		}
	}
	return nil
}

// Permanent reports whether err is a reason that trying again does not cure:
// the hall's certificate, our certificate, or a hall that refuses this client.
func Permanent(err error) bool {
	for _, reason := range []error{ErrCertificate, ErrCertificateRejected, ErrTLSRequired, ErrTLSUnexpected, ErrRejected} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}
