package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A Peer is a contender. A nil function is what it cannot do.
type Peer struct {
	Name   string
	Calls  func(context.Context) (Caller, error)
	Events func(context.Context, EventConfig) (Publisher, error)
	Pulses func(context.Context) (Pulser, error)
	// Missing tells why the peer cannot run here, nil when it can.
	Missing func() error
}

// A Running is a contender that has been started.
type Running interface {
	// PIDs are the processes beside this one that do a part of the work.
	PIDs() []int
	Close() error
}

// A Caller has a command that answers with what it was given.
type Caller interface {
	Running
	// Calls makes n calls, inFlight at a time, and returns when all have been
	// answered.
	Calls(ctx context.Context, n, inFlight int) error
}

// An Echoer is a Caller whose calls are made in this process.
type Echoer interface {
	Caller
	// Call makes one call. It may be called from any goroutine.
	Call(context.Context) error
}

// A Publisher has its receivers connected.
type Publisher interface {
	Running
	// Events publishes n events and returns when each receiver has had them.
	Events(ctx context.Context, n int) error
}

// A Pulser publishes events at a steady pace, for one receiver.
type Pulser interface {
	Running
	// Pulse publishes one event of so many bytes per interval and returns how
	// long each of them was under way, in microseconds.
	Pulse(ctx context.Context, n, size int, interval time.Duration) (Latency, error)
}

// A Latency is how long messages were under way, in microseconds.
type Latency struct{ P50, P99 float64 }

// EventConfig says what is published, and for how many.
type EventConfig struct {
	Size      int // of the data, in bytes
	Receivers int
}

// window is how many events a publisher may be ahead: 4 MiB, which all contenders
// keep without a loss, or 4 events when they are large.
func (c EventConfig) window() int { return min(max(4<<20/c.Size, 4), 4096) }

// CallSize is the size of the data of calls, in bytes.
const CallSize = 300

// Object makes data of about n bytes: a JSON object with one text.
func Object(n int) json.RawMessage {
	const frame = `{"text":""}`
	return json.RawMessage(`{"text":"` + Text(n-len(frame)) + `"}`)
}

// Text is n random letters and digits, at least one, the same each time: text that
// repeats itself would flatter who compresses.
func Text(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, max(n, 1))
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}

var callData = Object(CallSize)

// errOther: the answer is not what was sent.
var errOther = errors.New("the answer is not what was sent")

func checkEcho(answer []byte) error {
	if !bytes.Equal(answer, callData) {
		return fmt.Errorf("%w: %.100q", errOther, answer)
	}
	return nil
}

// All returns the contenders in the order in which tables have them.
func All() []Peer {
	list := []Peer{
		xbusPeer("tcp"), xbusPeer("tls"), xbusPeer("unix"), xbusPeer("mem"),
		goJSPeer("tcp"), goJSPeer("unix"),
		jsGoPeer("tcp"), jsGoPeer("unix"),
		jsPeer("tcp"), jsPeer("tls"), jsPeer("unix"),
		natsPeer(), zmqPeer(), redisPeer(), rawPeer(),
	}
	for i := range list {
		if list[i].Missing == nil {
			list[i].Missing = func() error { return nil }
		}
	}
	return list
}

// Here returns the contenders that are wanted and can run on this machine; note is
// told about the others.
func Here(wanted func(name string) bool, note func(format string, args ...any)) (list []Peer) {
	for _, p := range All() {
		if !wanted(p.Name) {
			continue
		}
		if err := p.Missing(); err != nil {
			note("%s was left out: %v", p.Name, err)
			continue
		}
		list = append(list, p)
	}
	return list
}

// A Contender is a peer that has been started.
type Contender[R Running] struct {
	Name    string
	Running R
}

// Start starts what begin starts, of each peer for which it is not nil. When one
// fails all are closed again.
func Start[R Running](ctx context.Context, peers []Peer, begin func(Peer) func(context.Context) (R, error)) (list []Contender[R], err error) {
	for _, p := range peers {
		start := begin(p)
		if start == nil {
			continue
		}
		running, err := start(ctx)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", p.Name, err), Close(list))
		}
		list = append(list, Contender[R]{p.Name, running})
	}
	return list, nil
}

// Close closes all of them.
func Close[R Running](list []Contender[R]) error {
	var errs []error
	for _, c := range list {
		if err := c.Running.Close(); err != nil {
			errs = append(errs, fmt.Errorf("%s: close: %w", c.Name, err))
		}
	}
	return errors.Join(errs...)
}
