package axon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"syscall"
	"time"
)

// A hall that gets what it does not understand ends the connection without a
// word. What it speaks is then asked once and briefly, for the sake of a good
// reason; nothing is sent that it would act upon.

// probeTime covers the first heartbeat of a hall, which comes within 500 ms.
const probeTime = time.Second

// hungUp reports whether the peer closed the connection, as opposed to an answer.
func hungUp(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) }

// speaksPlain waits for the first byte of the notifier: that of a gzip member is
// sent by a hall without TLS.
func (t *Transport) speaksPlain(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	socket, err := t.socket(ctx, t.events)
	if err != nil {
		return false
	}
	defer socket.Close()
	defer context.AfterFunc(ctx, func() { socket.SetReadDeadline(time.Unix(1, 0)) })()
	var first [1]byte
	_, err = io.ReadFull(socket, first[:])
	return err == nil && first[0] == memberHead[0]
}

// errAnswered ends a handshake that has told enough.
var errAnswered = errors.New("the hall speaks TLS")

// speaksTLS asks the commander for its certificate, once and briefly.
func (t *Transport) speaksTLS(ctx context.Context) (answered bool) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	socket, err := t.socket(ctx, t.commands)
	if err != nil {
		return false
	}
	defer socket.Close()
	probe := tls.Client(socket, &tls.Config{
		InsecureSkipVerify: true, // nothing is sent and nothing believed
		VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error {
			answered = true
			return errAnswered
		},
	})
	_ = probe.HandshakeContext(ctx)
	return answered
}
