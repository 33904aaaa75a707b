package server

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/wire"
)

// A Reason says why something was refused, dropped or cut, in [Stats].
type Reason string

// Reasons of Stats.Refused: what a peer asked for and did not get.
const (
	WrongToken      Reason = "wrong token"          // a command with another token
	NotBound        Reason = "not bound"            // a command before autoconnect
	NameTaken       Reason = "name taken"           // under a name of another connection
	BadName         Reason = "bad name"             // under what is no orc name
	TooManyNames    Reason = "too many names"       // of one connection
	NotAvailable    Reason = "command unknown"      // no such command
	NotAuthorized   Reason = "not authorized"       // Authorize said no
	NotAuthentic    Reason = "not authenticated"    // Authenticate said no
	BadArguments    Reason = "invalid arguments"    // data that does not fit
	HallDraining    Reason = "draining"             // the hall takes no new commands
	Malformed       Reason = "malformed command"    // without an envelope, an id or its data
	ForeignRoute    Reason = "foreign route"        // :delete-route for somebody else
	ForeignLine     Reason = "foreign line"         // a line for somebody else
	ForeignTopic    Reason = "foreign topic"        // broadcast of what is not the sender's
	TooManySessions Reason = "too many connections" // beyond Limits.Connections
	TooManyLines    Reason = "too many lines"       // of one connection
	TooManyAway     Reason = "too many away"        // a session that was given up because of Limits.Sessions
)

// Reasons of Stats.Refused for sockets that came to nothing: who they belong to
// was not known yet.
const (
	NotProtocol     Reason = "not the protocol"      // no gzip, no frames, or more than a stranger may send
	CutShort        Reason = "cut short"             // it ended inside of a frame; also in Stats.Cut
	NotPaired       Reason = "not paired"            // no autoconnect in time, or no event socket for it
	CrowdedDoor     Reason = "too many strangers"    // too many sockets wait to be paired
	BadTLS          Reason = "tls handshake failed"  // or was not made in time
	BadCertificate  Reason = "certificate rejected"  // none, or one that is not accepted
	SocketAbandoned Reason = "left before it paired" // the other side has closed it
	SocketRefused   Reason = "socket refused"        // for any other reason
)

// Reasons of Stats.Cut: how a connection was ended by the hall, or spoilt by its
// client.
const (
	SlowConsumer  Reason = "slow consumer"  // more waits for it than its limit
	TooSlow       Reason = "too slow"       // it took nothing, or did not end a frame, in time
	Unbound       Reason = "unbound"        // no autoconnect in time
	InternalTopic Reason = "internal topic" // it sent what is for halls only
	Replaced      Reason = "replaced"       // the same session came by another connection
	BadPeer       Reason = "protocol error" // it sent what is not the protocol
	Denied        Reason = "denied"         // Authenticate said no
	Crowded       Reason = "too many"       // beyond Limits.Connections
	Closing       Reason = "closing"        // the hall closed
	OnRequest     Reason = "on request"     // by Hall.Cut
	// and CutShort
)

// Stats are the counters of a hall since its start.
type Stats struct {
	Connections int // now
	Bound       int // of them, with an orc name
	Sessions    int // of clients of xbus, those that are away included
	Commands    int // registered
	InFlight    int // commands that wait or run now
	Running     int // handlers that run now, those that were given up included

	Accepted  uint64 // connections
	Left      uint64 // of them, those that their clients have ended; Cut has the others
	Received  uint64 // commands that were accepted
	Finished  uint64 // answered by a result
	Failed    uint64 // answered by an error of the handler
	Panics    uint64 // of them, by a panic
	Timeouts  uint64 // answered by the deadline
	Aborted   uint64 // ended because the caller or the hall went
	Late      uint64 // results that came after the answer was given
	Published uint64 // events
	Delivered uint64 // events × receivers
	Unrouted  uint64 // events for an orc or a line that nobody has
	HeldBack  uint64 // times that a connection was not read on because of Limits.InFlight

	Refused map[Reason]uint64
	Cut     map[Reason]uint64
}

// counters are the parts of Stats that only grow.
type counters struct {
	accepted, left, received, finished, failed, panics, timeouts, aborted, late atomic.Uint64
	published, delivered, unrouted, heldBack                                    atomic.Uint64
	inFlight                                                                    atomic.Int64

	mu      sync.Mutex
	refused map[Reason]uint64
	cut     map[Reason]uint64
}

func (c *counters) refuse(r Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = make(map[Reason]uint64)
	}
	c.refused[r]++
}

func (c *counters) cutFor(r Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut == nil {
		c.cut = make(map[Reason]uint64)
	}
	c.cut[r]++
}

// socketReasons names why a door has refused a socket, the particular before the
// general.
var socketReasons = []struct {
	err    error
	reason Reason
}{
	{axon.ErrCrowded, CrowdedDoor}, {axon.ErrUnbound, NotPaired},
	{conn.ErrCertificateRejected, BadCertificate}, {conn.ErrTLS, BadTLS}, {conn.ErrTLSRequired, BadTLS},
	{conn.ErrProtocol, NotProtocol}, {wire.ErrTruncated, CutShort},
	{conn.ErrLinkLost, SocketAbandoned},
}

func socketReason(err error) Reason {
	for _, known := range socketReasons {
		if errors.Is(err, known.err) {
			return known.reason
		}
	}
	return SocketRefused
}

// Stats returns the counters.
func (h *Hall) Stats() Stats {
	c := &h.counts
	s := Stats{
		Commands: len(h.commands.load().byName), InFlight: int(c.inFlight.Load()), Running: h.busy.count(),
		Accepted: c.accepted.Load(), Left: c.left.Load(), Received: c.received.Load(), Finished: c.finished.Load(), Failed: c.failed.Load(),
		Panics: c.panics.Load(), Timeouts: c.timeouts.Load(), Aborted: c.aborted.Load(), Late: c.late.Load(),
		Published: c.published.Load(), Delivered: c.delivered.Load(), Unrouted: c.unrouted.Load(),
		HeldBack: c.heldBack.Load(),
	}
	c.mu.Lock()
	s.Refused, s.Cut = maps.Clone(c.refused), maps.Clone(c.cut)
	c.mu.Unlock()
	s.Connections, s.Bound, s.Sessions = h.routes.count()
	return s
}
