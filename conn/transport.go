package conn

import (
	"context"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// A Transport knows one way to reach a great hall. It carries messages and
// nothing else: the handshake, the reconnection and the waits between two
// attempts belong to [Conn].
//
// Dial may be called again after each loss, never twice at the same time.
type Transport interface {
	// Dial opens one live pair of sockets. The context bounds the dial only,
	// not the life of the Link. Errors wrap one of the reasons of this
	// package ([ErrRefused], [ErrTLS], …) where one fits.
	Dial(ctx context.Context) (Link, error)

	// String is the address as messages show it. It holds no secret.
	String() string
}

// A Link is one live pair of channels between a client and a great hall: what
// comes in and what goes out. The same interface serves both ends; the hall's
// end receives commands and sends events.
type Link interface {
	// Receive returns the next message. Only one goroutine may call it. It is
	// never held up by Send, and Close unblocks it. After an error the Link is
	// dead and each later call returns the same error.
	Receive() (*wire.Message, error)

	// Send queues m and lets it be written together with what others queue.
	// Any number of goroutines may call it. m is not used after it has
	// returned. A Link whose LinkInfo.Server is set may hand its payload, topic
	// and id on to the peer in the same process, so nobody writes to those; any
	// other one keeps nothing of m, whose memory is used again. A nil error means
	// that m was handed to the writer, not that the peer has read it: see
	// LinkInfo.Written. An error that wraps
	// [ErrNotSent] means that no byte of m was written. The context bounds
	// the wait for room in the queue. The number counts the messages of the
	// Link from 1, in the order in which they are written.
	Send(ctx context.Context, m *wire.Message) (number uint64, err error)

	// Close ends both channels at once. It is idempotent, may be called from
	// anywhere, and returns after every goroutine of the Link has ended,
	// Receive's caller excepted.
	Close() error

	// Info describes the Link as it is now.
	Info() LinkInfo
}

// LinkInfo is what a [Link] knows about itself.
type LinkInfo struct {
	// Port ties the two sockets of a client together in the hall's tables:
	// the local TCP port of the event socket, or on Unix sockets the inode of
	// the hall's end (protocol §2.9, §2.6). 0 when there is none.
	Port uint64
	// Local and Remote are addresses for messages, e.g. "127.0.0.1:35400".
	Local, Remote string
	// Secure tells that both sockets are encrypted.
	Secure bool
	// Written is the number of the last message of which a byte may have been
	// handed to the system. Later ones were certainly not sent.
	Written uint64
	// LastReceived is when the last bytes of the incoming channel came.
	LastReceived time.Time
	// Goroutines is how many goroutines the Link keeps.
	Goroutines int
	// SameHost tells that both ends are on one machine: on a loopback address
	// or a unix socket.
	SameHost bool
	// Server tells that this Link ends in the process of the hall itself (the
	// reference calls this backend "ee"). It decides what becomes of the memory
	// of messages: see Link.Send.
	Server bool
}
