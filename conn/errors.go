package conn

import "errors"

// Reasons for which a hall cannot be reached or is lost. They come wrapped in
// errors that say where it happened and what to do; test with [errors.Is].
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
	// ErrNotSent: no byte of the message was written.
	ErrNotSent = errors.New("not sent")
	// ErrLinkLost: the hall closed the link or the network lost it.
	ErrLinkLost = errors.New("link lost")
	// ErrClosed: this side closed the link or the client.
	ErrClosed = errors.New("closed")
	// ErrGameOver: the hall said that it stops for good (protocol §4.8).
	ErrGameOver = errors.New("the great hall has shut down")
	// ErrProtocol: the hall sent what is not the protocol.
	ErrProtocol = errors.New("protocol violation")
	// ErrOverflow: more waits to be written than the limit allows.
	ErrOverflow = errors.New("send queue full")
	// ErrRejected: the hall refused this client (its hooks or its limits).
	ErrRejected = errors.New("refused by the hall")
)
