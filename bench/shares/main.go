// Shares measures what the processor time of a message is spent on, for xbus, nats.go
// and raw TCP side by side: on sockets, on waking goroutines, on memory and its
// collection, on copies, on text, on the rest. It tells why a ratio of the other
// programs is what it is.
//
//	go run ./shares -only "xbus tcp,nats"
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/peer"
)

func main() { measure.Main("shares", run) }

// rows are contenders with both ends in one process of Go, which a profile of this
// process sees whole.
var rows = []string{"xbus tcp", "xbus mem", "nats", "raw"}

// A load is something that contenders do under a profile.
type load struct {
	name  string
	quick bool // also in a quick run
	start func(context.Context, peer.Peer) (peer.Running, messages, error)
	step  int // messages that are asked for at a time
}

// messages sends n messages.
type messages func(ctx context.Context, n int) error

var loads = []load{
	{"calls, 1 in flight", false, calls(1), 500},
	{"calls, 256 in flight", true, calls(256), 5000},
	{"events of 100 B to 1", false, events(100, 1), 20000},
	{"events of 1 KB to 1", true, events(1<<10, 1), 10000},
	{"events of 64 KB to 1", false, events(64<<10, 1), 200},
	{"events of 1 KB to 50", false, events(1<<10, 50), 500},
}

func calls(inFlight int) func(context.Context, peer.Peer) (peer.Running, messages, error) {
	return func(ctx context.Context, p peer.Peer) (peer.Running, messages, error) {
		c, err := p.Calls(ctx)
		if err != nil {
			return nil, nil, err
		}
		return c, func(ctx context.Context, n int) error { return c.Calls(ctx, n, inFlight) }, nil
	}
}

func events(size, receivers int) func(context.Context, peer.Peer) (peer.Running, messages, error) {
	return func(ctx context.Context, p peer.Peer) (peer.Running, messages, error) {
		e, err := p.Events(ctx, peer.EventConfig{Size: size, Receivers: receivers})
		if err != nil {
			return nil, nil, err
		}
		return e, e.Events, nil
	}
}

func run(ctx context.Context, b *measure.Bench) error {
	b.Rounds = 1 // a profile adds up by itself
	peers := peer.Here(func(name string) bool { return slices.Contains(rows, name) && b.Wants(name) }, b.NoteOnce)
	for _, l := range loads {
		if b.Quick && !l.quick {
			continue
		}
		for _, p := range peers {
			if err := l.measure(ctx, b, p); err != nil {
				return fmt.Errorf("%s: %s: %w", l.name, p.Name, err)
			}
		}
	}
	return nil
}

// measure profiles one contender and adds a row to the table of the load.
func (l load) measure(ctx context.Context, b *measure.Bench, p peer.Peer) error {
	running, send, err := l.start(ctx, p)
	if err != nil {
		return err
	}
	length := time.Second
	if b.Quick {
		length = 200 * time.Millisecond
	}
	spent, sent, err := l.profile(ctx, send, length)
	if err = errors.Join(err, running.Close()); err != nil {
		return err
	}
	for kind := range kinds {
		b.Add(&measure.Series{
			Key:  measure.Key{Table: "processor time, " + l.name, Row: p.Name, Column: kind.String()},
			Unit: "µs", Values: []float64{float64(spent[kind].Nanoseconds()) / 1e3 / float64(sent)},
		})
	}
	return nil
}

// profile sends messages for a while and returns what they have cost; what it takes
// to become warm is not counted.
func (l load) profile(ctx context.Context, send messages, length time.Duration) (spent shares, sent int, err error) {
	if _, err = l.during(ctx, send, length/4); err != nil {
		return spent, 0, err
	}
	var text bytes.Buffer
	if err = pprof.StartCPUProfile(&text); err != nil {
		return spent, 0, err
	}
	sent, err = l.during(ctx, send, length)
	pprof.StopCPUProfile()
	if err == nil {
		spent, err = read(&text)
	}
	return spent, sent, err
}

func (l load) during(ctx context.Context, send messages, length time.Duration) (sent int, err error) {
	for began := time.Now(); err == nil && (sent == 0 || time.Since(began) < length); sent += l.step {
		err = send(ctx, l.step)
	}
	return sent, err
}
